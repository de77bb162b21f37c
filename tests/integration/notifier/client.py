"""A WebSocket client of the notifier that keeps what it was sent, for tests to look at."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

Shown = dict[str, Any]


@dataclass
class Client:
    """One connection. Every message that is not a ping is kept in `received` until a test asks for it."""

    socket: ClientConnection
    cursor: str | None = None
    answers_pings: bool = True
    received: list[Shown] = field(default_factory=list)

    async def send(self, **message: object) -> None:
        await self.socket.send(json.dumps(message))

    async def next(self) -> Shown:
        """The next message; pings are answered on the way. Raises ConnectionClosed."""
        while True:
            message: Shown = json.loads(await self.socket.recv())
            if message["type"] == "event":
                self.cursor = message["event"]["cursor"]
            if message["type"] != "ping" or not self.answers_pings:
                self.received.append(message)
                return message
            await self.send(type="pong")

    async def expect(self, kind: str) -> Shown:
        """The next message, which must be of this type."""
        message = await self.next()
        assert message["type"] == kind, message
        return message

    async def event(self, subscription: str = "s") -> Shown:
        """The next message, which must be an event of this subscription."""
        message = await self.expect("event")
        assert message["id"] == subscription
        shown: Shown = message["event"]
        return shown

    async def init(self, token: str | None = None) -> Shown:
        await self.send(type="connection_init", **({} if token is None else {"token": token}))
        return await self.expect("connection_ack")

    async def subscribe(self, job_id: str = "*", *, id: str = "s", after: str | None = None) -> Shown:  # noqa: A002 - the protocol's word
        await self.ask(job_id, id=id, after=after)
        return await self.expect("subscribed")

    async def ask(self, job_id: str = "*", *, id: str = "s", after: str | None = None) -> None:  # noqa: A002 - the protocol's word
        await self.send(type="subscribe", id=id, job_id=job_id, **({} if after is None else {"after": after}))

    async def until_terminal(self, subscription: str = "s") -> list[Shown]:
        """Events up to and including the first terminal one."""
        events: list[Shown] = []
        while not events or not is_terminal(events[-1]):
            events.append(await self.event(subscription))
        return events

    async def close_code(self) -> int | None:
        """Read to the end of the connection."""
        with suppress(ConnectionClosed):
            while True:
                await self.next()
        return self.socket.close_code


@asynccontextmanager
async def connected(
    url: str,
    *,
    token: str | None = None,
    header_token: str | None = None,
    origin: str | None = None,
    subprotocol: str | None = "headrace.v1",
    **options: Any,  # noqa: ANN401 - the library's own options
) -> AsyncIterator[Client]:
    """A connection; with a token it is initialised too."""
    headers = {} if header_token is None else {"Authorization": f"Bearer {header_token}"}
    async with connect(
        url,
        subprotocols=None if subprotocol is None else [Subprotocol(subprotocol)],
        origin=None if origin is None else Origin(origin),
        additional_headers=headers,
        ping_interval=None,
        close_timeout=1,
        max_size=None,
        **options,
    ) as socket:
        client = Client(socket)
        if token is not None:
            await client.init(token)
        yield client


def is_terminal(event: Shown) -> bool:
    return event["type"].split(".")[1] in {"completed", "failed", "timeout", "cancelled"}


def kinds(events: list[Shown]) -> list[str]:
    return [event["type"].split(".")[1] for event in events]
