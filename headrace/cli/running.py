"""Commands that start something on this machine: the stack, one program, the demo; and what belongs to it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from headrace import connection
from headrace.artifacts import download
from headrace.cli.terminal import AsJson, Data, Words, console, finish, words_of
from headrace.client import AsyncClient, open_client
from headrace.demo import run_demo
from headrace.doctor import examine, report
from headrace.local.inherited import inherit
from headrace.local.stack import DEFAULT_DIRECTORY
from headrace.local.supervisor import StackOptions, private_stack, run_stack
from headrace.run import content_of, exit_code, language_of, print_json, run_program


def up(
    data: Data = DEFAULT_DIRECTORY,
    api_port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8070,
    notifier_port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8071,
    executors: Annotated[int, typer.Option(min=1, max=64)] = 1,
    fast: Annotated[bool, typer.Option(help="Do not sync each event to disk.")] = False,
) -> None:
    """Start nats-server and the four services, and keep them running until Ctrl-C."""
    options = StackOptions(
        api_port=api_port,
        notifier_port=notifier_port,
        executors=executors,
        sync="fast" if fast else "always",
        environment=_inherited(),
    )
    finish(_up(data, options))


def _inherited() -> Mapping[str, str]:
    """The settings of this environment that are for the services; says which are not, and are of no use."""
    inherited = inherit(os.environ)
    for line in inherited.lines():
        typer.echo(f"headrace: {line}", err=True)
    return inherited.settings


async def _up(data: Path, options: StackOptions) -> int:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with run_stack(data, options, report=lambda line: console.print(f"[yellow]{line}[/]")) as stack:
        endpoint = connection.local_endpoint(data, stack.address)
        console.print(f"api        {endpoint.api_url}  (docs: {endpoint.api_url}/docs)")
        console.print(f"websocket  {endpoint.websocket_url}")
        console.print(f"token      {connection.issue(data, connection.LOCAL_USER)}")
        if options.sync == "fast":
            console.print("[yellow]fast: an operating-system crash may lose the last two minutes[/]")
        console.print("[dim]Ctrl-C stops everything; nothing that was accepted is lost[/]")
        await stopping.wait()
        console.print("[dim]stopping[/]")
    return 0


def run(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    words: Words = None,
    language: Annotated[str | None, typer.Option(help="Where the file's name does not tell.")] = None,
    wall_ms: Annotated[int | None, typer.Option(min=1, help="Wall time limit.")] = None,
    artifact: Annotated[
        list[str] | None, typer.Option(help="A pattern of files to keep, such as out/**. May be repeated.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Where they are written.")] = Path(),
    data: Data = DEFAULT_DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """Run one file, with standard input, and end with its exit code.

    Options stand before FILE; everything behind it is the program's.
    """
    source = file.read_bytes()
    # A terminal is not read: the program would wait for an end of input that nobody types.
    stdin = b"" if sys.stdin.isatty() else sys.stdin.buffer.read()
    given: dict[str, Any] = {
        "files": [{"name": file.name, **content_of(source)}],
        "entrypoint": file.name,
        "args": words_of(words),
    }
    if stdin:
        content = content_of(stdin)
        given |= {"stdin": content["content"], "stdin_encoding": content["encoding"]}
    if wall_ms is not None:
        given["limits"] = {"wall_ms": wall_ms}
    if artifact:
        given["artifacts"] = artifact
    finish(_run_file(data, file, language, given, output=output, as_json=as_json))


async def _run_file(
    data: Path, file: Path, language: str | None, given: dict[str, Any], *, output: Path, as_json: bool
) -> int:
    async with _local_client(data) as client:
        submission = {**given, "language": language or language_of(file, await client.languages())}
        ended = await run_program(client, submission, as_json=as_json)
        if ended.result is not None and ended.result.artifacts:
            await download(client, ended.job_id, ended.result.artifacts, output)
        return exit_code(ended)


def demo(data: Annotated[Path | None, typer.Option(help="Use the stack that runs here.")] = None) -> None:
    """Run real programs, show their events as they happen, then replay them from the log and compare."""
    finish(_demo(data))


async def _demo(data: Path | None) -> int:
    console.print("[dim]starting nats-server and the four services[/]")
    async with _client_of(data) as client:
        return 0 if await run_demo(client, console) else 1


def doctor(as_json: AsJson = False) -> None:
    """Tell what this machine offers, and what would be refused here."""

    async def examined() -> int:
        facts = await examine()
        print_json(facts) if as_json else report(facts, console)
        return 0 if facts["refusal"] is None and facts["nats_server"] else 1

    finish(examined())


def token(
    user: Annotated[str, typer.Argument(help="The user id.")] = connection.LOCAL_USER,
    hours: Annotated[float, typer.Option(min=0.001)] = 12,
    scope: Annotated[list[str] | None, typer.Option(help="May be repeated.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Jobs that may run at a time.")] = 1,
    data: Data = DEFAULT_DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """Issue a token for the local stack."""

    async def issue() -> int:
        scopes = frozenset(scope) if scope else None
        issued = connection.issue(data, user, timedelta(hours=hours), scopes, concurrency)
        print_json({"token": issued}) if as_json else sys.stdout.write(issued + "\n")
        return 0

    finish(issue())


@asynccontextmanager
async def _local_client(data: Path) -> AsyncIterator[AsyncClient]:
    """The stack that runs in `data` or is named by the environment, else a private one for this call."""
    async with _client_of(data if connection.is_named(data) else None) as client:
        yield client


@asynccontextmanager
async def _client_of(data: Path | None) -> AsyncIterator[AsyncClient]:
    if data is not None:
        async with open_client(connection.endpoint(data)) as client:
            yield client
        return
    async with (
        private_stack(StackOptions(environment=_inherited())) as stack,
        open_client(connection.local_endpoint(stack.directory, stack.address)) as client,
    ):
        yield client
