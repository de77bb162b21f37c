"""Queries about jobs: from the view where staleness is acceptable, else from the log."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

import msgspec

from services.api.jobs.read_limits import ReadingTurns
from shared.contract import problems
from shared.contract.codec import EventObject, UndecodableError, event_object
from shared.contract.problems import ProblemError
from shared.contract.subjects import (
    QUEUED_KIND,
    VIEW_DEAD,
    VIEW_JOB,
    VIEW_JOBS,
    VIEW_USAGE,
    event_of_job,
    is_job_id,
    parse,
)
from shared.contract.view_api import (
    DeadQuestion,
    JobAnswer,
    JobQuestion,
    JobsAnswer,
    JobsQuestion,
    UsageAnswer,
    UsageQuestion,
    ViewAnswer,
    ViewProblem,
)
from shared.domain.cursor import of_log
from shared.domain.events import JobQueued
from shared.domain.record import JobRecord
from shared.jetstream.connection import Broker
from shared.jetstream.errors import UnreachableError
from shared.jetstream.event_log import Log
from shared.jetstream.job_history import is_tombstone
from shared.jetstream.job_record import record_of
from shared.jetstream.stored_message import Entry
from shared.observability.logs import get_logger

logger = get_logger(__name__)

VIEW_TIMEOUT_S = 2.0
AnswerT = TypeVar("AnswerT", JobAnswer, JobsAnswer, UsageAnswer)
_answers = msgspec.json.Decoder(ViewAnswer)


class Queries:
    """Answers questions about jobs."""

    def __init__(self, broker: Broker, log: Log) -> None:
        """Ask the projector over `broker`, read events from `log`."""
        self._broker = broker
        self._log = log
        self._turns = ReadingTurns()

    async def job(self, user_id: str, job_id: str) -> JobRecord:
        """The current state of one job. Raises ProblemError if the user has no such job.

        A finished job cannot change, so the view is exact. Otherwise the view may lag behind events that the
        client has already received over its WebSocket, so the job's few events are folded from the log.
        """
        check_job_id(job_id)
        async with self._turns.turn(user_id):
            try:
                seen = (await self._ask(VIEW_JOB, JobQuestion(user_id=user_id, job_id=job_id), JobAnswer)).job
            except UnreachableError:
                seen = None
            if seen is not None and seen.is_finished:
                return seen
            return fold_entries(_require_kept(await self._log.read_entries(user_id, job_id)))

    async def job_and_program(self, user_id: str, job_id: str) -> tuple[JobRecord, JobQueued]:
        """The current state of one job, and its first event: the view does not have the program.

        Raises ProblemError if the user has no such job.
        """
        check_job_id(job_id)
        async with self._turns.turn(user_id):
            entries = _require_kept(await self._log.read_entries(user_id, job_id))
        record = fold_entries(entries)
        queued = entries[0].event()
        assert isinstance(queued, JobQueued), "a record begins with the job's first event"
        return record, queued

    async def owner(self, job_id: str) -> str:
        """The user of a job, where the id alone gives access to it. Raises ProblemError, BrokerError."""
        check_job_id(job_id)
        entry = await self._log.last(event_of_job(job_id, QUEUED_KIND))
        if entry is None:
            raise unknown_job()
        return parse(entry.subject).user_id

    async def job_as_of(self, user_id: str, job_id: str, until: int | datetime) -> JobRecord:
        """The job's state at a sequence of the log or at a time, inclusive.

        Raises ProblemError if the user had no such job then.
        """
        check_job_id(job_id)
        async with self._turns.turn(user_id):
            entries = _require_kept(await self._log.read_entries(user_id, job_id))
        return fold_entries(
            entry
            for entry in entries
            if (entry.sequence if isinstance(until, int) else entry.stored_at) <= until  # type: ignore[operator]  # of the same kind
        )

    async def jobs(self, question: JobsQuestion) -> JobsAnswer:
        """A page of a user's jobs. Raises ProblemError if no projector answers."""
        return await self._page(VIEW_JOBS, question)

    async def _page(self, subject: str, question: JobsQuestion | DeadQuestion) -> JobsAnswer:
        try:
            return await self._ask(subject, question, JobsAnswer)
        except UnreachableError as error:
            raise ProblemError(
                problems.UNAVAILABLE, "the view does not answer", headers={"Retry-After": "2"}
            ) from error

    async def dead(self, question: DeadQuestion) -> JobsAnswer:
        """A page of all users' dead letters. Raises ProblemError if no projector answers."""
        return await self._page(VIEW_DEAD, question)

    async def usage(self, user_id: str) -> UsageAnswer | None:
        """A user's usage as the view counts it; None if no projector answers."""
        try:
            return await self._ask(VIEW_USAGE, UsageQuestion(user_id=user_id), UsageAnswer)
        except UnreachableError:
            return None

    async def job_events(self, user_id: str, job_id: str) -> list[EventObject]:
        """A job's history as stored. Raises ProblemError if the user has no such job."""
        check_job_id(job_id)
        async with self._turns.turn(user_id):
            entries = await self._log.read_entries(user_id, job_id)
        events = [event for entry in entries if (event := to_event_object(entry)) is not None]
        if not events:
            raise unknown_job()
        _require_kept(entries)
        return events

    async def _ask(self, subject: str, question: msgspec.Struct, kind: type[AnswerT]) -> AnswerT:
        message = await self._broker.request(subject, msgspec.json.encode(question), timeout_s=VIEW_TIMEOUT_S)
        try:
            answer = _answers.decode(message.data)
        except msgspec.MsgspecError as error:
            raise UnreachableError(f"{subject}: an answer of another version: {error}") from error
        if isinstance(answer, kind):
            return answer
        detail = answer.detail if isinstance(answer, ViewProblem) else "an answer to another question"
        raise UnreachableError(f"{subject}: {detail}")


def check_job_id(job_id: str) -> None:
    """Raises the problem of an unknown job for text that cannot be an id, rather than a validation error."""
    if not is_job_id(job_id):
        raise unknown_job()


def unknown_job() -> ProblemError:
    """The problem of an unknown job; the same for another user's job, so that ids reveal nothing."""
    return ProblemError(problems.UNKNOWN_JOB, "you have no job of this id")


def expired_job() -> ProblemError:
    """The problem of an expired job, returned while its tombstone exists; afterwards the job is unknown."""
    return ProblemError(problems.EXPIRED, "the job has expired: what it left is gone")


def _require_kept(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """A job's entries. Raises ProblemError if they are being purged, so that no client sees only a part."""
    if entries and is_tombstone(entries[-1]):
        raise expired_job()
    return entries


def fold_entries(entries: Iterable[Entry]) -> JobRecord:
    """The job's record; events of newer versions are skipped, as in the view.

    Raises ProblemError if there is no job, NewerEventError if the job's first event is of a newer version.
    """
    record = record_of(entries, reader="api")
    if record is None:
        raise unknown_job()
    return record


def to_event_object(entry: Entry) -> EventObject | None:
    """The event of an entry as clients see it; None for undecodable bytes."""
    try:
        return event_object(
            entry.payload,
            cursor=of_log(entry.sequence, entry.stored_at),
            stored_at=entry.stored_at,
            seq=entry.sequence,
        )
    except UndecodableError as error:
        logger.error("poison_skipped", sequence=entry.sequence, why=str(error))
        return None
