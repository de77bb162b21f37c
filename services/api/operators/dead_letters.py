"""Dead letters: all users' jobs that lost their executor too often, for operators.

A dead letter does not change. A retry submits a new job with the same program and user, which names the dead
letter. Retries are idempotent.
"""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec

from services.api.http.request_context import RequestContext
from services.api.jobs.queries import Queries, check_job_id, unknown_job
from shared.auth import Caller
from shared.contract import problems
from shared.contract.codec import UndecodableError, UnknownTagError, check_copy
from shared.contract.problems import ProblemError
from shared.contract.subjects import DEAD, DEAD_ADVISORIES, event_of_job
from shared.contract.view_api import DeadQuestion, JobsAnswer
from shared.domain.enumerations import UnknownValueError
from shared.domain.events import JobFailed, JobQueued, tag_of
from shared.domain.job import Finished
from shared.domain.record import JobRecord
from shared.jetstream.event_log import Appended, Log
from shared.jetstream.job_history import NewerEventError
from shared.jetstream.stored_message import Entry
from shared.observability.logs import get_logger

logger = get_logger(__name__)

MESSAGES_SHOWN = 100
_RETRIES = uuid.UUID("0b5c2b0e-8d0f-5f3a-a3a5-5c0a1f1f9c11")
"""Namespace of the ids of jobs that retry a dead letter."""


class Advisory(msgspec.Struct, frozen=True, kw_only=True):
    """JetStream's advisory about a message that is not delivered any more."""

    time: datetime = msgspec.field(name="timestamp")
    """When the server gave up on the message."""
    kind: str = msgspec.field(name="type")
    """The type of the server's advisory: that the message was terminated, or delivered too often."""
    stream: str
    """Where the message is."""
    consumer: str
    """The consumer of the message."""
    sequence: int = msgspec.field(name="stream_seq")
    """Its place in that stream."""
    deliveries: int = 0
    """How often it was delivered."""
    reason: str = ""
    """What the consumer said of it; empty where it said nothing."""


class DeadLetters:
    """Lists, reads and retries dead letters."""

    def __init__(self, log: Log, queries: Queries, *, patience_s: float) -> None:
        """Read from the view and the log; append to the log, waiting at most `patience_s` for it."""
        self._log = log
        self._queries = queries
        self._patience_s = patience_s

    async def page(self, question: DeadQuestion) -> JobsAnswer:
        """A page of dead letters, newest first. Raises ProblemError."""
        return await self._queries.dead(question)

    async def find(self, job_id: str) -> JobRecord:
        """One dead letter, with its result. Raises ProblemError if there is none of this id."""
        _, queued = await self._read_queued(job_id)
        job = await self._queries.job(queued.user_id, job_id)
        if job.reason != "executor_lost":
            raise unknown_job()
        return job

    async def retry(self, job_id: str, caller: Caller, context: RequestContext) -> tuple[JobRecord, bool]:
        """Retry a dead letter; returns the new job, and whether it existed already. Raises ProblemError.

        Raises NewerEventError for a program that this version could copy only in part.
        """
        entry, queued = await self._read_queued(job_id)
        state = (await self._log.read_job(queued.user_id, job_id)).state
        if not (
            isinstance(state, Finished)
            and isinstance(state.outcome, JobFailed)
            and state.outcome.reason == "executor_lost"
        ):
            raise ProblemError(problems.NOT_DEAD, "only a job whose executor was lost too often is retried")
        try:
            check_copy(entry.payload, queued)
        except UnknownValueError as error:
            raise NewerEventError(entry.sequence, f"{tag_of(queued)} with {error}") from error
        again = msgspec.structs.replace(
            queued,
            job_id=str(uuid.uuid5(_RETRIES, job_id)),
            time=datetime.now(UTC),
            request_id=context.request_id,
            trace=context.trace,
            retry_of=job_id,
        )
        result = await self._log.append(again, expected=0, patience_s=self._patience_s)
        if isinstance(result, Appended):
            logger.info("dead_letter_retried", job_id=job_id, retry=again.job_id, by=caller.user_id)
        return await self._queries.job(again.user_id, again.job_id), not isinstance(result, Appended)

    async def messages(self) -> AsyncIterator[Advisory]:
        """The last advisories, oldest first: poison messages, and messages delivered too often."""
        last = await self._log.last(DEAD_ADVISORIES, stream=DEAD)
        if last is None:
            return
        start = max(0, last.sequence - MESSAGES_SHOWN)
        async for entry in self._log.replay(DEAD_ADVISORIES, after=start, up_to=last.sequence, stream=DEAD):
            yield msgspec.json.decode(entry.payload, type=Advisory)

    async def _read_queued(self, job_id: str) -> tuple[Entry, JobQueued]:
        check_job_id(job_id)
        entry = await self._log.last(event_of_job(job_id, "queued"))
        if entry is None:
            raise unknown_job()
        try:
            event = entry.event()
        except UnknownTagError as error:
            raise NewerEventError(entry.sequence, str(error)) from error
        except UndecodableError as error:
            raise unknown_job() from error
        assert isinstance(event, JobQueued), "the subject says so, and was compared"
        return entry, event
