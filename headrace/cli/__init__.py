"""The command line: each command is a few lines over the client or the local stack.

`running` holds what starts something on this machine, `asking` what asks a Headrace that
runs, `histories` what reads the whole log back.
"""

import typer

from headrace.cli import asking, histories, running
from headrace.cli.terminal import PROGRAM_LAST

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Run untrusted programs, and keep the whole story of every run.",
)
app.command()(running.up)
# Options stand before the file: what stands behind it is the program's.
app.command(context_settings=PROGRAM_LAST)(running.run)
app.command()(running.demo)
app.command()(running.doctor)
app.command()(running.token)
app.command(context_settings=PROGRAM_LAST)(asking.submit)
app.command()(asking.get)
app.command()(asking.wait)
app.command()(asking.ls)
app.command()(asking.cancel)
app.command()(asking.logs)
app.command()(asking.events)
app.command()(histories.replay)
app.command()(histories.export)
app.command()(histories.verify)
app.command()(asking.artifacts)
app.command()(asking.erase)
