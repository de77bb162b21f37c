"""What both streams hold, as their leaders say: the cost of the answer does not depend on history."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from services.notifier.events.position import FeedMark, Position
from shared.contract.subjects import FEED, JOBS
from shared.domain.cursor import microseconds
from shared.jetstream.connection import Broker
from shared.jetstream.stored_message import parse_time

NEARLY_FULL = 0.9
SKEW_US = 60_000_000


@dataclass(frozen=True, slots=True)
class Extent:
    """What a stream holds. Times in µs of the epoch, by the clock of its server."""

    first_sequence: int
    last_sequence: int
    last_us: int
    messages: int
    now_us: int
    lost_until_us: int = 0
    """Whatever was stored until then may be gone: it is too old, or the stream is full."""

    def is_before(self, position: Position) -> bool:
        """Whether the log ends before this place."""
        return position.log > self.last_sequence

    def is_in_the_past_of(self, position: Position) -> bool:
        """Whether no client can have seen this much, because its time is to come."""
        return position.feed.stored_us > self.now_us + SKEW_US

    def lost_after(self, mark: FeedMark) -> FeedMark | None:
        """The end of what is no longer kept, if anything of that may be newer than `mark`.

        What follows a sequence and is gone was newer, however it went: it may have been purged. Where only a
        moment is known, what is gone was newer if it can have lived until then.
        """
        sequence = self.first_sequence - 1 if self.messages else self.last_sequence
        if sequence <= (mark.sequence or 0) or (not mark.sequence and mark.stored_us >= self.lost_until_us):
            return None
        return FeedMark(max(self.lost_until_us, mark.stored_us), sequence)


@dataclass(frozen=True, slots=True)
class Extents:
    """Of the log and of the feed, asked at the same time."""

    log: Extent
    feed: Extent


async def read_extents(broker: Broker) -> Extents:
    """How far both streams reach now. Raises BrokerError."""
    log, feed = await asyncio.gather(_read(broker, JOBS), _read(broker, FEED))
    return Extents(log, feed)


async def _read(broker: Broker, stream: str) -> Extent:
    answer = await broker.api(f"STREAM.INFO.{stream}")
    state, config = answer["state"], answer["config"]
    age_max_us = config.get("max_age", 0) // 1_000
    now_us = _microseconds(answer["ts"])
    lost_until_us = now_us - age_max_us if age_max_us else 0
    if 0 < config.get("max_bytes", -1) * NEARLY_FULL <= state["bytes"]:
        lost_until_us = max(lost_until_us, _microseconds(state["first_ts"]) - 1)
    return Extent(
        first_sequence=int(state["first_seq"]),
        last_sequence=int(state["last_seq"]),
        last_us=_microseconds(state["last_ts"]),
        messages=int(state["messages"]),
        now_us=now_us,
        lost_until_us=lost_until_us,
    )


def _microseconds(text: str) -> int:
    """A stream that never held a message has times of the year 1."""
    moment = parse_time(text)
    return 0 if moment <= datetime(1970, 1, 1, tzinfo=UTC) else microseconds(moment)
