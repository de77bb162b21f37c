"""Audit: reads the log's events in order, with one reader per request, at the pace of its client.

A reader holds one window of events. It ends with the last event that was stored when it was opened, or raises
UnreachableError; it never ends early without an error. Readers are few, because each needs a consumer, and
the server's consumers are limited. A user may have half of what the others leave.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.api.jobs.queries import to_event_object
from shared.contract import problems
from shared.contract.codec import EventObject
from shared.contract.problems import ProblemError
from shared.contract.subjects import JOBS, events_among
from shared.domain.shares import Places
from shared.jetstream.connection import Broker
from shared.jetstream.errors import UnreachableError
from shared.jetstream.event_log import Log
from shared.jetstream.follower import Follower
from shared.jetstream.stored_message import Entry
from shared.observability import metrics

READINGS_MAX = 16
"""Readers of one api process: each may hold two of the largest events, as stored and as encoded."""
READINGS_OF_ONE_MAX = 4
WINDOW_BYTES = 512 * 1024
"""Bytes of the log that one reader holds (at least one event); as much again may be in flight."""
SILENCE_MAX_S = 15.0
"""Longest time (s) without an answer of the log. A server restart is shorter."""
IDLE_S = 2.5
"""Silence (s) after which the reader checks the log's end again: pending events may have expired."""
CLOCK_STEP_MAX = timedelta(minutes=1)
"""Tolerated backward step of the log's clock: the log is ordered by sequence, not by time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Filter of events: one user (None: all), one job, some types, stored in from ≤ time < to."""

    user_id: str | None = None
    job_id: str | None = None
    types: frozenset[str] = frozenset()
    after: int = 0
    stored_from: datetime | None = None
    stored_to: datetime | None = None

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subject filters for the server; `accepts` checks the version of a type."""
        kinds = (each.split(".")[1] if "." in each else each for each in self.types)
        return events_among(self.user_id, self.job_id, kinds)

    def accepts(self, event: EventObject) -> bool:
        """Whether the event matches."""
        return (
            (event.seq or 0) > self.after
            and (self.stored_from is None or event.stored_at >= self.stored_from)
            and (self.stored_to is None or event.stored_at < self.stored_to)
            and (not self.types or not self.types.isdisjoint({event.type, event.type.split(".")[1]}))
        )

    def is_past(self, entry: Entry) -> bool:
        """Whether no matching event can follow the entry."""
        return self.stored_to is not None and entry.stored_at >= self.stored_to + CLOCK_STEP_MAX


class Audit:
    """Opens readers, and counts them."""

    def __init__(self, broker: Broker, log: Log) -> None:
        """Read over one broker connection."""
        self._broker = broker
        self._log = log
        self.places = Places(READINGS_MAX)

    async def open(self, event_filter: EventFilter, reader: str) -> "LogReader":
        """A reader whose first batch has arrived; the caller closes it. `reader` is the calling user's id.

        Raises ProblemError if too many are open, BrokerError if the log does not answer.
        """
        if not self.places.take(reader, READINGS_OF_ONE_MAX):
            raise self._refusal(reader)
        reading = LogReader(self, reader, event_filter)
        try:
            await reading.begin(self._broker, self._log)
        except BaseException:
            await reading.close()
            raise
        return reading

    def close_reader(self, reader: str) -> None:
        """Count one reader as closed."""
        self.places.leave(reader)

    def _refusal(self, reader: str) -> ProblemError:
        metrics.REFUSED.labels(why="readings").inc()
        held = self.places.held(reader)
        if held >= READINGS_OF_ONE_MAX:
            return ProblemError(
                problems.TOO_MANY_READERS, f"{held} are open already", headers={"Retry-After": "2"}
            )
        return ProblemError(
            problems.UNAVAILABLE,
            f"{self.places.total} histories are being read, {held} of them yours",
            headers={"Retry-After": "5"},
        )


class LogReader:
    """One finite read of the log, a batch at a time. Created by `Audit.open`."""

    def __init__(self, audit: Audit, reader: str, event_filter: EventFilter) -> None:
        """Prepare; `begin` starts it."""
        self._audit = audit
        self._reader = reader
        self._filter = event_filter
        self._batches: asyncio.Queue[list[Entry]] = asyncio.Queue(maxsize=1)
        self._is_showing = False
        self._last = 0
        self._is_closed = False

    async def begin(self, broker: Broker, log: Log) -> None:
        """Note the log's current end, and read the first batch. Raises BrokerError."""
        self._broker = broker
        self._last = await log.last_sequence()
        self._position = self._filter.after
        self._since = await self._beginning(log)
        self._start()
        self._first = await self._next()

    async def events(self) -> AsyncGenerator[list[EventObject], None]:
        """Non-empty batches of matching events, in order. Raises UnreachableError."""
        batch = self._first
        self._first = []
        while batch:
            found = [
                event
                for entry in batch
                if entry.sequence <= self._last
                and (event := to_event_object(entry)) is not None
                and self._filter.accepts(event)
            ]
            if found:
                yield found
            if self._position >= self._last or self._filter.is_past(batch[-1]):
                return
            batch = await self._next()

    async def close(self) -> None:
        """Stop reading at once, and delete the consumer."""
        if not self._is_closed:
            self._is_closed = True
            self._audit.close_reader(self._reader)
            await self._stop()

    async def _beginning(self, log: Log) -> datetime | None:
        """The time to start at, if it is later in the log than `after`."""
        if self._filter.stored_from is None:
            return None
        since = self._filter.stored_from - CLOCK_STEP_MAX
        if self._position == 0:
            return since
        stored_at = await log.stored_at(self._position)
        return since if stored_at is not None and stored_at < since else None

    async def _next(self) -> list[Entry]:
        """The next batch; empty at the end. Raises UnreachableError."""
        if self._position >= self._last:
            return []
        if self._is_showing:
            self._is_showing = False
            self._batches.task_done()
        with suppress(TimeoutError):
            async with asyncio.timeout(SILENCE_MAX_S):
                while not (batch := await self._batch_or_silence()):
                    if self._follower.caught_up.is_set():
                        return []
                    await self._stop()
                    self._start()
                self._position = batch[-1].sequence
                self._since = None
                self._is_showing = True
                return batch
        raise UnreachableError(f"the log was silent for {SILENCE_MAX_S:.0f} s after {self._position}")

    async def _batch_or_silence(self) -> list[Entry]:
        if not self._batches.empty():
            return self._batches.get_nowait()
        taking = asyncio.create_task(self._batches.get())
        ending = asyncio.create_task(self._follower.caught_up.wait())
        try:
            await asyncio.wait(
                {taking, ending, self._following}, timeout=IDLE_S, return_when=asyncio.FIRST_COMPLETED
            )
            if taking.done():
                return taking.result()
            if self._following.done():
                self._following.result()
        finally:
            taking.cancel()
            ending.cancel()
        # All batches were handed over before the end was noticed.
        return [] if self._batches.empty() else self._batches.get_nowait()

    async def _hand_over(self, batch: list[Entry]) -> None:
        """Hand a batch to the client; blocks the follower until it is taken (back-pressure)."""
        await self._batches.put(batch)
        await self._batches.join()

    def _start(self) -> None:
        self._batches = asyncio.Queue(maxsize=1)
        self._is_showing = False
        self._follower = Follower(
            self._broker,
            JOBS,
            self._hand_over,
            after=self._position,
            since=self._since,
            subjects=self._filter.subjects,
            report_position=False,
            bytes_max=WINDOW_BYTES,
            service="api-audit",
        )
        self._following = asyncio.create_task(self._follower.run())

    async def _stop(self) -> None:
        """Cancel the follower; repeats each second, because nats-py may lose a cancellation."""
        following: asyncio.Task[None] | None = getattr(self, "_following", None)
        while following is not None and not following.done():
            following.cancel()
            await asyncio.wait({following}, timeout=1)
