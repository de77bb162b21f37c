"""A client of Server-Sent Events that reads as a browser does (HTML Living Standard, 9.2.6)."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.http_client import http_client
from tests.integration.notifier.client import Shown, is_terminal
from tests.integration.notifier.conftest import token


class EndedError(Exception):
    """The stream is over."""


@dataclass
class SseClient:
    """One stream; `blocks` are its events by name, `comments` and `retries` what else there was."""

    response: httpx.Response
    lines: AsyncIterator[str]
    cursor: str | None = None
    comments: int = 0
    retries: list[int] = field(default_factory=list)
    blocks: list[tuple[str, Shown]] = field(default_factory=list)

    async def next(self) -> tuple[str, Shown]:
        """The next event: its name and its data. Raises EndedError."""
        name, text = "message", ""
        async for line in self.lines:
            if not line and text:
                self.blocks.append((name, json.loads(text)))
                return self.blocks[-1]
            field_name, _, value = line.partition(": ")
            if line.startswith(":"):
                self.comments += 1
            elif field_name == "event":
                name = value
            elif field_name == "data":
                text += value
            elif field_name == "id":
                self.cursor = value
            elif field_name == "retry":
                self.retries.append(int(value))
            else:
                assert not line, line
        raise EndedError

    async def expect(self, name: str) -> Shown:
        found, shown = await self.next()
        assert found == name, shown
        return shown

    async def event(self) -> Shown:
        """The next event, which must be one of a job; its name and its id say what it holds."""
        name, shown = await self.next()
        assert name == shown["type"]
        assert self.cursor == shown["cursor"]
        return shown

    async def until_terminal(self) -> list[Shown]:
        events: list[Shown] = []
        while not events or not is_terminal(events[-1]):
            events.append(await self.event())
        return events

    async def until_end(self) -> None:
        """Read to the end of the response. Raises httpx.RemoteProtocolError if it is cut off."""
        try:
            while True:
                await self.next()
        except EndedError:
            return


def http(url: str, path: str = "/v1/stream") -> str:
    """The address of another endpoint of the same notifier."""
    return url.replace("ws://", "http://").replace("/v1/ws", path)


def headers_of(
    sent: str | None, last_event_id: str | None = None, origin: str | None = None
) -> dict[str, str]:
    given = {
        "Authorization": None if sent is None else f"Bearer {sent}",
        "Last-Event-ID": last_event_id,
        "Origin": origin,
    }
    return {name: value for name, value in given.items() if value is not None}


@asynccontextmanager
async def streaming(
    url: str,
    sent: str | None,
    job_id: str | None = None,
    *,
    after: str | None = None,
    resume: str | None = None,
) -> AsyncIterator[SseClient]:
    """A stream that has begun; `resume` is a cursor in the header, as browsers send it."""
    query: dict[str, Any] = {"job_id": job_id, "after": after}
    async with (
        http_client(timeout=60) as client,
        client.stream(
            "GET",
            http(url),
            params={name: value for name, value in query.items() if value is not None},
            headers=headers_of(sent, resume),
        ) as response,
    ):
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"] == "text/event-stream"
        yield SseClient(response, response.aiter_lines())


async def get(url: str, path: str, **headers: str) -> httpx.Response:
    """One request with its whole answer."""
    async with http_client(timeout=60) as client:
        return await client.get(http(url, path), headers=headers)


async def listed(url: str, operator: str | None = None, query: str = "") -> Shown:
    """What operators see of the connections."""
    used = operator or token(scopes=frozenset({"ops"}))
    answer = await get(url, f"/v1/connections{query}", **headers_of(used))
    assert answer.status_code == 200, answer.text
    shown: Shown = answer.json()
    return shown
