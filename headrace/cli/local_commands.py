"""Commands that need no running stack: the demo, the doctor, tokens; and the private stack of a command."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.known import known_scope
from headrace.cli.run import print_json
from headrace.cli.runner import AsJson, Data, console, finish
from headrace.cli.scopes import JOBS, explain_missing_scope
from headrace.cli.stacks import STARTING, inherit_settings
from headrace.cli.waiting_line import WaitingLine
from headrace.client import endpoint
from headrace.client.client import AsyncClient, open_client
from headrace.local.stack import DEFAULT_DIRECTORY
from headrace.local.supervisor import StackOptions, private_stack


def demo(
    data: Annotated[Path | None, typer.Option(help="Use the stack that runs here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run real programs, show their events as they happen, then replay them from the log and compare."""
    finish(_demo(data, as_json=as_json), as_json=as_json)


async def _demo(data: Path | None, *, as_json: bool) -> int:
    from rich.console import Console  # noqa: PLC0415 - `run` is without

    from headrace.cli.demo import run_demo  # noqa: PLC0415

    screen = Console(quiet=True) if as_json else console
    with WaitingLine(quiet=as_json) as line:
        async with _client_of(data, line) as client:
            line.close()
            return 0 if await run_demo(client, screen, as_json=as_json) else 1


def doctor(as_json: AsJson = False) -> None:
    """Tell what this machine offers, and what would be refused here."""

    from headrace.cli.doctor import examine, report  # noqa: PLC0415 - `run` is without

    async def show_report() -> int:
        facts = await examine()
        print_json(facts) if as_json else report(facts, console)
        return 0 if facts["refusal"] is None and facts["nats_server"] else 1

    finish(show_report(), as_json=as_json)


def token(
    user: Annotated[str, typer.Argument(help="The user id.")] = endpoint.LOCAL_USER,
    hours: Annotated[float, typer.Option(min=0.001)] = 12,
    scope: Annotated[list[str] | None, typer.Option(help="May be repeated.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Jobs that may run at a time.")] = 1,
    data: Data = DEFAULT_DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """Issue a token for the local stack."""

    async def issue() -> int:
        scopes = frozenset(known_scope(each) for each in scope) if scope else None
        issued = endpoint.issue(data, user, timedelta(hours=hours), scopes, concurrency)
        print_json({"token": issued}) if as_json else sys.stdout.write(issued + "\n")
        return 0

    finish(issue(), as_json=as_json)


@asynccontextmanager
async def local_client(data: Path, user: str, line: WaitingLine) -> AsyncIterator[AsyncClient]:
    """A client of the stack in `data` or named by the environment, else of a private one for this call.

    `line` shows that a private one is being started.
    """
    async with _client_of(data if endpoint.is_named(data) else None, line, user) as client:
        yield client


@asynccontextmanager
async def _client_of(
    data: Path | None, line: WaitingLine, user: str = endpoint.LOCAL_USER
) -> AsyncIterator[AsyncClient]:
    if data is not None:
        with explain_missing_scope(JOBS):
            async with open_client(endpoint.endpoint(data, user)) as client:
                yield client
        return
    options = StackOptions(environment=inherit_settings())
    line.tell(STARTING, lasted_s=0)
    async with (
        private_stack(options) as stack,
        open_client(endpoint.local_endpoint(stack.directory, stack.address, user)) as client,
    ):
        line.clear()
        yield client
