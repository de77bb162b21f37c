"""A TCP relay that cuts connections: what a bad network does, at a byte of the test's choosing."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

PIECE = 65536


class Cutting:
    """Relays to one port. What has been cut is reset, not closed."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.relayed = 0
        """Bytes to clients, over all connections."""
        self.connections = 0
        self.cuts_made = 0
        self._target = target
        self._cuts: list[int] = []
        self._relaying: set[asyncio.Task[None]] = set()

    @property
    def cuts_left(self) -> int:
        return len(self._cuts)

    def cut(self, after: Iterable[int]) -> None:
        """Cut the next connections after so many bytes to the client; those after them are whole."""
        self._cuts = list(after)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        cut_after = self._cuts.pop(0) if self._cuts else None
        task = asyncio.create_task(self._relay(reader, writer, cut_after))
        self._relaying.add(task)
        task.add_done_callback(self._relaying.discard)
        # Also where it is cancelled before it begins.
        task.add_done_callback(lambda _: writer.transport.abort())

    async def end(self) -> None:
        relaying = list(self._relaying)
        for task in relaying:
            task.cancel()
        await asyncio.gather(*relaying, return_exceptions=True)

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut_after: int | None
    ) -> None:
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            # What it relays to is down.
            return
        directions = {
            asyncio.create_task(_copy(reader, upstream_writer)),
            asyncio.create_task(self._answer(upstream_reader, writer, cut_after)),
        }
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (writer, upstream_writer):
                each.transport.abort()
            for direction in directions:
                direction.cancel()
            await asyncio.gather(*directions, return_exceptions=True)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut_after: int | None
    ) -> None:
        left = cut_after
        with suppress(ConnectionError):
            while piece := await reader.read(PIECE):
                shown = piece if left is None else piece[:left]
                writer.write(shown)
                await writer.drain()
                self.relayed += len(shown)
                if left is not None:
                    left -= len(shown)
                    if left == 0:
                        self.cuts_made += 1
                        return


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()


@asynccontextmanager
async def cutting(target: int) -> AsyncIterator[Cutting]:
    """A relay to a port of this machine."""
    relay = Cutting(target)
    async with await asyncio.start_server(relay.accept, "127.0.0.1", 0) as server:
        relay.port = server.sockets[0].getsockname()[1]
        try:
            yield relay
        finally:
            await relay.end()
