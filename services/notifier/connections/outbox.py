"""What waits to be sent to one client, bounded in bytes; the one queue between a hub and a transport.

A transport that can write at once takes a text before it is queued, while nothing waits (`send_now`). What it
does not take waits here for the transport's writer.

Bulk is refused where there is no room for it, and comes again from the log. Everything else is small and
passes, so a client is not ended for what is before it. An empty queue takes a message of any size. Whether
the client reads is told by the bytes that leave, not by the messages, because one message may take long.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from services.notifier.connections.close import Close
from services.notifier.connections.output_coalescing import JOINED_BYTES_MAX, take_joined
from services.notifier.connections.queue_shares import QueueShare
from services.notifier.events.encoding import Encoding
from services.notifier.events.item import Text
from services.notifier.events.stored_events import READ_BYTES

SMALL_BYTES_MAX = 64 * 1024
"""Of messages that are not bulk: answers to many commands of a client that does not read them."""

FULL_PAUSE_S = 0.25
"""How often it is asked again whether the share of a user, which others have filled, has room."""


SendNow = Callable[[Text], bool]
"""Writes a text whole, without waiting; False if its client has not room for it now."""


class Outbox:
    """Texts in order, and at most one `Close` as the last of them.

    `send_now` is set by a transport whose writer has begun, and called while nothing waits or is written.
    """

    def __init__(
        self, bytes_max: int, encoding: Encoding, share: QueueShare, clock: Callable[[], float] | None = None
    ) -> None:
        """Begin empty."""
        self._bytes_max = bytes_max
        self._encoding = encoding
        self._share = share
        self._clock = clock or asyncio.get_running_loop().time
        self._waiting: deque[Text] = deque()
        self._leaving: Text | None = None
        self._bytes = 0
        self._small_bytes = 0
        self._left = 0
        self._read_at = 0.0
        self._end: Close | None = None
        # Both are made at the first wait: most connections are idle, and an event takes 0.8 KiB.
        self._filled: asyncio.Future[None] | None = None
        self._roomy: asyncio.Event | None = None
        self.send_now: SendNow | None = None
        self.closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def waiting_bytes(self) -> int:
        """What has not left yet, the message being written included."""
        return self._bytes

    @property
    def mark(self) -> int:
        """A place behind all that was queued so far, for `has_passed`."""
        return self._left + self._bytes

    def has_passed(self, mark: int) -> bool:
        """Whether all before that place has left."""
        return self._left >= mark

    @property
    def unread_since(self) -> float | None:
        """Since when something waits and no byte of it has left; None if nothing waits."""
        return self._read_at if self._bytes else None

    @property
    def has_room(self) -> bool:
        """Whether history may be queued: half of the bound is for what is live."""
        return self._bytes < self._bytes_max // 2

    def put(self, text: Text) -> bool:
        """Send a text at once or queue it; False if there is no room. After `end`, texts are dropped."""
        if self._end is not None:
            return True
        if not self._bytes and self.send_now is not None and self.send_now(text):
            self._left += text.size
            return True
        if text.is_bulk:
            if self._bytes >= self._bytes_max or not self._share.take(text, is_first=not self._bytes):
                return False
        elif self._small_bytes >= SMALL_BYTES_MAX:
            return False
        else:
            self._small_bytes += text.size
        if not self._bytes:
            self._read_at = self._clock()
        self._waiting.append(text)
        self._bytes += text.size
        self._wake_writer()
        return True

    def end(self, close: Close, *, drop: bool = False) -> None:
        """Close after what is queued, or instead of it. Only the first call counts."""
        if self._end is not None:
            return
        if drop:
            self.drop()
        self._end = close
        self._wake_writer()
        self._tell_room()
        if not self.closing.done():
            self.closing.set_result(None)

    def drop(self) -> None:
        """Hold nothing of what waits any more."""
        while self._waiting:
            self._release(self._waiting.popleft())

    async def take(self) -> bytes | Close:
        """The next text, or the end. A text counts as waiting until `sent` is told of it.

        Pieces of output that have waited one behind the other are taken as one (`output_coalescing`).
        """
        while not self._waiting:
            if self._end is not None:
                return self._end
            self._filled = asyncio.get_running_loop().create_future()
            await self._filled
        first = self._waiting.popleft()
        self._leaving, taken = first, [first]
        if first.output is not None and self._waiting and self._has_room_for(JOINED_BYTES_MAX):
            self._leaving, taken = take_joined(first, self._waiting, self._encoding)
        if self._leaving is not first:
            self._stand_in(self._leaving, taken)
        return self._leaving.payload

    def mark_progress(self) -> None:
        """Some bytes of what was taken have left."""
        self._read_at = self._clock()

    def mark_sent(self) -> None:
        """All of what was taken has left."""
        leaving, self._leaving = self._leaving, None
        if leaving is not None:
            self._release(leaving)
        self.mark_progress()

    def close(self) -> None:
        """Nothing more is sent."""
        self.drop()
        self.mark_sent()

    async def wait_for_capacity(self) -> None:
        """Wait until most of the bound is free, which is when replayed history may be queued."""
        await self._wait_until_roomy()
        while self._end is None and not self._has_room_for(READ_BYTES):
            await asyncio.sleep(FULL_PAUSE_S)
            await self._wait_until_roomy()

    def _stand_in(self, joined: Text, taken: list[Text]) -> None:
        """One text waits now in the place of several."""
        for text in taken:
            self._release(text)
        self._left -= joined.size
        self._bytes += joined.size
        has_room = self._share.take(joined, is_first=True)
        assert has_room, "it was looked at before, and this is no more than was released"

    def _has_room_for(self, size: int) -> bool:
        return self._share.has_room(size, is_first=not self._bytes)

    def _release(self, text: Text) -> None:
        if text.is_bulk:
            self._share.release(text)
        else:
            self._small_bytes -= text.size
        self._left += text.size
        self._bytes -= text.size
        self._tell_room()

    def _wake_writer(self) -> None:
        if self._filled is not None and not self._filled.done():
            self._filled.set_result(None)

    async def _wait_until_roomy(self) -> None:
        if not self._is_roomy():
            self._roomy = self._roomy or asyncio.Event()
            await self._roomy.wait()

    def _tell_room(self) -> None:
        if self._roomy is not None and self._is_roomy():
            self._roomy.set()
            self._roomy = None

    def _is_roomy(self) -> bool:
        return self._end is not None or self._bytes < self._bytes_max // 4
