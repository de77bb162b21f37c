"""Events with sensible defaults, so that a test states only what matters to it."""

import json
import uuid
from datetime import UTC, datetime

from shared.contract.subjects import job_event
from shared.domain.enumerations import ExpiryReason
from shared.domain.events import (
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
)
from shared.domain.record import JobRecord, fold
from shared.domain.result import Output, Result

NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
JOB = "01890a5d-ac96-774b-bcce-b302099a8057"
USER = "alice"


def job_id() -> str:
    """A fresh job id."""
    return str(uuid.uuid4())


def queued(job: str = JOB, user: str = USER, **changes: object) -> JobQueued:
    """A small Python program, accepted."""
    fields: dict[str, object] = {
        "job_id": job,
        "user_id": user,
        "time": NOON,
        "request_id": "req-1",
        "language": "python",
        "files": (SourceFile(name="main.py", content="print(42)"),),
        "entrypoint": "main.py",
        "fingerprint": "f" * 64,
        "limits": Limits(),
    }
    return JobQueued(**{**fields, **changes})  # type: ignore[arg-type]  # the caller names real fields


def newer(job: str = JOB, tag: str = "job.paused.v9", user: str = USER) -> tuple[str, bytes]:
    """The subject and the bytes of an event that a newer program writes."""
    fields = {"type": tag, "job_id": job, "user_id": user, "time": NOON.isoformat(), "request_id": "req-1"}
    return job_event(user, job, tag.split(".")[1]), json.dumps({**fields, "since": "noon"}).encode()


def running(job: str = JOB, user: str = USER, attempt: int = 1, executor_id: str = "x1") -> JobRunning:
    """An attempt, begun."""
    return JobRunning(
        job_id=job,
        user_id=user,
        time=NOON,
        request_id="req-1",
        attempt=attempt,
        executor_id=executor_id,
        queue_wait_ms=3,
    )


def result(stdout: str = "42\n") -> Result:
    """What a program that printed 42 leaves."""
    size = len(stdout.encode())
    return Result(exit_code=0, stdout=Output(content=stdout, kept_bytes=size, total_bytes=size), wall_ms=12)


def completed(job: str = JOB, user: str = USER, attempt: int = 1) -> JobCompleted:
    """The end of a program that printed 42."""
    return JobCompleted(
        job_id=job, user_id=user, time=NOON, request_id="req-1", attempt=attempt, result=result()
    )


def failed(job: str = JOB, user: str = USER, attempt: int = 1) -> JobFailed:
    """A program that exited with 3."""
    return JobFailed(
        job_id=job,
        user_id=user,
        time=NOON,
        request_id="req-1",
        attempt=attempt,
        reason="exit_code",
        result=Result(exit_code=3),
    )


def timeout(job: str = JOB, user: str = USER, attempt: int = 1) -> JobTimeout:
    """A program that ran for ever."""
    return JobTimeout(
        job_id=job,
        user_id=user,
        time=NOON,
        request_id="req-1",
        attempt=attempt,
        reason="wall_time",
        stage="run",
        result=Result(signal=9),
    )


def cancel_requested(job: str = JOB, user: str = USER) -> JobCancelRequested:
    """The user wants it stopped."""
    return JobCancelRequested(job_id=job, user_id=user, time=NOON, request_id="req-2", by=user)


def cancelled(job: str = JOB, user: str = USER, attempt: int | None = None) -> JobCancelled:
    """Stopped on request."""
    return JobCancelled(job_id=job, user_id=user, time=NOON, request_id="req-2", by=user, attempt=attempt)


def expired(job: str = JOB, user: str = USER, reason: ExpiryReason = "ttl") -> JobExpired:
    """Gone."""
    return JobExpired(job_id=job, user_id=user, time=NOON, request_id="retention", reason=reason)


def record(*later: Event) -> JobRecord:
    """A job as it stands after it was queued and these events."""
    folded = None
    for sequence, event in enumerate((queued(), *later), start=1):
        folded = fold(folded, event, sequence)
    assert folded is not None
    return folded
