"""The command line: each command is a few lines over `AsyncClient` or the local stack."""

import asyncio
import base64
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from headrace import connection
from headrace.artifacts import download
from headrace.client import AsyncClient, Endpoint, open_client
from headrace.demo import run_demo
from headrace.doctor import examine, report
from headrace.errors import HeadraceError
from headrace.local.nats_server import NatsServerError
from headrace.local.stack import DEFAULT_DIRECTORY, StackError, find
from headrace.local.supervisor import StackOptions, private_stack, run_stack
from headrace.run import UnknownLanguageError, exit_code, language_of, print_json, run_program
from headrace.show import artifacts_table, event_line, jobs_table
from shared.codec import EventObject
from shared.subjects import SubjectError
from shared.tokens import TokenError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Run untrusted programs, and keep the whole story of every run.",
)
EXPECTED = (HeadraceError, StackError, NatsServerError, SubjectError, TokenError, UnknownLanguageError)
console = Console(highlight=False, soft_wrap=True)

Data = Annotated[Path, typer.Option(help="Where the local stack keeps its data.", envvar="HEADRACE_DATA")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
User = Annotated[str, typer.Option(help="Who the local token is for.")]


@app.command()
def up(
    data: Data = DEFAULT_DIRECTORY,
    api_port: int = 8070,
    notifier_port: int = 8071,
    executors: Annotated[int, typer.Option(min=1, max=64)] = 1,
    fast: Annotated[bool, typer.Option(help="Do not sync each event to disk.")] = False,
) -> None:
    """Start nats-server and the four services, and keep them running until Ctrl-C."""
    options = StackOptions(
        api_port=api_port,
        notifier_port=notifier_port,
        executors=executors,
        sync="fast" if fast else "always",
    )
    _run(_up(data, options))


async def _up(data: Path, options: StackOptions) -> int:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with run_stack(data, options, report=lambda line: console.print(f"[yellow]{line}[/]")) as stack:
        endpoint = connection.local_endpoint(data, stack.address)
        console.print(f"api        {endpoint.api_url}  (docs: {endpoint.api_url}/docs)")
        console.print(f"websocket  {endpoint.websocket_url}")
        console.print(f"token      {endpoint.token}")
        if options.sync == "fast":
            console.print("[yellow]fast: an operating-system crash may lose the last two minutes[/]")
        console.print("[dim]Ctrl-C stops everything; nothing that was accepted is lost[/]")
        await stopping.wait()
        console.print("[dim]stopping[/]")
    return 0


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    language: Annotated[str | None, typer.Option(help="Where the file's name does not tell.")] = None,
    wall_ms: Annotated[int | None, typer.Option(min=1, help="Wall time limit.")] = None,
    artifact: Annotated[
        list[str] | None, typer.Option(help="A pattern of files to keep, such as out/**. May be repeated.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Where they are written.")] = Path(),
    data: Data = DEFAULT_DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """Run one file, with standard input and arguments after --, and end with its exit code."""
    source = file.read_bytes()
    # A terminal is not read: the program would wait for an end of input that nobody types.
    stdin = b"" if sys.stdin.isatty() else sys.stdin.buffer.read()
    given: dict[str, Any] = {
        "files": [{"name": file.name, **_content(source)}],
        "entrypoint": file.name,
        "args": context.args,
    }
    if stdin:
        content = _content(stdin)
        given |= {"stdin": content["content"], "stdin_encoding": content["encoding"]}
    if wall_ms is not None:
        given["limits"] = {"wall_ms": wall_ms}
    if artifact:
        given["artifacts"] = artifact
    _run(_run_file(data, file, language, given, output=output, as_json=as_json))


async def _run_file(
    data: Path, file: Path, language: str | None, given: dict[str, Any], *, output: Path, as_json: bool
) -> int:
    async with _local_client(data) as client:
        submission = {**given, "language": language or language_of(file, await client.languages())}
        ended = await run_program(client, submission, as_json=as_json)
        left = (ended["result"] or {}).get("artifacts", [])
        if left:
            await download(client, ended["job_id"], left, output)
        return exit_code(ended)


@app.command()
def demo(data: Annotated[Path | None, typer.Option(help="Use the stack that runs here.")] = None) -> None:
    """Run real programs, show their events as they happen, then replay them from the log and compare."""
    _run(_demo(data))


async def _demo(data: Path | None) -> int:
    console.print("[dim]starting nats-server and the four services[/]")
    async with _client_of(data) as client:
        return 0 if await run_demo(client, console) else 1


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Tell what this machine offers, and what would be refused here."""

    async def examined() -> int:
        facts = await examine()
        print_json(facts) if as_json else report(facts, console)
        return 0 if facts["refusal"] is None and facts["nats_server"] else 1

    _run(examined())


@app.command()
def token(
    user: Annotated[str, typer.Argument(help="The user id.")] = connection.LOCAL_USER,
    hours: Annotated[float, typer.Option(min=0.001)] = 12,
    scope: Annotated[list[str] | None, typer.Option(help="May be repeated.")] = None,
    data: Data = DEFAULT_DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """Issue a token for the local stack."""

    async def issue() -> int:
        issued = connection.issue(data, user, timedelta(hours=hours), frozenset(scope) if scope else None)
        print_json({"token": issued}) if as_json else sys.stdout.write(issued + "\n")
        return 0

    _run(issue())


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    language: Annotated[str | None, typer.Option()] = None,
    key: Annotated[str | None, typer.Option(help="Idempotency key.")] = None,
    data: Data = DEFAULT_DIRECTORY,
    user: User = connection.LOCAL_USER,
    as_json: AsJson = False,
) -> None:
    """Submit one file and print its job id."""

    async def call(client: AsyncClient) -> None:
        submission = {
            "language": language or language_of(file, await client.languages()),
            "files": [{"name": file.name, **_content(file.read_bytes())}],
            "entrypoint": file.name,
        }
        job = await client.submit(submission, key=key)
        print_json(job) if as_json else console.print(job["job_id"])

    _call(data, user, call)


@app.command()
def get(
    job_id: str, data: Data = DEFAULT_DIRECTORY, user: User = connection.LOCAL_USER, as_json: AsJson = False
) -> None:
    """Show one job."""

    async def call(client: AsyncClient) -> None:
        job = await client.get(job_id)
        print_json(job) if as_json else console.print(jobs_table([job]))

    _call(data, user, call)


@app.command()
def ls(
    status: Annotated[str | None, typer.Option()] = None,
    language: Annotated[str | None, typer.Option()] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    data: Data = DEFAULT_DIRECTORY,
    user: User = connection.LOCAL_USER,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""

    async def call(client: AsyncClient) -> None:
        page = await client.jobs(status=status, language=language, limit=limit)
        print_json(page) if as_json else console.print(jobs_table(page["jobs"]))

    _call(data, user, call)


@app.command()
def cancel(
    job_id: str, data: Data = DEFAULT_DIRECTORY, user: User = connection.LOCAL_USER, as_json: AsJson = False
) -> None:
    """Stop one job."""

    async def call(client: AsyncClient) -> None:
        job = await client.cancel(job_id)
        print_json(job) if as_json else console.print(job["status"])

    _call(data, user, call)


@app.command()
def artifacts(
    job_id: str,
    output: Annotated[Path | None, typer.Option(help="Write them beneath this directory.")] = None,
    data: Data = DEFAULT_DIRECTORY,
    user: User = connection.LOCAL_USER,
    as_json: AsJson = False,
) -> None:
    """List the files that a job left, and download them with --output."""

    async def call(client: AsyncClient) -> None:
        listed = await client.artifacts(job_id)
        if output is not None:
            await download(client, job_id, listed["artifacts"], output)
        print_json(listed) if as_json else console.print(artifacts_table(listed))

    _call(data, user, call)


@app.command()
def events(
    job_id: str,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job ends.")] = False,
    data: Data = DEFAULT_DIRECTORY,
    user: User = connection.LOCAL_USER,
    as_json: AsJson = False,
) -> None:
    """Show one job's history."""

    async def call(client: AsyncClient) -> None:
        if follow:
            await _show(client.follow(job_id), as_json=as_json)
        else:
            await _show(_each(await client.history(job_id)), as_json=as_json)

    _call(data, user, call)


@app.command()
def replay(
    after: Annotated[int, typer.Option(min=0, help="A sequence of the log.")] = 0,
    kind: Annotated[str | None, typer.Option("--type", help="For example failed.")] = None,
    everyone: Annotated[bool, typer.Option("--all", help="Every user; needs the scope audit:all.")] = False,
    data: Data = DEFAULT_DIRECTORY,
    user: User = connection.LOCAL_USER,
    as_json: AsJson = False,
) -> None:
    """Read all events back from the log, in order."""

    async def call(client: AsyncClient) -> None:
        await _show(client.replay(after=after, kind=kind, everyone=everyone), as_json=as_json)

    _call(data, user, call)


async def _show(found: AsyncIterator[EventObject], *, as_json: bool) -> None:
    first = None
    async for event in found:
        first = first or event
        if as_json:
            print_json(event)
        else:
            console.print(event_line(event, event.job_id, first.stored_at))


async def _each(found: list[EventObject]) -> AsyncIterator[EventObject]:
    for event in found:
        yield event


def _call(data: Path, user: str, call: Callable[[AsyncClient], Awaitable[None]]) -> None:
    async def called() -> int:
        async with open_client(connection.endpoint(data, user)) as client:
            await call(client)
        return 0

    _run(called())


@asynccontextmanager
async def _local_client(data: Path) -> AsyncIterator[AsyncClient]:
    """The stack that runs in `data` or is named by the environment, else a private one for this call."""
    try:
        endpoint: Endpoint | None = connection.endpoint(data)
    except StackError:
        if find(data) is not None:
            raise
        endpoint = None
    if endpoint is not None:
        async with open_client(endpoint) as client:
            yield client
        return
    async with _client_of(None) as client:
        yield client


@asynccontextmanager
async def _client_of(data: Path | None) -> AsyncIterator[AsyncClient]:
    if data is not None:
        async with open_client(connection.endpoint(data)) as client:
            yield client
        return
    async with (
        private_stack() as stack,
        open_client(connection.local_endpoint(stack.directory, stack.address)) as client,
    ):
        yield client


def _content(content: bytes) -> dict[str, str]:
    try:
        return {"content": content.decode(), "encoding": "utf-8"}
    except UnicodeDecodeError:
        return {"content": base64.b64encode(content).decode(), "encoding": "base64"}


def _run(work: Any) -> None:  # noqa: ANN401 - any coroutine that returns an exit code
    """Run to the end; an expected failure is one line on standard error and exit code 2."""
    try:
        code = asyncio.run(work)
    except (
        HeadraceError,
        StackError,
        NatsServerError,
        SubjectError,
        TokenError,
        UnknownLanguageError,
    ) as error:
        typer.echo(f"headrace: {error}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    raise typer.Exit(code)


def main() -> None:
    """Entry point of the `headrace` command."""
    app()
