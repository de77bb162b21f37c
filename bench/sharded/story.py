"""The jobs of the prototype, the same in every process, and the one way to append their events."""

import hashlib
import uuid
from datetime import UTC, datetime
from typing import Any

from bench.sharded.layout import Layout
from shared.contract.codec import encode
from shared.contract.subjects import job_event, job_events
from shared.domain.events import (
    Event,
    JobCancelled,
    JobCancelRequested,
    JobCompleted,
    JobFailed,
    JobQueued,
    JobRunning,
    SourceFile,
    kind_of,
)
from shared.domain.result import Output, Result
from shared.jetstream.event_log import AppendResult, Log

PATIENCE_S = 60.0
JOBS_NAMESPACE = uuid.UUID("5a0c34f3-2f55-4f0a-9a94-2f1f3c0c9d11")
SUBMITTED_TWICE_OF, RIVALS_OF, REQUESTED_OF, CANCELLED_OF = 4, 5, 7, 11
"""One job of so many is submitted by two submitters, ended by two executors, cancelled while it runs, or
while it is queued."""


def job_of(user_id: str, number: int) -> str:
    """The id of a user's job, by its number."""
    return str(uuid.uuid5(JOBS_NAMESPACE, f"{user_id}/{number}"))


def is_chosen(job_id: str, one_of: int) -> bool:
    """Whether the job is one of those to which something happens; each `one_of` chooses by itself."""
    digest = hashlib.blake2b(f"{one_of}/{job_id}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % one_of == 0


def program_s(job_id: str) -> float:
    """How long its program runs: 0 to 4 ms, so that a rival is sometimes the first."""
    return int(job_id[-4:], 16) / 0xFFFF * 0.004


def queued(user_id: str, job_id: str) -> JobQueued:
    """A small program, accepted, of a user with K = 1."""
    return JobQueued(
        **_about(user_id, job_id),
        language="python",
        files=(SourceFile(name="main.py", content="print(6 * 7)\n"),),
        entrypoint="main.py",
        fingerprint="f" * 64,
    )


def running(user_id: str, job_id: str, executor_id: str) -> JobRunning:
    """Its first attempt."""
    return JobRunning(**_about(user_id, job_id), attempt=1, executor_id=executor_id, queue_wait_ms=3)


def completed(user_id: str, job_id: str) -> JobCompleted:
    """A program that printed a line."""
    kept = Output(content="42\n", kept_bytes=3, total_bytes=3)
    return JobCompleted(
        **_about(user_id, job_id), attempt=1, result=Result(exit_code=0, stdout=kept, wall_ms=12)
    )


def failed(user_id: str, job_id: str) -> JobFailed:
    """What a second executor says of the same attempt."""
    return JobFailed(
        **_about(user_id, job_id), attempt=1, reason="exit_code", result=Result(exit_code=1, wall_ms=12)
    )


def cancel_requested(user_id: str, job_id: str) -> JobCancelRequested:
    """Its user wants it stopped."""
    return JobCancelRequested(**_about(user_id, job_id), by=user_id)


def cancelled(user_id: str, job_id: str, attempt: int | None) -> JobCancelled:
    """It is stopped, while queued (no attempt) or while running."""
    return JobCancelled(**_about(user_id, job_id), by=user_id, attempt=attempt)


def _about(user_id: str, job_id: str) -> dict[str, Any]:
    return {"job_id": job_id, "user_id": user_id, "time": datetime.now(UTC), "request_id": "bench"}


async def append(log: Log, layout: Layout, event: Event, *, expected: int) -> AppendResult:
    """`Log.append`, with the stream that a conflict is looked up in. Raises UnreachableError."""
    return await log.store(
        job_event(event.user_id, event.job_id, kind_of(event)),
        encode(event),
        subject_filter=job_events(event.user_id, event.job_id),
        expected=expected,
        patience_s=PATIENCE_S,
        stream=layout.stream_of(event.user_id),
    )
