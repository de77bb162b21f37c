"""Events of the examples' story: Alice runs a program that leaves a file, and cancels another job.

Other features continue it: a third job loses its executors, and Alice is erased. No example is written as
JSON: the service's own code encodes each response.
"""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from services.api.http.openapi.example_values import ENTRYPOINT, NOON, REQUEST, VERSION
from services.api.jobs.schemas import SubmissionBody
from shared.contract.codec import EventObject, encode, event_object
from shared.domain.cursor import of_log
from shared.domain.events import (
    Event,
    Isolation,
    JobCancelled,
    JobCancelRequested,
    JobCompleted,
    JobQueued,
    JobRunning,
    SourceFile,
)
from shared.domain.record import JobRecord, fold
from shared.domain.result import Artifact, Output, Result, SkippedArtifact, StageReport

JOB, OTHER_JOB = "019b7e8a-2c40-7b31-9d52-6f0c1a2b3c4d", "019b7e8b-51aa-7c02-8e13-7a1d2b3c4e5f"
STDIN = "3\n4\n8\n"
FILE = "5.0"
"""Content of the first program's file."""

SUBMISSION = SubmissionBody(
    language="python",
    code="import sys\n\nnumbers = [int(line) for line in sys.stdin]\nprint(sum(numbers))\n"
    "open('mean.txt', 'w').write(str(sum(numbers) / len(numbers)))\n",
    stdin=STDIN,
    labels={"course": "cs101"},
    artifacts=("*.txt",),
)


def about(job_id: str, seconds: float) -> dict[str, Any]:
    """The fields common to every event, `seconds` after the start of the story."""
    time = NOON + timedelta(seconds=seconds)
    return {"job_id": job_id, "user_id": "alice", "time": time, "request_id": REQUEST}


def queued(job_id: str, body: SubmissionBody) -> JobQueued:
    """The submission as an event."""
    return JobQueued(
        **about(job_id, 0),
        language=body.language,
        files=(SourceFile(name=ENTRYPOINT, content=body.code or ""),),
        entrypoint=ENTRYPOINT,
        fingerprint="7d3a" * 16,
        stdin=SourceFile(name="stdin", content=body.stdin) if isinstance(body.stdin, str) else None,
        labels=body.labels,
        artifacts=body.artifacts,
        ttl_s=2_592_000,
    )


def running(job_id: str, attempt: int = 1) -> JobRunning:
    """The start of an attempt."""
    return JobRunning(
        **about(job_id, attempt * 0.004),
        attempt=attempt,
        executor_id=f"executor-{attempt}",
        queue_wait_ms=4,
        isolation=Isolation(
            namespaces=("user", "pid", "mnt", "net", "ipc", "uts"),
            seccomp="9c1d" * 16,
            cgroup="v2",
            uid=65534,
        ),
        language_version=VERSION,
    )


ARTIFACT = Artifact(path="mean.txt", size=len(FILE), sha256=hashlib.sha256(FILE.encode()).hexdigest())
RESULT = Result(
    exit_code=0,
    stdout=Output(content="15\n", kept_bytes=3, total_bytes=3),
    stages=(StageReport(name="run", wall_ms=9, cpu_ms=6, memory_peak_bytes=6_291_456, exit_code=0),),
    wall_ms=9,
    cpu_ms=6,
    memory_peak_bytes=6_291_456,
    artifacts=(ARTIFACT,),
    skipped=(SkippedArtifact(path="notes.txt", reason="a symbolic link"),),
)
STORY: tuple[Event, ...] = (
    queued(JOB, SUBMISSION),
    running(JOB),
    JobCompleted(**about(JOB, 0.014), attempt=1, result=RESULT),
)
CANCELLED: tuple[Event, ...] = (
    queued(OTHER_JOB, SUBMISSION),
    running(OTHER_JOB),
    JobCancelRequested(**about(OTHER_JOB, 2), by="alice"),
    JobCancelled(**about(OTHER_JOB, 2.1), by="alice", attempt=1),
)


def record_of(events: Sequence[Event], first: int) -> JobRecord:
    """The job after these events, stored from the sequence `first` on."""
    record: JobRecord | None = None
    for sequence, event in enumerate(events, start=first):
        record = fold(record, event, sequence)
    assert record is not None, "a story begins with job.queued"
    return record


def stored(event: Event, sequence: int) -> EventObject:
    """The event as clients see it."""
    at = event.time + timedelta(microseconds=300)
    return event_object(encode(event), cursor=of_log(sequence, at), stored_at=at, seq=sequence)
