"""NATS as it is spoken on the socket, so that a refusal is the server's own word and not silence."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Wire:
    """One connection. The server answers a ping after everything that came before it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Wrap an open socket, whose greeting was read."""
        self._reader = reader
        self._writer = writer
        self._subscriptions = 0

    async def publish(self, subject: str, payload: bytes = b"", *, reply: str = "") -> str | None:
        """Why the server refused it; None if it did not."""
        return await self._say(f"PUB {subject} {reply} {len(payload)}\r\n".encode() + payload + b"\r\n")

    async def subscribe(self, subject: str, queue: str = "") -> str | None:
        """Why the server refused it; None if it did not."""
        self._subscriptions += 1
        return await self._say(f"SUB {subject} {queue} {self._subscriptions}\r\n".encode())

    async def ping(self) -> None:
        """Hear from the server. Raises ConnectionError if it has closed the connection."""
        assert await self._say(b"") is None

    async def _say(self, command: bytes) -> str | None:
        self._writer.write(command + b"PING\r\n")
        refused = None
        async with asyncio.timeout(30):
            while (line := await self._reader.readline()) != b"PONG\r\n":
                if line.startswith(b"-ERR"):
                    refused = line.decode().removeprefix("-ERR ").strip().strip("'")
                elif line.startswith((b"MSG", b"HMSG")):
                    await self._reader.readexactly(int(line.split()[-1]) + 2)
                elif not line:
                    raise ConnectionError(refused or "the server has closed the connection")
        return refused


@asynccontextmanager
async def wire(port: int, user: str, password: str) -> AsyncIterator[Wire]:
    """A connection as a user. Raises ConnectionError if the server does not let it in."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        assert (await reader.readline()).startswith(b"INFO ")
        about = {"user": user, "pass": password, "verbose": False, "pedantic": False, "headers": True}
        writer.write(f"CONNECT {json.dumps(about)}\r\n".encode())
        connection = Wire(reader, writer)
        await connection.ping()
        yield connection
    finally:
        writer.close()
