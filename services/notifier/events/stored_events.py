"""Reads what is stored: how far both streams reach, and one filter's entries up to a known end.

Direct Get may answer from a replica that is behind, so an end is asked of the stream's leader first, and
reading goes on until it was reached.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from weakref import WeakValueDictionary

from services.notifier.events.item import LAST_KINDS
from services.notifier.events.poison import READER, count_poison, parse_subject
from services.notifier.events.position import FeedMark, Position, feed_mark
from shared.contract.codec import UndecodableError, UnknownTagError
from shared.contract.subjects import (
    FEED,
    JOBS,
    QUEUED_KIND,
    TERMINAL_KINDS,
    job_events,
    user_events,
    user_events_of_kind,
)
from shared.domain.cursor import microseconds
from shared.domain.record import JobRecord, fold
from shared.jetstream.connection import Broker
from shared.jetstream.errors import JetStreamError, UnreachableError
from shared.jetstream.event_log import NO_MESSAGE, Log
from shared.jetstream.stored_message import Entry, parse_time
from shared.observability import metrics

READ_BYTES = 256 * 1024
"""Of history, read at once for one client: as much must be free before it is read."""

READS_MAX = 32
"""Reads at once by this process; more only wait for each other inside the server."""

PLACES_MAX = 16
"""Clients of this process for whom history is held at once, two reads each."""
USER_PLACES_MAX = 4
"""Of them, those of one user."""

STALE_READ_PAUSE_S = 0.05
STALE_READS_MAX = 40
STALE_NOTES_MAX = 4
NEARLY_FULL = 0.9
SKEW_US = 60_000_000
ENDED_MAX = 200


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
        """Whether nobody can have seen this much, because its time is to come."""
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


class History:
    """Reads over one broker connection."""

    def __init__(self, broker: Broker) -> None:
        """Use a connected broker."""
        self._broker = broker
        self._log = Log(broker)
        self._reads = asyncio.Semaphore(READS_MAX)
        self._places = asyncio.Semaphore(PLACES_MAX)
        self._places_of: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def place(self, user_id: str) -> AsyncIterator[None]:
        """Wait until history may be read for one more client. Whoever is in a place waits for no client."""
        of_user = self._places_of.setdefault(user_id, asyncio.Semaphore(USER_PLACES_MAX))
        async with of_user, self._places:
            yield

    async def extent(self, stream: str) -> Extent:
        """How far a stream reaches now. Raises BrokerError."""
        answer = await self._broker.api(f"STREAM.INFO.{stream}")
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

    async def end_of(self, stream: str, subject_filter: str) -> Entry | None:
        """The last entry of a filter, as the leader knows it; without its payload. Raises BrokerError."""
        try:
            answer = await self._broker.api(f"STREAM.MSG.GET.{stream}", {"last_by_subj": subject_filter})
        except JetStreamError as error:
            if error.code == NO_MESSAGE:
                return None
            raise
        message = answer["message"]
        return Entry(int(message["seq"]), parse_time(message["time"]), message["subject"], b"")

    async def had_ended(self, note: Entry, by: int) -> bool:
        """Whether the log had the end of a note's job by this sequence. Raises BrokerError."""
        named = parse_subject(note)
        if named is None:
            return False  # whoever reads it says so
        last = await self.end_of(JOBS, job_events(named.user_id, named.job_id))
        # A job that has left altogether had ended before.
        return last is None or (last.sequence <= by and last.subject.rpartition(".")[2] in LAST_KINDS)

    async def log_entries(self, subject_filter: str, *, after: int, end: int) -> AsyncGenerator[Entry, None]:
        """The log's entries of a filter, `after` < sequence ≤ `end`, where `end` is one of them.

        Raises BrokerError, also when `end` cannot be found for long.
        """
        for _ in range(STALE_READS_MAX):
            async with aclosing(self._read(JOBS, subject_filter, after, end)) as entries:
                async for entry in entries:
                    after = entry.sequence
                    yield entry
            if after >= end:
                return
            await asyncio.sleep(STALE_READ_PAUSE_S)
        raise UnreachableError(f"{subject_filter} does not show sequence {end}")

    async def feed_entries(
        self, subject_filter: str, *, after: FeedMark, end: FeedMark
    ) -> AsyncGenerator[Entry, None]:
        """The feed's entries of a filter that `after` does not cover, up to `end`. Raises BrokerError.

        Notes expire, so an end that is not found after a few reads is not waited for any longer.
        """
        sequence = await self._sequence_of(after)
        end_sequence = end.sequence or 0
        for _ in range(STALE_NOTES_MAX):
            async with aclosing(self._read(FEED, subject_filter, sequence, end_sequence)) as entries:
                async for entry in entries:
                    sequence = entry.sequence
                    if not after.covers(feed_mark(entry.stored_at, entry.sequence)):
                        yield entry
            if sequence >= end_sequence:
                return
            await asyncio.sleep(STALE_READ_PAUSE_S)

    async def job(self, user_id: str, job_id: str) -> JobRecord | None:
        """One job as its events add up; None if there is none. Raises BrokerError."""
        subject_filter = job_events(user_id, job_id)
        last = await self.end_of(JOBS, subject_filter)
        record: JobRecord | None = None
        if last is not None:
            async for entry in self.log_entries(subject_filter, after=0, end=last.sequence):
                try:
                    record = fold(record, entry.event(), entry.sequence)
                except UnknownTagError:
                    metrics.UNKNOWN.labels(reader=READER).inc()
                except UndecodableError as error:
                    count_poison(entry, error)
        return record

    async def newest_job(self, user_id: str) -> str | None:
        """The id of the job that the user submitted last, of those that the log has. Raises BrokerError."""
        last = await self.end_of(JOBS, user_events_of_kind(user_id, QUEUED_KIND))
        named = None if last is None else parse_subject(last)
        return None if named is None else named.job_id

    async def ended_since(self, user_id: str, moment: datetime) -> list[str]:
        """The ids of the user's jobs that ended since a moment of the log's clock, in that order.

        At most ENDED_MAX, the newest. Raises BrokerError.
        """
        last = await self.end_of(JOBS, user_events(user_id))
        first = await self._first_since(user_events(user_id), moment)
        if last is None or first is None or first > last.sequence:
            return []
        ended: deque[str] = deque(maxlen=ENDED_MAX)
        async for entry in self.log_entries(user_events(user_id), after=first - 1, end=last.sequence):
            named = parse_subject(entry)
            if named is not None and named.kind in TERMINAL_KINDS:
                ended.append(named.job_id)
        return list(ended)

    async def _first_since(self, subject_filter: str, moment: datetime) -> int | None:
        """The sequence of a filter's first entry since a moment, as the leader of the log knows it."""
        wanted = {"start_time": moment.astimezone(UTC).isoformat(), "next_by_subj": subject_filter}
        try:
            answer = await self._broker.api(f"STREAM.MSG.GET.{JOBS}", wanted)
        except JetStreamError as error:
            if error.code == NO_MESSAGE:
                return None
            raise
        return int(answer["message"]["seq"])

    async def _sequence_of(self, mark: FeedMark) -> int:
        """Where to begin reading after a mark: its sequence, if the feed still is the one it was made in."""
        if not mark.sequence:
            return 0
        try:
            answer = await self._broker.api(f"STREAM.MSG.GET.{FEED}", {"seq": mark.sequence})
        except JetStreamError:
            return 0
        same = microseconds(parse_time(answer["message"]["time"])) == mark.stored_us
        return mark.sequence if same else 0

    async def _read(
        self, stream: str, subject_filter: str, after: int, end: int
    ) -> AsyncGenerator[Entry, None]:
        replay = self._log.replay(subject_filter, after=after, up_to=end, stream=stream, bytes_max=READ_BYTES)
        async with aclosing(replay):
            while True:
                async with self._reads:
                    entry = await anext(replay, None)
                if entry is None:
                    return
                yield entry


def end_position(log: Entry | None, feed: Entry | None) -> Position:
    """Everything up to the last entry of each."""
    mark = FeedMark() if feed is None else feed_mark(feed.stored_at, feed.sequence)
    return Position(0 if log is None else log.sequence, mark)


def _microseconds(text: str) -> int:
    """A stream that never held a message has times of the year 1."""
    moment = parse_time(text)
    return 0 if moment <= datetime(1970, 1, 1, tzinfo=UTC) else microseconds(moment)
