"""The command line: each command is a few lines over the client or the local stack.

`stacks` starts and ends this machine's stack; `programs` hands programs in; `asking` asks about jobs,
`histories` reads the log back; `overview`, `sessions` and `operators` ask about the rest; `running` needs no
stack.
"""

from typing import Annotated

import typer

from headrace.cli import asking, histories, operators, overview, programs, running, sessions, stacks
from headrace.cli.commands import Commands
from headrace.cli.terminal import PROGRAM_LAST
from shared.version import VERSION

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
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


app.command()(stacks.up)
app.command()(stacks.down)
app.command()(stacks.clean)
app.command()(overview.status)
app.command()(overview.languages)
# Options stand before the file: what stands behind it is the program's.
app.command(context_settings=PROGRAM_LAST)(programs.run)
app.command(context_settings=PROGRAM_LAST)(programs.submit)
app.command()(asking.get)
app.command()(asking.wait)
app.command()(asking.ls)
app.command()(asking.cancel)
app.command()(asking.logs)
app.command()(asking.events)
app.command()(asking.artifacts)
app.command()(histories.replay)
app.command()(histories.export)
app.command()(histories.verify)
app.add_typer(sessions.commands, name="sessions")
app.command("dead-letters")(operators.dead_letters)
app.command()(operators.retry)
app.command()(operators.erase)
app.command()(running.token)
app.command()(running.demo)
app.command()(running.doctor)
