"""Catching up while more comes than can be kept aside: the history is read again, nothing is lost."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from services.notifier.events.catch_up import Capacity, CatchUp
from services.notifier.events.ends import EndFinder
from services.notifier.events.hub import Hub
from services.notifier.events.item import Text
from services.notifier.events.known_ends import KnownEnds
from services.notifier.events.ordering import LiveOrder
from services.notifier.events.outcomes import CaughtUp
from services.notifier.events.poison import parse_subject
from services.notifier.events.position import Position
from services.notifier.events.stored_events import History
from services.notifier.events.subscription import KEPT_BYTES_MAX, Subscription
from services.notifier.transports.headrace_v1.encoding import ENCODING
from shared.contract.subjects import JOBS
from shared.jetstream.connection import Broker
from shared.jetstream.stored_message import Entry
from tests import builders
from tests.integration.notifier.writer import Writer

ROUNDS = 4
EACH = 3


class Interrupted(History):
    """A history between any two events of which something happens."""

    def __init__(self, broker: Broker, happen: Callable[[], Awaitable[None]]) -> None:
        super().__init__(broker)
        self._happen = happen

    async def log_entries(self, subject_filter: str, *, after: int, end: int) -> AsyncGenerator[Entry, None]:
        async with aclosing(super().log_entries(subject_filter, after=after, end=end)) as entries:
            async for entry in entries:
                await self._happen()
                yield entry


class Flood:
    """A client whose history is interrupted again and again by large live events."""

    def __init__(self, broker: Broker, writer: Writer) -> None:
        self.hub = Hub()
        self.history = History(broker)
        self.interrupted = Interrupted(broker, self.interrupt)
        self.order = LiveOrder(Position(), is_watched=self.hub.is_watched, parse_subject=parse_subject)
        known = KnownEnds(Position())
        self.hub.on_logged.append(known.take_log)
        self.ends = EndFinder(self.interrupted, known, wait_for_log=_never, wait_for_feed=_never)
        self.shown: list[dict[str, Any]] = []
        self.floods = 0
        self._writer = writer
        self._given = 0

    def take(self, text: Text) -> bool:
        self.shown.append(json.loads(text.payload))
        return True

    async def wait_for_capacity(self) -> None:
        """There always is."""

    async def interrupt(self) -> None:
        """Between any two events of the history, more comes than the subscription may keep aside."""
        if self.floods < ROUNDS:
            self.floods += 1
            await self.come(KEPT_BYTES_MAX // 2)

    async def come(self, size: int) -> None:
        for _ in range(EACH):
            await self._writer.append(builders.queued(builders.job_id(), labels={"large": "x" * size}))
        async for entry in self.history.log_entries("jobs.*.*.*", after=self._given, end=await self._end()):
            self._given = entry.sequence
            self.hub.tell_logged(entry)
            self.hub.publish(self.order.take_log(entry, 0))

    async def _end(self) -> int:
        last: Entry | None = await self.history.end_of(JOBS, "jobs.*.*.*")
        assert last is not None
        return last.sequence


async def _never(sequence: int) -> None:
    raise AssertionError(f"there is no follower, and no note {sequence}")


@pytest.mark.clause("4.3")
@pytest.mark.parametrize("after", ["start", "now"])
async def test_more_than_can_be_kept_aside(broker: Broker, writer: Writer, after: str) -> None:
    flood = Flood(broker, writer)
    await flood.come(10)
    subscription = Subscription(
        builders.USER, "s", None, encoding=ENCODING, send=flood.take, on_complete=lambda: None
    )
    catch_up = CatchUp(flood.hub, flood.interrupted, flood.ends, flood.order.position)
    async with asyncio.timeout(30):
        start: Any = after
        capacity = Capacity(flood.wait_for_capacity, lambda: True)
        assert await catch_up.run(subscription, start, capacity) == CaughtUp()
    await flood.come(10)
    sequences = [message["event"]["seq"] for message in flood.shown if message["type"] == "event"]
    assert flood.shown[0]["type"] == "subscribed"
    if after == "start":
        assert flood.floods == ROUNDS, "the flood must really have come"
        assert sequences == sorted(writer.events)
    else:
        assert sequences == sorted(writer.events)[-EACH:]
