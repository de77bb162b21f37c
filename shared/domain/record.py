"""Folds a job's events into the record that clients see.

The projector stores these records. The api folds one itself when the view does not have it yet, so both use
this one function.
"""

from datetime import datetime
from typing import Annotated, TypeAlias, assert_never

import msgspec
from msgspec import UNSET, UnsetType

from shared.domain.contract_struct import ContractStruct
from shared.domain.decisions import expiry_of
from shared.domain.enumerations import open_to
from shared.domain.events import (
    ClampedLimit,
    Event,
    JobCancelled,
    JobCancelRequested,
    JobCompleted,
    JobExpired,
    JobFailed,
    JobQueued,
    JobRunning,
    JobTimeout,
    Limits,
    SourceFile,
    Terminal,
)
from shared.domain.interaction import Interaction
from shared.domain.job import Status
from shared.domain.result import Result

OpenStatus: TypeAlias = Annotated[str, open_to(Status)]
"""A status as it is read: the fold of a later version may write other values."""


class FileSummary(ContractStruct, frozen=True, kw_only=True):
    """A submitted file without its content."""

    name: str
    """Its path below the work directory."""
    size: int
    """Length of `content` as submitted, in characters; of a stored file its bytes."""


class JobSummary(ContractStruct, frozen=True, kw_only=True):
    """A job as lists show it: without its files, its arguments and its result."""

    job_id: str
    """Names the job: a UUID."""
    user_id: str
    """Whose job it is."""
    status: OpenStatus
    """How it stands; of those known here the last four are final. What has a `finished_at` has ended."""
    language: str
    """The language's name as executors offer it."""
    entrypoint: str
    """The file that is run, or compiled first."""
    limits: Limits
    """What each stage that runs the program may use."""
    clamped: tuple[ClampedLimit, ...] | UnsetType = UNSET
    """The limits that were lowered to the service's maxima; absent unless some were."""
    labels: dict[str, str]
    """The labels of the submission."""
    session: str | None
    """The session of which it is a run; None for any other job."""
    retry_of: str | None = None
    """The dead letter that an operator gave another chance by this job."""
    ttl_s: int | None = None
    """Seconds that it is kept after its end; None keeps it until its user is erased."""
    created_at: datetime
    """When it was accepted."""
    queued_sequence: int
    """The place of its first event in the log."""
    last_sequence: int
    """The place of the newest event that is folded into this; also the job's entity tag."""
    attempt: int = 0
    """The newest attempt, from 1; 0 before the first."""
    executor_id: str | None = None
    """The executor of that attempt."""
    language_version: str | None = None
    """The version of the language there."""
    queue_wait_ms: int | None = None
    """From its acceptance to the start of that attempt."""
    started_at: datetime | None = None
    """When that attempt began."""
    finished_at: datetime | None = None
    """When it ended; None before."""
    expires_at: datetime | None = None
    """When it will be removed, known from its end on."""
    cancel_requested_at: datetime | None = None
    """When it was first asked to stop while it ran."""
    cancelled_by: str | None = None
    """The user who asked for that."""
    reason: str | None = None
    """Why it failed, or which time it used up; None for any other status."""
    detail: str | None = None
    """More of the reason, for people."""

    @property
    def is_finished(self) -> bool:
        """Whether the job has ended."""
        return self.finished_at is not None


class JobRecord(JobSummary, frozen=True, kw_only=True):
    """A job with all that the fold of its events knows."""

    files: tuple[FileSummary, ...]
    """The submitted files, without their content."""
    args: tuple[str, ...]
    """The program's arguments."""
    compiler_args: tuple[str, ...] = ()
    """Words that the submission added to the compiler's command."""
    interpreter_args: tuple[str, ...] = ()
    """Words that the submission added to the interpreter's command."""
    interactive: Interaction | UnsetType = UNSET
    """How it reads its input while it runs; absent for any other job."""
    working_directory: str | UnsetType = UNSET
    """Where its program starts; absent where that is `/work`."""
    result: Result | None = None
    """What the last attempt left; None before the end, and where no program ran."""

    def without_bulk(self) -> "JobRecord":
        """A copy without its large fields; enough for lists and for the fold of the next event."""
        return msgspec.structs.replace(
            self, files=(), args=(), compiler_args=(), interpreter_args=(), result=None
        )


def summary_of(record: JobRecord) -> JobSummary:
    """The job's summary, as lists show it."""
    return JobSummary(**{name: getattr(record, name) for name in JobSummary.__struct_fields__})


def fold(record: JobRecord | None, event: Event, sequence: int) -> JobRecord | None:
    """The record after one more event. Idempotent: an event that was folded before changes nothing.

    Returns None for a job whose first event is not in the log, and for a job that has expired.
    """
    if isinstance(event, JobQueued):
        return record or _queued(event, sequence)
    if record is None or sequence <= record.last_sequence:
        return record
    match event:
        case JobRunning():
            return _replace(
                record,
                sequence,
                status="running",
                attempt=event.attempt,
                executor_id=event.executor_id,
                language_version=event.language_version,
                queue_wait_ms=event.queue_wait_ms,
                started_at=event.time,
            )
        case JobCancelRequested():
            return _replace(record, sequence, cancel_requested_at=event.time, cancelled_by=event.by)
        case JobCompleted() | JobFailed() | JobTimeout() | JobCancelled():
            return _finished(record, event, sequence)
        case JobExpired():
            return None
    assert_never(event)


def _queued(event: JobQueued, sequence: int) -> JobRecord:
    return JobRecord(
        job_id=event.job_id,
        user_id=event.user_id,
        status="queued",
        language=event.language,
        entrypoint=event.entrypoint,
        limits=event.limits,
        clamped=event.clamped,
        labels=event.labels,
        session=event.session,
        retry_of=event.retry_of,
        ttl_s=event.ttl_s,
        created_at=event.time,
        queued_sequence=sequence,
        last_sequence=sequence,
        files=tuple(FileSummary(name=file.name, size=_size(file)) for file in event.files),
        args=event.args,
        compiler_args=event.compiler_args or (),
        interpreter_args=event.interpreter_args or (),
        interactive=event.interactive,
        working_directory=event.working_directory,
    )


def _size(file: SourceFile) -> int:
    return len(file.content) if isinstance(file.stored, msgspec.UnsetType) else file.stored.size


def _finished(record: JobRecord, event: Terminal, sequence: int) -> JobRecord:
    finished = _replace(
        record,
        sequence,
        finished_at=event.time,
        expires_at=expiry_of(event.time, record.ttl_s),
        result=event.result,
    )
    match event:
        case JobCompleted():
            return _replace(finished, sequence, status="completed")
        case JobFailed():
            return _replace(finished, sequence, status="failed", reason=event.reason, detail=event.detail)
        case JobTimeout():
            return _replace(finished, sequence, status="timeout", reason=event.reason)
        case JobCancelled():
            return _replace(finished, sequence, status="cancelled", cancelled_by=event.by)
    assert_never(event)


def _replace(record: JobRecord, sequence: int, **changes: object) -> JobRecord:
    return msgspec.structs.replace(record, last_sequence=sequence, **changes)
