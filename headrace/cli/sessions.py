"""``headrace sessions``: the caller's saved documents."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer

from headrace.cli.job_commands import ask
from headrace.cli.listing import Cell, Column, Listing
from headrace.cli.readable import ago, local
from headrace.cli.run import print_json
from headrace.cli.runner import AsJson, Data, User, console
from headrace.cli.sheet import Fact, show_facts
from headrace.client import endpoint
from headrace.client.client import AsyncClient
from headrace.client.models import Session, SessionCard
from headrace.local.stack import DEFAULT_DIRECTORY

SESSIONS = (
    Column("session", "session_id"),
    Column("title", "title"),
    Column("language", "language"),
    Column("revision", "revision", True),
    Column("saved", "saved_at"),
)

sessions = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="List and read saved documents."
)


@sessions.command("list")
def list_sessions(
    data: Data = DEFAULT_DIRECTORY, user: User = endpoint.LOCAL_USER, as_json: AsJson = False
) -> None:
    """List your sessions, last saved first."""

    async def call(client: AsyncClient) -> None:
        found = await client.sessions()
        if as_json:
            print_json({"sessions": found})
        else:
            now = datetime.now(UTC)
            Listing(SESSIONS, [_row(summary, now) for summary in found]).show(console)

    ask(data, user, call, as_json=as_json)


@sessions.command()
def read(
    session_id: Annotated[str, typer.Argument(metavar="SESSION")],
    revision: Annotated[int | None, typer.Option(min=1, help="An earlier revision.")] = None,
    data: Data = DEFAULT_DIRECTORY,
    user: User = endpoint.LOCAL_USER,
    as_json: AsJson = False,
) -> None:
    """Show a session and the lines of its files."""

    async def call(client: AsyncClient) -> None:
        session = await client.session(session_id, revision=revision)
        print_json(session) if as_json else show_facts(_session_facts(session), console)

    ask(data, user, call, as_json=as_json)


def _row(summary: SessionCard, now: datetime) -> list[Cell]:
    return [
        Cell(summary.session_id),
        Cell(summary.title),
        Cell(summary.language),
        Cell(str(summary.revision)),
        Cell(ago(summary.saved_at, now), summary.saved_at),
    ]


def _session_facts(session: Session) -> Iterator[Fact]:
    yield Fact("session_id", Cell(session.session_id))
    yield Fact("title", Cell(session.title))
    yield Fact("language", Cell(session.language))
    yield Fact("revision", Cell(str(session.revision)))
    for name, time in (("created_at", session.created_at), ("saved_at", session.saved_at)):
        yield Fact(name, Cell(local(time), time))
    document = session.document
    if document.get("code") is not None:
        yield from _lines(document["code"])
    for file in document.get("files") or ():
        yield Fact("file", Cell(file["name"]), (file.get("encoding", "utf-8"),))
        yield from _lines(file["content"])


def _lines(content: str) -> Iterator[Fact]:
    for line in content.splitlines():
        yield Fact("line", Cell(line))
