"""One socket of the dialect: answers requests about jobs, and tells of those that were subscribed to."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.websockets import WebSocket

from services.notifier.connections.registry import ClientRegistry
from services.notifier.transports.dialects.changes import Change
from services.notifier.transports.dialects.job_reader import JobReader
from services.notifier.transports.dialects.progress.ids import new_id
from services.notifier.transports.dialects.progress.messages import (
    Job,
    end_message,
    error_message,
    status_message,
    step_message,
    subscribed,
)
from services.notifier.transports.dialects.progress.progression import (
    Note,
    Progression,
    Step,
    present_state,
)
from services.notifier.transports.dialects.progress.queue_pace import QueuePace
from services.notifier.transports.dialects.progress.requests import (
    Request,
    RequestError,
    job_id_of,
    parse_request,
)
from services.notifier.transports.dialects.progress.stored_jobs import StoredJobs
from services.notifier.transports.dialects.session import DialectSession
from shared.contract.codec import EventObject
from shared.contract.subjects import is_job_id
from shared.domain.decisions import CommandContext, Refuse
from shared.domain.record import JobRecord
from shared.jetstream.errors import BrokerError
from shared.observability.logs import get_logger

logger = get_logger(__name__)

NAME = "progress"
RETRY_AFTER_S = 1
NO_JOB = "you have no job of this id"


@dataclass(frozen=True, slots=True)
class Shared:
    """What the sockets of the dialect share."""

    reader: JobReader
    stored: StoredJobs
    pace: QueuePace


@dataclass(frozen=True, slots=True)
class Followed:
    """A job that the client subscribed to and whose end it has not been told."""

    job: Job
    progression: Progression = field(default_factory=Progression)


class ProgressSession(DialectSession):
    """Lives as long as its socket."""

    def __init__(self, websocket: WebSocket, registry: ClientRegistry, shared: Shared) -> None:
        """Prepare; `run` does it."""
        connection_id = new_id("conn", datetime.now(UTC))
        super().__init__(websocket, registry, NAME, shared.reader, connection_id=connection_id)
        self._stored = shared.stored
        self._pace = shared.pace
        self._followed: dict[str, Followed] = {}

    async def receive(self, message: dict[str, Any]) -> None:
        """Answer a request about a job."""
        now = datetime.now(UTC)
        request_id = new_id("req", now)
        try:
            request = parse_request(message)
            job = await self._answer(request, request_id, now)
        except RequestError as error:
            self._refuse(error, request_id, now, job_id_of(message))
        except BrokerError:
            details = {"retry_after_s": RETRY_AFTER_S}
            unavailable = RequestError("SERVICE_UNAVAILABLE", "the log does not answer: try again", details)
            self._refuse(unavailable, request_id, now, job_id_of(message))
        else:
            self._log("dialect_request", request_id, job.job_id, job.correlation_id, type=request.type)

    async def refuse(self, why: str) -> None:
        """The client has sent a frame that is no JSON object."""
        now = datetime.now(UTC)
        self._refuse(RequestError("INVALID_MESSAGE", why), new_id("req", now), now, None)

    async def tell(self, change: Change) -> None:
        """Something has happened to a job that is watched."""
        followed = self._followed.get(change.job_id)
        if followed is None:
            return
        if change.is_end:
            await self._tell_end(followed, await self.read(change.job_id, change.sequence))
        elif change.event is not None:
            for step in _steps(followed.progression, change.kind, change.event):
                self.send(step_message(followed.job, step))

    async def _answer(self, request: Request, request_id: str, now: datetime) -> Job:
        """Do what the client requests; returns the job. Raises RequestError, BrokerError."""
        if not is_job_id(request.job_id):
            raise RequestError("JOB_NOT_FOUND", NO_JOB)
        if request.type == "subscribe":
            return await self._subscribe(request.job_id, now)
        if request.type == "cancel_job":
            return await self._cancel(request.job_id, request_id, now)
        return await self._tell_status(await self._find(request.job_id), now)

    async def _subscribe(self, job_id: str, now: datetime) -> Job:
        known = self._followed.get(job_id)
        if known is not None:
            self.send(subscribed(known.job, self.connection.id, now))
            return known.job
        # Watched before it is read, so that nothing between the two is missed.
        if not self.watch(job_id):
            most = self.registry.settings.notifier_subscriptions_max
            raise RequestError("RATE_LIMIT_EXCEEDED", f"at most {most} jobs on one connection")
        try:
            record = await self._find(job_id)
            followed = Followed(await self._job_of(record))
            steps = await self._present(record, followed.progression)
        except (RequestError, BrokerError):
            self.stop_watching(job_id)
            raise
        self._followed[job_id] = followed
        self.send(subscribed(followed.job, self.connection.id, now))
        for step in steps:
            self.send(step_message(followed.job, step))
        if record.is_finished:
            await self._tell_end(followed, record)
        return followed.job

    async def _cancel(self, job_id: str, request_id: str, now: datetime) -> Job:
        context = CommandContext(now, request_id=request_id)
        outcome = await self.registry.cancellations.cancel(self.user_id, job_id, context)
        if isinstance(outcome, Refuse):
            if outcome.why == "already_finished":
                raise RequestError("JOB_ALREADY_COMPLETED", "the job has already ended")
            raise RequestError("JOB_NOT_FOUND", NO_JOB)
        followed = self._followed.get(job_id)
        return await self._tell_status(outcome.job, now) if followed is None else followed.job

    async def _tell_status(self, record: JobRecord, now: datetime) -> Job:
        job = await self._job_of(record)
        progression = Progression()
        await self._present(record, progression)
        estimate = None if record.attempt else self._pace.estimate(self.user_id, record.job_id, now)
        self.send(status_message(job, record, progression.latest, estimate, now))
        return job

    async def _tell_end(self, followed: Followed, record: JobRecord | None) -> None:
        """Tell the stages that were not told, and the end; nothing of the job follows on this connection."""
        job = followed.job
        del self._followed[job.job_id]
        self.stop_watching(job.job_id)
        if not self.is_new(job.job_id, "end", is_last=True):
            return
        if record is None or not record.is_finished:
            self._tell_no_end(job, record)
            return
        for step in followed.progression.finish(record):
            self.send(step_message(job, step))
        message = end_message(job, record)
        self._log("dialect_end", None, job.job_id, job.correlation_id, type=message["type"])
        await self.send_large(message)

    def _tell_no_end(self, job: Job, record: JobRecord | None) -> None:
        """It has left the log, or its end is an event of a later version."""
        now = datetime.now(UTC)
        error = RequestError("JOB_NOT_FOUND", NO_JOB)
        if record is not None:
            error = RequestError("SERVICE_UNAVAILABLE", "the job's end is of a later version of Headrace")
        self._refuse(error, new_id("req", now), now, job.job_id)

    async def _find(self, job_id: str) -> JobRecord:
        record = await self.read(job_id)
        if record is None:
            raise RequestError("JOB_NOT_FOUND", NO_JOB)
        return record

    async def _job_of(self, record: JobRecord) -> Job:
        followed = self._followed.get(record.job_id)
        if followed is not None:
            return followed.job
        request_id = await self._stored.request_id(self.user_id, record.job_id)
        if request_id is None:
            raise RequestError("JOB_NOT_FOUND", NO_JOB)
        return Job(record.job_id, request_id)

    async def _present(self, record: JobRecord, progression: Progression) -> list[Step]:
        """Bring a new progression to the present; returns what a new subscriber is told of a running job."""
        if record.is_finished or record.started_at is None:
            return []
        steps: list[Step] = []
        for note in await self._stored.notes(self.user_id, record.job_id):
            steps += progression.take(note)
        steps += progression.begin(record.attempt, record.started_at)
        return present_state(steps, progression.attempt)

    def _refuse(self, error: RequestError, request_id: str, now: datetime, job_id: str | None) -> None:
        text = str(error)
        self.send(
            error_message(
                error.code, text, request_id=request_id, now=now, job_id=job_id, details=error.details
            )
        )
        self._log("dialect_error", request_id, job_id, request_id, code=error.code)

    def _log(
        self, event: str, request_id: str | None, job_id: str | None, correlation_id: str, **more: str
    ) -> None:
        """As many of these lines are written as of the access log. No text of a client is in them."""
        if random.random() >= self.registry.settings.access_log_share:  # noqa: S311 - no secret
            return
        logger.info(
            event,
            dialect=NAME,
            connection=self.connection.id,
            request_id=request_id,
            job_id=job_id if job_id is not None and is_job_id(job_id) else None,
            correlation_id=correlation_id,
            **more,
        )


def _steps(progression: Progression, kind: str, event: EventObject) -> list[Step]:
    """What an event of the log or a note of the feed adds; nothing for one that cannot be read."""
    try:
        if kind == "running":
            attempt = msgspec.convert(event.data.get("attempt"), int)
            return progression.begin(attempt, msgspec.convert(event.time, datetime))
        if kind == "progress":
            return progression.take(msgspec.convert({**event.data, "time": event.time}, Note))
    except msgspec.ValidationError:
        logger.warning("note_not_told", job_id=event.job_id, type=event.type)
    return []
