"""Clients of a dialect: HTTP and WebSocket, at its prefix or at its own port."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from shared.dialects.names import prefix_of
from tests.http_client import NO_AUTHORITIES


@asynccontextmanager
async def http_client(url: str, token: str | None) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP to the address of a dialect: its own port, or the api's with the prefix."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, verify=NO_AUTHORITIES) as client:
        yield client


@dataclass
class Socket:
    """One WebSocket that exchanges JSON objects."""

    connection: ClientConnection

    async def send(self, message: object) -> None:
        """Text goes as it is, bytes as a binary frame, and all else as JSON."""
        await self.connection.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def next(self) -> dict[str, Any]:
        """The next message. Raises ConnectionClosed."""
        message: dict[str, Any] = json.loads(await self.connection.recv())
        return message

    async def until_closed(self) -> tuple[list[dict[str, Any]], int | None]:
        """All further messages, and the close code."""
        messages: list[dict[str, Any]] = []
        try:
            while True:
                messages.append(await self.next())
        except ConnectionClosed:
            return messages, self.connection.close_code


@asynccontextmanager
async def socket_client(url: str, token: str | None = None, **options: Any) -> AsyncIterator[Socket]:  # noqa: ANN401 - websockets' own
    """A WebSocket at an address that begins with `http` or `ws`; the token goes into its query."""
    address = url.replace("http://", "ws://", 1) + ("" if token is None else f"?token={token}")
    async with connect(address, max_size=None, **options) as connection:
        yield Socket(connection)


async def refusal_of(url: str, token: str | None = None, **options: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - websockets' own
    """The status and the body of a handshake that is refused."""
    try:
        async with socket_client(url, token, **options):
            raise AssertionError("the handshake was accepted")
    except InvalidStatus as refused:
        return refused.response.status_code, json.loads(refused.response.body or b"{}")


def at_notifier(url: str, name: str) -> str:
    """The socket of a dialect at a notifier, whose native socket is at `url`."""
    return url.removesuffix("/v1/ws") + prefix_of(name)
