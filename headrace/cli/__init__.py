"""The command line: each command is a few lines over the client or the local stack.

`table` lists all commands, and `commands` imports one when it is called. `stacks` starts and stops this
machine's stack; `programs` submits programs; `job_commands` reads and cancels jobs; `history_commands` reads
the log back. `overview`, `sessions` and `operators` show the rest; `local_commands` needs no running stack.
"""

from typing import Annotated

import typer

from headrace.cli.commands import Commands
from shared.version import VERSION

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Help with boxes and colours takes a quarter of a second longer.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(is_set: bool) -> None:
    if is_set:
        typer.echo(f"headrace {VERSION}")
        raise typer.Exit


@app.callback()
def headrace(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run untrusted programs, and keep the whole story of every run."""
