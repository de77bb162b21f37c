"""Checks a history file: complete, in order, valid by the rules of each job; and compares it with the log.

A job's rules are those of `shared.domain.job`. A job that began before the file did is known from its first
event on. The comparison covers every event. An event that the log no longer holds is *expired* if nothing is
left of its job, because that is how jobs leave the log, and *missing* otherwise.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from headrace.client.errors import ProtocolError
from headrace.client.models import kind_of
from headrace.history.file import HistoryFile, HistoryFileError
from headrace.history.replay import event_of
from shared.contract.codec import EventObject
from shared.domain.contract_struct import ContractStruct
from shared.domain.cursor import of_log
from shared.domain.events import (
    Event,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobQueued,
    JobRunning,
    JobTimeout,
    Limits,
)
from shared.domain.job import Finished, ImpossibleHistoryError, JobState, NoJob, Queued, Running, evolve

TOMBSTONE = "expired"
"""The kind of event that stays for a while after a job has left the log."""
DIFFERENCES_MAX = 100
"""Differences listed one by one; further ones are counted."""

# Fields that the rules carry along but never read, dropped so that a long history takes little memory.
_SOME_TIME = datetime(1970, 1, 1, tzinfo=UTC)
_JOB = JobQueued(
    job_id="",
    user_id="",
    time=_SOME_TIME,
    request_id="",
    language="",
    files=(),
    entrypoint="",
    fingerprint="",
    limits=Limits(),
)
_END = JobCancelled(job_id="", user_id="", time=_SOME_TIME, request_id="", by="")


class Checked(ContractStruct, frozen=True, kw_only=True):
    """A valid file: the number of its jobs that ended in it, and that began before it."""

    events: int
    jobs: int
    finished: int
    begun_before: int
    first_seq: int | None
    last_seq: int | None


class Compared(ContractStruct, frozen=True, kw_only=True):
    """The log compared with a file: events that are equal, that expired, and all others."""

    same: int
    expired_events: int
    expired_jobs: int
    differences: tuple[str, ...]
    differences_count: int


class _Jobs:
    """The rules of every job of a file."""

    def __init__(self, *, is_whole: bool) -> None:
        self.states: dict[str, JobState] = {}
        self.begun_before: set[str] = set()
        self._is_whole = is_whole

    def add(self, event: Event) -> None:
        """Raises ImpossibleHistoryError."""
        state = self.states.get(event.job_id, NoJob())
        try:
            after = evolve(state, event)
        except ImpossibleHistoryError:
            if self._is_whole or state != NoJob():
                raise
            self.begun_before.add(event.job_id)
            before = _before(event)
            if before is None:
                return
            after = evolve(before, event)
        self.states[event.job_id] = _light(after)

    @property
    def finished(self) -> int:
        return sum(not isinstance(state, Queued | Running) for state in self.states.values())


def check_history(path: Path) -> Checked:
    """Read the whole file. Raises DamagedError at the first defect, HistoryFileError."""
    with _opened(path) as file:
        jobs = _Jobs(is_whole=file.header.stored_from is None)
        first: int | None = None
        last: int | None = None
        count = 0
        for event_object in file.events():
            _check_place(file, event_object, last)
            try:
                event = event_of(event_object)
                jobs.add(event)
            except (ProtocolError, ImpossibleHistoryError) as error:
                raise file.damaged(str(error)) from error
            if not file.header.all and event.user_id != file.header.user:
                raise file.damaged(f"an event of {event.user_id!r} in the history of {file.header.user!r}")
            first, last = (event_object.seq if first is None else first), event_object.seq
            count += 1
        known = jobs.states.keys() | jobs.begun_before
        return Checked(
            events=count,
            jobs=len(known),
            finished=jobs.finished,
            begun_before=len(jobs.begun_before),
            first_seq=first,
            last_seq=last,
        )


def _check_place(file: HistoryFile, event: EventObject, last: int | None) -> None:
    """Raises DamagedError."""
    header = file.header
    if event.seq is None or event.seq < 1:
        raise file.damaged("an event without its place in the log")
    if last is not None and event.seq <= last:
        again = "again" if event.seq == last else f"after {last}"
        raise file.damaged(f"event {event.seq} comes {again}")
    if event.cursor != of_log(event.seq, event.stored_at):
        raise file.damaged(f"the cursor of event {event.seq} is another's")
    early = header.stored_from is not None and event.stored_at < header.stored_from
    late = header.stored_to is not None and event.stored_at >= header.stored_to
    if early or late:
        raise file.damaged(f"event {event.seq} was stored outside the time that the header tells")


class Comparison:
    """Compares a checked file with the log."""

    def __init__(self, path: Path) -> None:
        """Check the file first. Raises DamagedError, HistoryFileError."""
        self._path = path
        self.checked = check_history(path)
        with _opened(path) as file:
            self.header = file.header
        self._same = 0
        self._present: set[str] = set()
        self._buried: set[str] = set()
        self._lost: defaultdict[str, list[tuple[int, int | None]]] = defaultdict(list)
        self._differences: list[str] = []
        self._count = 0

    async def compare(self, stored: AsyncIterator[EventObject]) -> Compared:
        """Compare it with the log's events of the same users, from the file's beginning on."""
        log = _Ahead(stored)
        with _opened(self._path) as file:
            for event in file.events():
                assert event.seq is not None, "it was checked"
                found = await self._up_to(log, event.seq)
                self._hold(file.line, event, found)
        while self._lost and (later := await log.take()) is not None:
            self._note(later)
        expired_events, expired_jobs = self._expired()
        return Compared(
            same=self._same,
            expired_events=expired_events,
            expired_jobs=expired_jobs,
            differences=tuple(self._differences),
            differences_count=self._count,
        )

    async def _up_to(self, log: "_Ahead", seq: int) -> EventObject | None:
        """The log's event of this sequence; those before it are not in the file."""
        while (event := await log.peek()) is not None and (event.seq or 0) <= seq:
            await log.take()
            self._note(event)
            if event.seq == seq:
                return event
            if self.header.stored_to is None or event.stored_at < self.header.stored_to:
                self._differ(f"event {event.seq}, a {event.type}, is in the log and not in the file")
        return None

    def _note(self, event: EventObject) -> None:
        if kind_of(event) == TOMBSTONE:
            self._buried.add(event.job_id)
        else:
            self._present.add(event.job_id)

    def _hold(self, line: int, event: EventObject, found: EventObject | None) -> None:
        if found is None:
            self._lost[event.job_id].append((line, event.seq))
        elif found == event:
            self._same += 1
        else:
            self._differ(f"line {line}: event {event.seq} differs from the log's")

    def _expired(self) -> tuple[int, int]:
        """The number of events and jobs that expired as jobs do; the others are missing."""
        events = jobs = 0
        for job_id, lines in self._lost.items():
            if job_id in self._buried or job_id not in self._present:
                events += len(lines)
                jobs += 1
                continue
            for line, seq in lines:
                self._differ(f"line {line}: event {seq} is missing from the log, which has others of its job")
        return events, jobs

    def _differ(self, what: str) -> None:
        self._count += 1
        if len(self._differences) < DIFFERENCES_MAX:
            self._differences.append(what)


class _Ahead:
    """An iterator whose next item can be peeked at."""

    def __init__(self, source: AsyncIterator[EventObject]) -> None:
        self._source = source
        self._next: EventObject | None = None
        self._is_known = False

    async def peek(self) -> EventObject | None:
        if not self._is_known:
            self._next, self._is_known = await anext(self._source, None), True
        return self._next

    async def take(self) -> EventObject | None:
        event = await self.peek()
        self._is_known = event is None
        return event


@contextmanager
def _opened(path: Path) -> Iterator[HistoryFile]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise HistoryFileError(f"{path}: {error.strerror or error}") from error
    with file:
        yield HistoryFile(path, file)


def _light(state: JobState) -> JobState:
    """The same state without what the rules do not read."""
    match state:
        case Queued():
            return Queued(_JOB)
        case Running(_, attempt, executor_id, cancel):
            return Running(_JOB, attempt, executor_id, cancel)
        case Finished():
            return Finished(_JOB, _END)
        case _:
            return state


def _before(event: Event) -> JobState | None:
    """The state of a job before this first event; None if it cannot be inferred."""
    match event:
        case JobRunning(attempt=1) | JobCancelled(attempt=None):
            return Queued(_JOB)
        case JobRunning():
            return Running(_JOB, event.attempt - 1, "")
        case JobCompleted() | JobFailed() | JobTimeout() | JobCancelled():
            return Running(_JOB, event.attempt or 1, "")
        case _:
            return None
