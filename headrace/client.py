"""The client: submit programs, read jobs, and follow their events over a connection that may break.

`Events` reconnects with its last cursor, so that what it yields has no gap and no repeat.

Errors::

    HeadraceError
    ├── ProblemAnswerError   the service said no; `document` is its problem+json
    ├── HistoryLostError     events that were asked for are not kept any more
    ├── UnreachableError     no answer; a submission with a key may be repeated
    └── ProtocolError        an answer that this version does not understand
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

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from shared.codec import EventObject

SUBPROTOCOL = Subprotocol("headrace.v1")
TIMEOUT_S = 30.0
RECONNECT_FIRST_S = 0.1
RECONNECT_MOST_S = 3.0
FINAL_CLOSE_CODES = frozenset({4400, 4401, 4403, 4406, 4409})
"""Closed for a reason that connecting again would not change."""

Json: TypeAlias = dict[str, Any]


class HeadraceError(Exception):
    """Anything that keeps a call from its answer."""


class ProblemAnswerError(HeadraceError):
    """The service refused; `document` is its problem+json."""

    def __init__(self, document: Json) -> None:
        """Keep the whole document."""
        super().__init__(f"{document.get('title')}: {document.get('detail')}")
        self.document = document


class HistoryLostError(HeadraceError):
    """Events that were asked for have left the log. Lost output alone is no error: the result holds it."""


class UnreachableError(HeadraceError):
    """No answer came."""


class ProtocolError(HeadraceError):
    """The answer is not one of this protocol."""


class _TryAgainError(Exception):
    """The notifier cannot do it now; nothing is wrong with what was asked."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the service is and who calls."""

    api_url: str
    websocket_url: str
    token: str


class AsyncClient:
    """Talks to one Headrace. Made by `open_client`."""

    def __init__(self, http: httpx.AsyncClient, endpoint: Endpoint) -> None:
        """Use an open HTTP client whose base URL and token are the endpoint's."""
        self._http = http
        self._endpoint = endpoint

    async def submit(self, submission: Mapping[str, Any], *, key: str | None = None) -> Json:
        """Submit a program; safe to repeat with the same key, which is made up if there is none."""
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return await self._call("POST", "/v1/jobs", json=dict(submission), headers=headers)

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
        async with self._streamed(f"/v1/jobs/{job_id}/artifacts/{quote(path)}") as answer:
            async for piece in answer.aiter_bytes():
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
        async with self._streamed("/v1/events", params) as answer:
            async for line in answer.aiter_lines():
                yield msgspec.json.decode(line, type=EventObject)

    async def follow(self, job_id: str = "*", *, after: str = "start") -> AsyncGenerator[EventObject, None]:
        """One job's events until it ends, or (``*``) all jobs' for ever, over any broken connection."""
        cursor = after
        pause_s = RECONNECT_FIRST_S
        while True:
            try:
                async with self._subscribed(job_id, cursor) as connection:
                    async for event in _events(connection):
                        cursor = event.cursor
                        pause_s = RECONNECT_FIRST_S
                        yield event
                    return
            except ConnectionClosed as error:
                if error.rcvd is not None and error.rcvd.code in FINAL_CLOSE_CODES:
                    raise ProtocolError(f"closed with {error.rcvd.code}: {error.rcvd.reason}") from error
            except (OSError, TimeoutError, InvalidHandshake, _TryAgainError):
                pass
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, RECONNECT_MOST_S)

    @asynccontextmanager
    async def _subscribed(self, job_id: str, after: str) -> AsyncIterator[ClientConnection]:
        async with connect(
            self._endpoint.websocket_url, subprotocols=[SUBPROTOCOL], max_size=None, compression=None
        ) as connection:
            await _send(connection, {"type": "connection_init", "token": self._endpoint.token})
            await _expect(connection, "connection_ack")
            await _send(connection, {"type": "subscribe", "id": "1", "job_id": job_id, "after": after})
            await _expect(connection, "subscribed")
            yield connection

    @asynccontextmanager
    async def _streamed(
        self, path: str, params: Mapping[str, str | int] | None = None
    ) -> AsyncIterator[httpx.Response]:
        """An answer whose body is still to come. Raises HeadraceError, also while the body is read."""
        try:
            async with self._http.stream("GET", path, params=params) as answer:
                if answer.status_code != httpx.codes.OK:
                    await answer.aread()
                    raise _problem(answer)
                yield answer
        except httpx.TransportError as error:
            raise UnreachableError(f"{self._endpoint.api_url}: {type(error).__name__}") from error

    async def _call(self, method: str, path: str, **options: Any) -> Json:  # noqa: ANN401 - httpx's own options
        try:
            answer = await self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise UnreachableError(f"{self._endpoint.api_url}: {type(error).__name__}") from error
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            raise _problem(answer)
        found: Json = answer.json()
        return found


@asynccontextmanager
async def open_client(endpoint: Endpoint) -> AsyncIterator[AsyncClient]:
    """A client, closed with the context."""
    headers = {"Authorization": f"Bearer {endpoint.token}"}
    async with httpx.AsyncClient(base_url=endpoint.api_url, headers=headers, timeout=TIMEOUT_S) as http:
        yield AsyncClient(http, endpoint)


def output_bytes(event: EventObject) -> bytes:
    """The bytes of a `job.output` event."""
    content: str = event.data["content"]
    return base64.b64decode(content) if event.data["encoding"] == "base64" else content.encode()


async def _events(connection: ClientConnection) -> AsyncIterator[EventObject]:
    """Events of the one subscription until it is complete."""
    while True:
        message = await _receive(connection)
        match message.get("type"):
            case "event":
                yield msgspec.convert(message["event"], EventObject)
            case "complete":
                return
            case "error":
                raise _refusal(message)
            case "gap" if message["reason"] == "log_purged":
                raise HistoryLostError(f"events between {message['from']} and {message['to']} are gone")
            case _:
                continue


async def _send(connection: ClientConnection, message: Json) -> None:
    await connection.send(msgspec.json.encode(message).decode())


async def _receive(connection: ClientConnection) -> Json:
    """The next message that is not a ping; pings are answered."""
    while True:
        try:
            message = msgspec.json.decode(await connection.recv(), type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise ProtocolError(f"not a message of {SUBPROTOCOL}") from error
        if message.get("type") != "ping":
            return message
        await _send(connection, {"type": "pong"})


async def _expect(connection: ClientConnection, kind: str) -> Json:
    message = await _receive(connection)
    if message.get("type") == "error":
        raise _refusal(message)
    if message.get("type") != kind:
        raise ProtocolError(f"expected {kind}, got {message.get('type')}")
    return message


def _refusal(message: Json) -> Exception:
    if message.get("temporary"):
        return _TryAgainError(message.get("detail"))
    return ProblemAnswerError({"title": message.get("code"), "detail": message.get("detail")})


def _problem(answer: httpx.Response) -> HeadraceError:
    try:
        return ProblemAnswerError(answer.json())
    except ValueError:
        return ProtocolError(f"{answer.status_code} without a problem document")
