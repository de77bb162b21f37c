"""The command line: each command is a few lines over the client or the local stack.

`table` names them all, and `commands` imports one when it is called. `stacks` starts and ends this machine's
stack; `programs` hands programs in; `asking` asks about jobs, `histories` reads the log back; `overview`,
`sessions` and `operators` ask about the rest; `running` needs no stack.
"""

from typing import Annotated

import typer

from headrace.cli.commands import Commands
from shared.version import VERSION

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Help with boxes and colours takes a quarter of a second more.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"headrace {VERSION}")
        raise typer.Exit


@app.callback()
def headrace(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run untrusted programs, and keep the whole story of every run."""
