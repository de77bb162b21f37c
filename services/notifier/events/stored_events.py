"""Reads what is stored: how far both streams reach, and one filter's entries up to a known end.

Direct Get may answer from a replica that is behind, so reading goes on until the end was reached. Where the
end is not found, because it is none of the filter or has left, the stream's leader says whether that was all.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from weakref import WeakValueDictionary

import msgspec

from services.notifier.events.extent import Extents, read_extents
from services.notifier.events.item import LAST_KINDS
from services.notifier.events.poison import READER, count_poison, parse_subject
from services.notifier.events.position import FeedMark, feed_mark
from services.notifier.events.shared_question import SharedQuestion
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
from shared.jetstream.event_log import Log
from shared.jetstream.reused_sequences import CONFIRMATIONS, CONFIRMED_EVERY_S
from shared.jetstream.stored_message import Entry, read_from_leader, read_next
from shared.observability import metrics

READ_BYTES = 256 * 1024
"""Of history, read at once for one client: as much must be free before it is read."""

SINGLE_READS = 2
"""Messages that are read one by one before batches: most clients that come back have missed no more. The
server's work for a batch grows with what of the filter is in the same block, up to 6 ms."""

READS_MAX = 32
"""Reads at once by this process; more only wait for each other inside the server."""

PLACES_MAX = 16
"""Clients of this process for whom history is held at once, two reads each."""
USER_PLACES_MAX = 4
"""Of them, those of one user."""

STALE_READ_PAUSE_S = 0.05
STALE_READS_MAX = 40
STALE_NOTES_MAX = 4
ENDED_MAX = 200


class History:
    """Reads over one broker connection."""

    def __init__(self, broker: Broker) -> None:
        """Use a connected broker."""
        self._broker = broker
        self._log = Log(broker)
        self._reads = asyncio.Semaphore(READS_MAX)
        self._places = asyncio.Semaphore(PLACES_MAX)
        self._places_of: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._extents = SharedQuestion(lambda: read_extents(broker))

    @asynccontextmanager
    async def place(self, user_id: str) -> AsyncIterator[None]:
        """Wait until history may be read for one more client. Whoever is in a place waits for no client."""
        of_user = self._places_of.setdefault(user_id, asyncio.Semaphore(USER_PLACES_MAX))
        async with of_user, self._places:
            yield

    async def extents(self) -> Extents:
        """How far both streams reach now; asked once for all who ask at the same time. Raises BrokerError."""
        return await self._extents.answer()

    async def end_of(self, stream: str, subject_filter: str) -> Entry | None:
        """The last entry of a filter, as the leader knows it; without its payload. Raises BrokerError.

        The server's work grows with the number of subjects that the filter matches: it is for those of one
        job. For those of a user there are `KnownEnds`.
        """
        return await self._get(stream, {"last_by_subj": subject_filter})

    async def had_ended(self, note: Entry, by: int) -> bool:
        """Whether the log had the end of a note's job by this sequence. Raises BrokerError."""
        named = parse_subject(note)
        if named is None:
            return False  # whoever reads it says so
        last = await self.end_of(JOBS, job_events(named.user_id, named.job_id))
        # A job that has left altogether had ended before.
        return last is None or (last.sequence <= by and last.subject.rpartition(".")[2] in LAST_KINDS)

    async def log_entries(self, subject_filter: str, *, after: int, end: int) -> AsyncGenerator[Entry, None]:
        """The log's entries of a filter, `after` < sequence ≤ `end`.

        Raises BrokerError, also when no replica shows for long what the leader has.
        """
        for _ in range(STALE_READS_MAX):
            async with aclosing(self._read(JOBS, subject_filter, after, end)) as entries:
                async for entry in entries:
                    after = entry.sequence
                    yield entry
            if after >= end or await self._has_left(subject_filter, after, end):
                return
            await asyncio.sleep(STALE_READ_PAUSE_S)
        raise UnreachableError(f"{subject_filter} does not show sequence {end}")

    async def _has_left(self, subject_filter: str, after: int, end: int) -> bool:
        """Whether the leader has nothing of a filter either, `after` < sequence ≤ `end`.

        A leader that was frozen answers as of then, and the log ends before `end`: that is believed only if
        it stays so (decision 22).
        """
        for _ in range(CONFIRMATIONS):
            if (await self.extents()).log.last_sequence >= end:
                break
            await asyncio.sleep(CONFIRMED_EVERY_S)
        following = await self._get(JOBS, {"seq": after + 1, "next_by_subj": subject_filter})
        return following is None or following.sequence > end

    async def feed_entries(
        self, subject_filter: str, *, after: FeedMark, end: FeedMark
    ) -> AsyncGenerator[Entry, None]:
        """The feed's entries of a filter that `after` does not cover, up to `end`. Raises BrokerError.

        Notes expire, so an end that is not found after a few reads is not waited for any longer.
        """
        if after.covers(end):
            return
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
        """The id of the job that the user submitted last, as the leader knows it; see `end_of`.

        Raises BrokerError.
        """
        last = await self.end_of(JOBS, user_events_of_kind(user_id, QUEUED_KIND))
        named = None if last is None else parse_subject(last)
        return None if named is None else named.job_id

    async def ended_since(self, user_id: str, moment: datetime) -> list[str]:
        """The ids of the user's jobs that ended since a moment of the log's clock, in that order.

        At most ENDED_MAX, the newest. Raises BrokerError.
        """
        subject_filter = user_events(user_id)
        since = {"start_time": moment.astimezone(UTC).isoformat(), "next_by_subj": subject_filter}
        first = await self._get(JOBS, since)
        if first is None:
            return []
        end = (await self.extents()).log.last_sequence
        ended: deque[str] = deque(maxlen=ENDED_MAX)
        async for entry in self.log_entries(subject_filter, after=first.sequence - 1, end=end):
            named = parse_subject(entry)
            if named is not None and named.kind in TERMINAL_KINDS:
                ended.append(named.job_id)
        return list(ended)

    async def _get(self, stream: str, what: Mapping[str, object]) -> Entry | None:
        """One message without its payload, as the leader knows it. Raises BrokerError."""
        entry = await read_from_leader(self._broker, stream, what)
        return None if entry is None else msgspec.structs.replace(entry, payload=b"")

    async def _sequence_of(self, mark: FeedMark) -> int:
        """Where to begin reading after a mark: its sequence, if the feed still is the one it was made in."""
        if not mark.sequence:
            return 0
        try:
            note = await self._get(FEED, {"seq": mark.sequence})
        except JetStreamError:
            return 0
        same = note is not None and microseconds(note.stored_at) == mark.stored_us
        return mark.sequence if same else 0

    async def _read(
        self, stream: str, subject_filter: str, after: int, end: int
    ) -> AsyncGenerator[Entry, None]:
        for _ in range(SINGLE_READS):
            if after >= end:
                return
            async with self._reads:
                found = await read_next(self._broker, stream, subject_filter, after + 1)
            if found is None or found.sequence > end:
                return
            after = found.sequence
            yield found
        replay = self._log.replay(subject_filter, after=after, up_to=end, stream=stream, bytes_max=READ_BYTES)
        async with aclosing(replay):
            while True:
                async with self._reads:
                    entry = await anext(replay, None)
                if entry is None:
                    return
                yield entry
