"""Carries what the followers read through the live order to the hub.

It lets the sockets write in between, so that a burst does not fill the queue of a client that reads.
"""

import asyncio

from services.notifier.events.hub import Hub
from services.notifier.events.item import Item
from services.notifier.events.known_ends import KnownEnds
from services.notifier.events.ordering import HOLD_S, LiveOrder
from shared.contract.subjects import QUEUED_KIND
from shared.jetstream.lag import ConsumerLag
from shared.jetstream.stored_message import Entry

QUEUED_END = f".{QUEUED_KIND}"
YIELD_EVERY_BYTES = 64 * 1024


class Feeder:
    """The handlers of the two followers."""

    def __init__(self, order: LiveOrder, hub: Hub, known: KnownEnds) -> None:
        """Nothing happens yet. `known` is given every entry before it can be shown."""
        self._order = order
        self._hub = hub
        self._known = known
        self._queued_bytes = 0

    async def take_log(self, batch: list[Entry]) -> None:
        """The handler of the follower of JOBS."""
        clock = asyncio.get_running_loop().time
        for entry in batch:
            if self._hub.on_queued and entry.subject.endswith(QUEUED_END):
                self._hub.tell_queued(entry)
            self._known.take_log(entry)
            self._hub.tell_logged(entry)
            await self._publish(self._order.take_log(entry, clock()))

    async def take_feed(self, batch: list[Entry]) -> None:
        """The handler of the follower of FEED."""
        for entry in batch:
            self._known.take_feed(entry)
            await self._publish(self._order.take_feed(entry))

    def interrupt_feed(self) -> None:
        """The follower of FEED reads no more for now."""
        self._order.interrupt_feed()
        self._hub.interrupt()
        self._known.interrupt_feed()

    def resume_feed(self, sequence: int) -> None:
        """The follower of FEED reads on after this sequence; 0 if sequences are used again."""
        self._known.resume_feed(sequence)
        self._hub.publish(self._order.resume_feed(sequence))

    async def release_overdue(self, feed: ConsumerLag) -> None:
        """Show held entries whose time has come, until cancelled. `feed` is how far the feed is read."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(HOLD_S / 8)
            await self._publish(self._order.take_overdue(clock(), feed.in_step_at))

    async def _publish(self, items: list[Item]) -> None:
        self._queued_bytes += self._hub.publish(items)
        if self._queued_bytes >= YIELD_EVERY_BYTES:
            self._queued_bytes = 0
            await asyncio.sleep(0)
