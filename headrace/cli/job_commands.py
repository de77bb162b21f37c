"""Commands about jobs, against the service that the environment names or this directory's stack."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.job_ids import find_job
from headrace.cli.job_line import watch_job
from headrace.cli.job_sheet import show_job
from headrace.cli.known import known_language
from headrace.cli.listing import is_terminal, write_fields
from headrace.cli.listings import artifacts_listing, jobs_listing
from headrace.cli.logs import show_logs
from headrace.cli.program import parse_pair
from headrace.cli.render import EVENT_FIELDS, event_fields, event_line
from headrace.cli.run import exit_code, explain, print_json
from headrace.cli.runner import AsJson, Data, Job, User, console, finish
from headrace.cli.scopes import JOBS, explain_missing_scope
from headrace.cli.talk import join
from headrace.cli.waiting_line import WaitingLine
from headrace.client import endpoint as endpoints
from headrace.client.artifacts import download
from headrace.client.client import AsyncClient
from headrace.local.stack import DEFAULT_DIRECTORY
from shared.contract.codec import EventObject
from shared.domain.job import Status

CALL_PATIENCE_S = 5.0
"""Shorter than the client's default, because a person is waiting."""
WAIT_S = 3600.0

Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens.")]


def get(
    job: Job, data: Data = DEFAULT_DIRECTORY, user: User = endpoints.LOCAL_USER, as_json: AsJson = False
) -> None:
    """Show all of one job."""

    async def call(client: AsyncClient) -> None:
        found = await client.get(await find_job(client, job))
        print_json(found) if as_json else show_job(found, console)

    ask(data, user, call, as_json=as_json)


def wait(
    job: Job,
    timeout_s: Annotated[float, typer.Option(min=0, help="Give up after so many seconds.")] = WAIT_S,
    data: Data = DEFAULT_DIRECTORY,
    user: User = endpoints.LOCAL_USER,
    as_json: AsJson = False,
) -> None:
    """Wait until one job has ended, and end with its exit code."""

    async def call(client: AsyncClient) -> int:
        job_id = await find_job(client, job)
        with WaitingLine(quiet=as_json) as line:
            async with watch_job(line, client, job_id):
                ended = await client.result(job_id, timeout_s=timeout_s)
        print_json(ended) if as_json else explain(ended)
        return exit_code(ended)

    ask(data, user, call, as_json=as_json)


def attach(
    job: Job, data: Data = DEFAULT_DIRECTORY, user: User = endpoints.LOCAL_USER, as_json: AsJson = False
) -> None:
    """Talk with a running program that was submitted as interactive, and end with its exit code.

    Shows what it has printed, then what it prints. Ctrl-] leaves it running.
    """

    async def call(client: AsyncClient) -> int:
        with WaitingLine(quiet=as_json) as line:
            ended = await join(client, await find_job(client, job), line=line, as_json=as_json)
        return 0 if ended is None else exit_code(ended)

    ask(data, user, call, as_json=as_json)


def ls(
    status: Annotated[Status | None, typer.Option()] = None,
    language: Annotated[str | None, typer.Option()] = None,
    label: Annotated[str | None, typer.Option(parser=parse_pair, metavar="NAME=VALUE")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    data: Data = DEFAULT_DIRECTORY,
    user: User = endpoints.LOCAL_USER,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""

    async def call(client: AsyncClient) -> None:
        page = await client.jobs(status=status, language=language, label=label, limit=limit)
        if language is not None and not page.jobs:
            # Jobs may name languages that are no longer known, so languages are fetched only if no job
            # matches.
            name = known_language(language, await client.languages())
            page = await client.jobs(status=status, language=name, label=label, limit=limit)
        print_json(page) if as_json else jobs_listing(page.jobs).show(console)

    ask(data, user, call, as_json=as_json)


def cancel(
    job: Job, data: Data = DEFAULT_DIRECTORY, user: User = endpoints.LOCAL_USER, as_json: AsJson = False
) -> None:
    """Stop one job."""

    async def call(client: AsyncClient) -> None:
        stopped = await client.cancel(await find_job(client, job))
        print_json(stopped) if as_json else console.print(stopped.status)

    ask(data, user, call, as_json=as_json)


def artifacts(
    job: Job,
    output: Annotated[Path | None, typer.Option(help="Write them beneath this directory.")] = None,
    data: Data = DEFAULT_DIRECTORY,
    user: User = endpoints.LOCAL_USER,
    as_json: AsJson = False,
) -> None:
    """List the files that a job left, and download them with --output."""

    async def call(client: AsyncClient) -> None:
        job_id = await find_job(client, job)
        listed = await client.artifacts(job_id)
        if output is not None:
            await download(client, job_id, listed.artifacts, output)
        print_json(listed) if as_json else artifacts_listing(listed).show(console)

    ask(data, user, call, as_json=as_json)


def logs(
    job: Job,
    follow: Follow = False,
    data: Data = DEFAULT_DIRECTORY,
    user: User = endpoints.LOCAL_USER,
    as_json: AsJson = False,
) -> None:
    """Write what a job has printed, byte by byte: its standard output to ours, its standard error to ours.

    Ends with 0 however the job ended; `headrace wait` tells that. With --json an object for each piece.
    """

    async def call(client: AsyncClient) -> None:
        await show_logs(client, await find_job(client, job), follow=follow, as_json=as_json)

    ask(data, user, call, as_json=as_json)


def events(
    job: Annotated[str | None, typer.Argument(metavar="JOB", help="Without one: all jobs'.")] = None,
    follow: Follow = False,
    after: Annotated[str | None, typer.Option(help="The cursor of an event, start, or now; with -f.")] = None,
    data: Data = DEFAULT_DIRECTORY,
    user: User = endpoints.LOCAL_USER,
    as_json: AsJson = False,
) -> None:
    """Show one job's history; with -f its output too, until it ends. Without a job, -f begins now."""
    if after is not None and not follow:
        raise typer.BadParameter("goes with --follow")

    async def call(client: AsyncClient) -> None:
        job_id = None if job is None else await find_job(client, job)
        if follow:
            events = client.follow(job_id or "*", after=after or ("start" if job_id else "now"))
            async with aclosing(events) as found:
                await show_events(found, as_json=as_json)
        elif job_id is not None:
            await show_events(_each(await client.history(job_id)), as_json=as_json)
        else:
            await show_events(client.replay(), as_json=as_json)

    ask(data, user, call, as_json=as_json)


async def show_events(found: AsyncIterator[EventObject], *, as_json: bool) -> None:
    """One a line, as they come."""
    first = None
    in_fields = not as_json and not is_terminal(console)
    async for event in found:
        if in_fields and first is None:
            write_fields([EVENT_FIELDS], console)
        first = first or event
        if as_json:
            print_json(event)
        elif in_fields:
            write_fields([event_fields(event)], console)
        else:
            console.print(event_line(event, event.job_id, first.stored_at))


async def _each(found: Iterable[EventObject]) -> AsyncIterator[EventObject]:
    for event in found:
        yield event


def ask(
    data: Path,
    user: str,
    call: Callable[[AsyncClient], Awaitable[int | None]],
    *,
    scope: str = JOBS,
    as_json: bool = False,
) -> None:
    """Run `call` with a client, and end as every command does; the number it returns is the exit code.

    `scope` is what the call needs of its token.
    """

    async def run_call() -> int:
        async with open_command_client(data, user, scope) as client:
            return await call(client) or 0

    finish(run_call(), as_json=as_json)


@asynccontextmanager
async def open_command_client(data: Path, user: str, scope: str) -> AsyncIterator[AsyncClient]:
    """A client with a short retry time. Raises StackError; if the token lacks the scope, the error says
    so."""
    endpoint = endpoints.endpoint(data, user, scope)
    client = AsyncClient(
        endpoint.api_url, endpoint.token, websocket_url=endpoint.websocket_url, patience_s=CALL_PATIENCE_S
    )
    with explain_missing_scope(scope):
        async with client:
            yield client
