"""A client that says exactly what a test says, and reads until the server ends the connection."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
ENDS_WITHIN_S = 60.0
"""Bounds of these tests are a second or two; a machine may be busy."""


@dataclass(frozen=True, slots=True)
class Client:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, *parts: bytes) -> None:
        """Send; what the server no longer takes is lost."""
        with suppress(ConnectionError):
            for part in parts:
                self.writer.write(part)
                await self.writer.drain()

    async def answer(self) -> int:
        """The status of the next answer, whose body is read as well."""
        async with asyncio.timeout(ENDS_WITHIN_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            await self.reader.readexactly(int(length[1]) if length else 0)
        return int(head.split()[1])

    async def to_end(self) -> bytes:
        """All that comes until the server ends the connection."""
        told = b""
        async with asyncio.timeout(ENDS_WITHIN_S):
            with suppress(ConnectionError):
                while piece := await self.reader.read(65_536):
                    told += piece
        return told


@asynccontextmanager
async def connected(port: int, host: str = "127.0.0.1") -> AsyncIterator[Client]:
    """A client of this server."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def ended(port: int, parts: Iterable[bytes]) -> bytes:
    """What the server answered until it ended the connection by itself."""
    async with connected(port) as client:
        sending = asyncio.create_task(client.say(*parts))
        told = await client.to_end()
        sending.cancel()
    return told


def status_of(told: bytes) -> int:
    """Of the first answer."""
    return int(told.split(b" ", 2)[1])
