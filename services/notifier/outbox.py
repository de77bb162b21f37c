"""What waits to be sent to one client, bounded in bytes and age; the one queue between a hub and a transport.

A message is taken while less than the bound is waiting, so a single large event always passes. When it is
full or too old, the connection is over: its owner closes it, and the client comes back with its last cursor.
"""

import asyncio
from collections import deque

from services.notifier.actions import Close
from services.notifier.item import Text
from services.notifier.joining import Queued, take_joined
from services.notifier.wire import Wire


class Outbox:
    """Texts in order, and at most one `Close` as the last of them."""

    def __init__(self, bytes_max: int, wire: Wire) -> None:
        """Begin empty."""
        self._bytes_max = bytes_max
        self._wire = wire
        self._waiting: deque[Queued] = deque()
        self._bytes = 0
        self._taken_at: float | None = None
        self._end: Close | None = None
        self._filled = asyncio.Event()
        self._roomy = asyncio.Event()
        self._roomy.set()
        self.closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def waiting_bytes(self) -> int:
        """What has not left yet, the message being written included."""
        return self._bytes

    @property
    def oldest_at(self) -> float | None:
        """When the oldest message that has not left was queued."""
        if self._taken_at is not None:
            return self._taken_at
        return self._waiting[0][1] if self._waiting else None

    def put(self, text: Text, now: float) -> bool:
        """Queue a text; False if there is no room. After `end`, texts are dropped."""
        if self._end is not None:
            return True
        if self._bytes >= self._bytes_max:
            return False
        self._waiting.append((text, now))
        self._bytes += text.size
        self._filled.set()
        if self._bytes >= self._bytes_max // 4:
            self._roomy.clear()
        return True

    def end(self, close: Close, *, drop: bool = False) -> None:
        """Close after what is queued, or instead of it. Only the first call counts."""
        if self._end is not None:
            return
        if drop:
            self._waiting.clear()
        self._end = close
        self._filled.set()
        self._roomy.set()
        if not self.closing.done():
            self.closing.set_result(None)

    async def take(self) -> tuple[str, int] | Close:
        """The next text, or the end. A text counts as waiting until `sent` is told of it.

        Pieces of output that have waited one behind the other are taken as one (`joining`).
        """
        while not self._waiting:
            if self._end is not None:
                return self._end
            self._filled.clear()
            await self._filled.wait()
        first, self._taken_at = self._waiting.popleft()
        if first.output is None or not self._waiting:
            return first.text, first.size
        return take_joined(first, self._waiting, self._wire)

    def sent(self, size: int) -> None:
        """What was taken has left."""
        self._bytes -= size
        self._taken_at = None
        if self._bytes < self._bytes_max // 4:
            self._roomy.set()

    async def room(self) -> None:
        """Wait until most of the bound is free, which is when replayed history may be queued."""
        await self._roomy.wait()
