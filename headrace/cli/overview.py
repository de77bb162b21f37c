"""Commands about the service itself: its address, its languages, and the caller's usage."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from headrace.cli.job_commands import ask
from headrace.cli.listing import Cell, Column, Listing
from headrace.cli.readable import size
from headrace.cli.run import print_json
from headrace.cli.runner import AsJson, Data, User, console, whole_path
from headrace.cli.sheet import Fact, show_facts
from headrace.client import endpoint as endpoints
from headrace.client.client import AsyncClient
from headrace.client.models import Language, Usage
from headrace.local.stack import DEFAULT_DIRECTORY, find

LANGUAGES = (
    Column("language", "name"),
    Column("version", "version"),
    Column("files", "extension"),
    Column("also", "aliases"),
    Column("offline", "offline"),
)


def languages(
    data: Data = DEFAULT_DIRECTORY, user: User = endpoints.LOCAL_USER, as_json: AsJson = False
) -> None:
    """List the languages that programs may be in; one is offline while no executor has it."""

    async def call(client: AsyncClient) -> None:
        found = await client.languages()
        if as_json:
            print_json({"languages": found})
        else:
            Listing(LANGUAGES, [_row(language) for language in found]).show(console)

    ask(data, user, call, as_json=as_json)


def _row(language: Language) -> list[Cell]:
    offline = Cell("offline" if language.offline else "", language.offline, "yellow")
    extension = Cell(f".{language.extension}", language.extension)
    aliases = Cell(", ".join(language.aliases), ",".join(language.aliases))
    return [Cell(language.name), Cell(language.version), extension, aliases, offline]


def status(
    data: Data = DEFAULT_DIRECTORY, user: User = endpoints.LOCAL_USER, as_json: AsJson = False
) -> None:
    """Tell which Headrace is asked, and what you hold of it; 2 where none answers."""

    async def call(client: AsyncClient) -> None:
        report = await _read_status(client, data, user)
        print_json(report) if as_json else show_facts(_status_facts(report), console)

    ask(data, user, call, as_json=as_json)


async def _read_status(client: AsyncClient, data: Path, user: str) -> dict[str, Any]:
    endpoint = endpoints.endpoint(data, user)
    offered = await client.languages()
    status: dict[str, Any] = {
        "api_url": endpoint.api_url,
        "languages": len(offered),
        "languages_offline": sum(language.offline for language in offered),
        "usage": await client.usage(),
    }
    if endpoint.websocket_url is not None:
        status["websocket_url"] = endpoint.websocket_url
    if not endpoints.is_elsewhere() and (stack := find(data)) is not None:
        status |= {"data": whole_path(data), "supervisor_pid": stack.supervisor_pid}
    return status


def _status_facts(status: dict[str, Any]) -> Iterator[Fact]:
    for name in ("api_url", "websocket_url", "data", "supervisor_pid", "languages", "languages_offline"):
        if name in status:
            yield Fact(name, Cell(str(status[name])))
    usage: Usage = status["usage"]
    for name, share in msgspec.structs.asdict(usage).items():
        measure = size if name.endswith("_bytes") else str
        text = f"{measure(share.used)} of {measure(share.share)}"
        yield Fact(name, Cell(text, share.used), (share.share,))
