"""The client: submit programs, read jobs, and follow their events over a connection that may break.

`Events` reconnects with its last cursor, so that what it yields has no gap and no repeat.
"""

import asyncio
import base64
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import quote

import aiohttp
import msgspec

from headrace.calls import Calls, Params, open_session
from headrace.errors import (
    ProtocolError,
    UnreachableError,
)
from headrace.subscription import ClosedError, TryAgainError, events, subscribed
from shared.codec import EventObject

RECONNECT_FIRST_S = 0.1
RECONNECT_MOST_S = 3.0
FINAL_CLOSE_CODES = frozenset({4400, 4401, 4403, 4406, 4409})
"""Closed for a reason that connecting again would not change."""

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the service is and who calls."""

    api_url: str
    websocket_url: str
    token: str


class AsyncClient:
    """Talks to one Headrace. Made by `open_client`."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: Endpoint) -> None:
        """Use an open session."""
        self._session = session
        self._endpoint = endpoint
        self._calls = Calls(session, endpoint.api_url, endpoint.token)

    async def submit(self, submission: Mapping[str, Any], *, key: str | None = None) -> Json:
        """Submit a program; safe to repeat with the same key, which is made up if there is none."""
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return await self._call("POST", "/v1/jobs", body=submission, headers=headers)

    async def get(self, job_id: str) -> Json:
        """One job as it stands."""
        return await self._call("GET", f"/v1/jobs/{job_id}")

    async def cancel(self, job_id: str) -> Json:
        """Stop a job."""
        return await self._call("POST", f"/v1/jobs/{job_id}/cancel")

    async def jobs(self, **filters: str | int | None) -> Json:
        """A page of the caller's jobs, newest first."""
        given = {name: value for name, value in filters.items() if value is not None}
        return await self._call("GET", "/v1/jobs", params=given)

    async def languages(self) -> list[Json]:
        """What can be run right now."""
        found: list[Json] = (await self._call("GET", "/v1/languages"))["languages"]
        return found

    async def history(self, job_id: str) -> list[EventObject]:
        """One job's events as stored."""
        answer = await self._call("GET", f"/v1/jobs/{job_id}/events")
        return msgspec.convert(answer["events"], list[EventObject])

    async def artifacts(self, job_id: str) -> Json:
        """What a finished job left: `artifacts`, and what was `skipped`."""
        return await self._call("GET", f"/v1/jobs/{job_id}/artifacts")

    async def artifact(self, job_id: str, path: str) -> AsyncGenerator[bytes, None]:
        """One of a finished job's files, some bytes at a time."""
        async for piece in self._calls.pieces(f"/v1/jobs/{job_id}/artifacts/{quote(path)}"):
            yield piece

    async def replay(
        self,
        *,
        after: int = 0,
        kind: str | None = None,
        stored_from: datetime | None = None,
        stored_to: datetime | None = None,
        everyone: bool = False,
    ) -> AsyncGenerator[EventObject, None]:
        """All events that the log holds of the caller (or of everyone, with the scope for it)."""
        params: dict[str, str | int] = {"after": after}
        if kind is not None:
            params["type"] = kind
        if stored_from is not None:
            params["from"] = stored_from.isoformat()
        if stored_to is not None:
            params["to"] = stored_to.isoformat()
        if everyone:
            params["all"] = "true"
        async for line in _lines(self._calls.pieces("/v1/events", params)):
            yield msgspec.json.decode(line, type=EventObject)

    async def follow(self, job_id: str = "*", *, after: str = "start") -> AsyncGenerator[EventObject, None]:
        """One job's events until it ends, or (``*``) all jobs' for ever, over any broken connection."""
        cursor = after
        pause_s = RECONNECT_FIRST_S
        url, token = self._endpoint.websocket_url, self._endpoint.token
        while True:
            try:
                async with subscribed(self._session, url, token, job_id=job_id, after=cursor) as socket:
                    async for event in events(socket):
                        cursor = event.cursor
                        pause_s = RECONNECT_FIRST_S
                        yield event
                    return
            except ClosedError as error:
                if error.code in FINAL_CLOSE_CODES:
                    raise ProtocolError(str(error)) from error
            except (UnreachableError, TryAgainError):
                pass
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, RECONNECT_MOST_S)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        **options: Any,  # noqa: ANN401 - see `Calls.call`
    ) -> Json:
        found: Json = msgspec.json.decode(await self._calls.call(method, path, params=params, **options))
        return found


@asynccontextmanager
async def open_client(endpoint: Endpoint) -> AsyncIterator[AsyncClient]:
    """A client, closed with the context."""
    async with open_session() as session:
        yield AsyncClient(session, endpoint)


def output_bytes(event: EventObject) -> bytes:
    """The bytes of a `job.output` event."""
    content: str = event.data["content"]
    return base64.b64decode(content) if event.data["encoding"] == "base64" else content.encode()


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Whole lines of a body, without their ends."""
    begun = b""
    async for piece in pieces:
        *whole, begun = (begun + piece).split(b"\n")
        for line in whole:
            yield line
    if begun:
        yield begun
