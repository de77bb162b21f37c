"""Lets an application write chunks of its response at once, past the coroutines between it and its server.

Chunks that are sent with `send` pass through every middleware, which is most of what a small chunk costs. The
head and the end of the response are sent with `send` all the same.
"""

import asyncio
from typing import Protocol

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

CHUNKS = "chunks"
"""Key in the scope's state: the `ChunkWriter` of the response."""


class AnsweringConnection(Protocol):
    """What is used of a connection: `transport`, and whether nothing more is written to it."""

    transport: asyncio.Transport

    @property
    def is_ending(self) -> bool:
        """Whether it ends."""


def chunk_of(content: bytes) -> bytes:
    """One chunk of a response on the wire (RFC 9112, 7.1). `content` is not empty."""
    return b"%x\r\n%b\r\n" % (len(content), content)


class ChunkWriter:
    """Writes into one response whose head was sent with `send`."""

    __slots__ = ("_connection", "_cycle")

    def __init__(self, connection: AnsweringConnection, cycle: RequestResponseCycle) -> None:
        """Nothing is written before the response has begun."""
        self._connection = connection
        self._cycle = cycle

    def write_now(self, chunk: bytes) -> bool:
        """Write what `chunk_of` has made, if all that was written before has left.

        False if it must wait, and before the head, after the end, and where the response is not in chunks.
        """
        cycle = self._cycle
        if not cycle.chunked_encoding or cycle.response_complete or cycle.disconnected:
            return False
        if self._connection.is_ending or self._connection.transport.get_write_buffer_size():
            return False
        self._connection.transport.write(chunk)
        return True
