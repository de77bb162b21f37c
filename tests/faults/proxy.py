"""A TCP proxy between two parts of a running system, that does to their connections what networks do.

What the weather is can be changed at any time, for all connections together. Bytes are held back, delayed
or cut into pieces, never lost or changed: that is what TCP promises; a connection may end at any byte.
"""

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

READ_BYTES = 65_536
BUFFER_BYTES = 65_536
"""A proxy that took everything would hide a peer that takes nothing."""
SLICES_MAX = 2_000
"""Of what is read at once only so many bytes go alone: more of them would only keep this process busy."""


@dataclass(slots=True)
class Weather:
    """What befalls bytes on their way. All zero: nothing."""

    latency_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: int = 0
    is_sliced: bool = False
    """Every byte goes alone."""
    open: asyncio.Event = field(default_factory=asyncio.Event)
    """Not set: a black hole. New connections are accepted, and nothing passes."""

    def __post_init__(self) -> None:
        """Begin with a good network."""
        self.open.set()

    def clear(self) -> None:
        """Nothing befalls them any more; what was held back goes on."""
        self.latency_s = self.jitter_s = 0.0
        self.bytes_per_s = 0
        self.is_sliced = False
        self.open.set()


class Proxy:
    """Listens on a port of its own for as long as its context is open."""

    def __init__(self, host: str, port: int) -> None:
        """Pass everything on to this address."""
        self.weather = Weather()
        self.port = 0
        self.accepted = 0
        self._to = (host, port)
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._carrying: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=BUFFER_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every connection."""
        assert self._server is not None
        self._server.close()
        for task in self._carrying:
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    def reset(self) -> int:
        """End all connections at once, at both ends, as a pulled cable does; returns how many there were."""
        ends = list(self._ends)
        for writer in ends:
            _reset(writer)
        return len(ends) // 2

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.create_task(self._carry(reader, writer))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from its beginning to its end."""
        try:
            async with (
                self._end(writer),
                self._beyond() as (far_reader, far_writer),
                asyncio.TaskGroup() as group,
            ):
                group.create_task(self._pump(reader, far_writer))
                group.create_task(self._pump(far_reader, writer))
        except* OSError:
            # One end is gone: so is the other by now.
            pass

    @asynccontextmanager
    async def _beyond(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        await self.weather.open.wait()
        reader, writer = await asyncio.open_connection(*self._to, limit=BUFFER_BYTES)
        async with self._end(writer):
            yield reader, writer

    @asynccontextmanager
    async def _end(self, writer: asyncio.StreamWriter) -> AsyncIterator[None]:
        """One end of a connection: closed in peace with the context, or reset if anything went wrong."""
        self._ends.add(writer)
        writer.transport.set_write_buffer_limits(high=BUFFER_BYTES)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            yield
            writer.close()
            await writer.wait_closed()
        finally:
            self._ends.discard(writer)
            _reset(writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes one way until that side says that it is done."""
        while piece := await reader.read(READ_BYTES):
            await self._suffer(len(piece))
            _still_there(writer)
            if self.weather.is_sliced:
                await _write_sliced(writer, piece)
            else:
                writer.write(piece)
            await writer.drain()
        await self.weather.open.wait()
        _still_there(writer)
        writer.write_eof()

    async def _suffer(self, size: int) -> None:
        weather = self.weather
        if weather.latency_s or weather.jitter_s:
            await asyncio.sleep(weather.latency_s + random.uniform(0, weather.jitter_s))  # noqa: S311 - weather
        if weather.bytes_per_s:
            await asyncio.sleep(size / weather.bytes_per_s)
        await weather.open.wait()


async def _write_sliced(writer: asyncio.StreamWriter, piece: bytes) -> None:
    """Byte by byte, each in a segment of its own; the other side must be let read between them."""
    for at in range(min(len(piece), SLICES_MAX)):
        _still_there(writer)
        writer.write(piece[at : at + 1])
        await asyncio.sleep(0)
    writer.write(piece[SLICES_MAX:])


def _still_there(writer: asyncio.StreamWriter) -> None:
    """Raises ConnectionResetError where that end was reset while bytes were held back."""
    if writer.transport.is_closing():
        raise ConnectionResetError


def _reset(writer: asyncio.StreamWriter) -> None:
    """With a linger time of zero the kernel sends RST, and forgets what was not sent."""
    if not writer.transport.is_closing():
        with suppress(OSError):
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
    writer.transport.abort()
