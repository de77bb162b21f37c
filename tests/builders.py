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
    JobInput,
    JobQueued,
    JobResized,
    JobRunning,
    JobSignalled,
    JobTimeout,
    Limits,
    SourceFile,
)
from shared.domain.interaction import Interaction
from shared.domain.record import JobRecord, fold
from shared.domain.result import Output, Result

NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
JOB = "01890a5d-ac96-774b-bcce-b302099a8057"
USER = "alice"
INTERACTION = Interaction(idle_s=600, input_bytes=1_048_576, output_bytes=16_777_216)


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


def interactive(job: str = JOB, user: str = USER, **changes: object) -> JobQueued:
    """A program that reads while it runs, accepted."""
    stdin = SourceFile(name="stdin", content="", encoding="live")
    return queued(job, user, **{"interactive": INTERACTION, "stdin": stdin, **changes})


def piece(
    content: str = "",
    job: str = JOB,
    user: str = USER,
    *,
    number: int = 0,
    offset: int = 0,
    **changes: object,
) -> JobInput:
    """A piece of a job's input."""
    about: dict[str, object] = {"job_id": job, "user_id": user, "time": NOON, "request_id": "req-3"}
    fields = {**about, "number": number, "offset": offset, "content": content, **changes}
    return JobInput(**fields)  # type: ignore[arg-type]  # the caller names real fields


def resized(job: str = JOB, user: str = USER, *, number: int = 0, offset: int = 0) -> JobResized:
    """A larger terminal."""
    return JobResized(
        job_id=job,
        user_id=user,
        time=NOON,
        request_id="req-3",
        number=number,
        offset=offset,
        columns=120,
        rows=40,
    )


def signalled(job: str = JOB, user: str = USER, *, number: int = 0, offset: int = 0) -> JobSignalled:
    """Its user pressed Ctrl-C."""
    return JobSignalled(
        job_id=job,
        user_id=user,
        time=NOON,
        request_id="req-3",
        number=number,
        offset=offset,
        signal="SIGINT",
    )


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
