"""The examples of the OpenAPI document: one story, told in the structs that routes take and answer.

Alice runs a program that leaves a file, cancels another, loses a third to executors that die, and is erased.
Nothing here is written as JSON, and no answer holds what its own code would not have made.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from fastapi.openapi.models import Example
from pydantic import BaseModel

from services.api.jobs.batch import BatchItem
from services.api.jobs.responses import (
    Artifacts,
    Batch,
    JobEvents,
    JobsPage,
    Languages,
    Messages,
    Revisions,
    SessionList,
    ShareUsed,
    UsageReport,
)
from services.api.jobs.schemas import BatchBody, RunBody, SessionBody, SubmissionBody
from services.api.jobs.waiting_reason import WaitingFor, shown
from services.api.languages.catalogue import LanguageShown
from services.api.operators.dead_letters import Advisory
from services.api.operators.erasures import REMAINS, Erasure
from services.api.sessions.service import Session, SessionCard
from shared.contract import problems
from shared.contract.codec import EventObject, encode, event_object
from shared.contract.problems import Problem
from shared.domain.cursor import of_log
from shared.domain.events import (
    Artifact,
    Event,
    Isolation,
    JobCancelled,
    JobCancelRequested,
    JobCompleted,
    JobFailed,
    JobQueued,
    JobRunning,
    Limits,
    Output,
    Result,
    SkippedArtifact,
    SourceFile,
    StageReport,
)
from shared.domain.record import JobRecord, fold, summary_of
from shared.service.problem_response import document_of

REQUEST = "0b1f7c2e5d3a4f6b8c9d0e1f2a3b4c5d"
_NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
_JOB, _OTHER_JOB, _LOST_JOB, _RETRY = (
    "019b7e8a-2c40-7b31-9d52-6f0c1a2b3c4d",
    "019b7e8b-51aa-7c02-8e13-7a1d2b3c4e5f",
    "019b7e8c-03f7-7d64-9f24-8b2e3c4d5f60",
    "5d0f6a1e-9c4b-5a7d-8e2f-1b3c5d7e9f01",
)
_SESSION = "019b7e8d-77b1-7e85-a035-9c3f4d5e6071"
_STDIN = "3\n4\n8\n"
_LANGUAGE = LanguageShown(
    name="python",
    version="3.13.5",
    aliases=("py", "python3"),
    extension="py",
    entrypoint="main.py",
    stages=("run",),
    limits=Limits(),
)

# --- what clients send

SUBMISSION = SubmissionBody(
    language="python",
    code="import sys\n\nnumbers = [int(line) for line in sys.stdin]\nprint(sum(numbers))\n"
    "open('mean.txt', 'w').write(str(sum(numbers) / len(numbers)))\n",
    stdin=_STDIN,
    labels={"course": "cs101"},
    artifacts=("*.txt",),
)
SEVERAL_FILES = SubmissionBody.model_validate(
    {
        "language": "python",
        "files": [
            {"name": "main.py", "content": "import greetings\nprint(greetings.HELLO)\n"},
            {"name": "greetings.py", "content": "HELLO = 'hello'\n"},
        ],
        "args": ["--verbose"],
        "env": {"LANG": "C.UTF-8"},
        "limits": {"wall_ms": 2_000, "memory_bytes": 67_108_864},
        "ttl_s": 3_600,
    }
)
BATCH_BODY = BatchBody(jobs=({"language": "python", "code": "print(1)"}, {"language": "cobol", "code": ""}))
RUN_BODY = RunBody(stdin=_STDIN)
SESSION_BODY = SessionBody(title="Sums", language="python", code="print(sum(map(int, open(0))))\n")


def requests(*bodies: BaseModel) -> dict[str, Example]:
    """The examples of a request's body, as text: FastAPI leaves out of its document whatever is null."""
    return {
        f"example {number}": Example(value=body.model_dump_json(exclude_unset=True))
        for number, body in enumerate(bodies, start=1)
    }


def text_of(answer: object) -> str:
    """What is sent of an answer, as text for the same reason."""
    return msgspec.json.encode(answer).decode()


# --- what becomes of it


def _about(job_id: str, seconds: float) -> dict[str, Any]:
    time = _NOON + timedelta(seconds=seconds)
    return {"job_id": job_id, "user_id": "alice", "time": time, "request_id": REQUEST}


def _queued(job_id: str, body: SubmissionBody) -> JobQueued:
    return JobQueued(
        **_about(job_id, 0),
        language=body.language,
        files=(SourceFile(name=_LANGUAGE.entrypoint, content=body.code or ""),),
        entrypoint=_LANGUAGE.entrypoint,
        fingerprint="7d3a" * 16,
        stdin=None if body.stdin is None else SourceFile(name="stdin", content=body.stdin),
        labels=body.labels,
        artifacts=body.artifacts,
        ttl_s=2_592_000,
    )


def _running(job_id: str, attempt: int = 1) -> JobRunning:
    return JobRunning(
        **_about(job_id, attempt * 0.004),
        attempt=attempt,
        executor_id=f"executor-{attempt}",
        queue_wait_ms=4,
        isolation=Isolation(
            namespaces=("user", "pid", "mnt", "net", "ipc", "uts"),
            seccomp="9c1d" * 16,
            cgroup="v2",
            uid=65534,
        ),
        language_version=_LANGUAGE.version,
    )


FILE = "5.0"
_ARTIFACT = Artifact(path="mean.txt", size=len(FILE), sha256=hashlib.sha256(FILE.encode()).hexdigest())
_RESULT = Result(
    exit_code=0,
    stdout=Output(content="15\n", kept_bytes=3, total_bytes=3),
    stages=(StageReport(name="run", wall_ms=9, cpu_ms=6, memory_peak_bytes=6_291_456, exit_code=0),),
    wall_ms=9,
    cpu_ms=6,
    memory_peak_bytes=6_291_456,
    artifacts=(_ARTIFACT,),
    skipped=(SkippedArtifact(path="notes.txt", reason="a symbolic link"),),
)
_STORY: tuple[Event, ...] = (
    _queued(_JOB, SUBMISSION),
    _running(_JOB),
    JobCompleted(**_about(_JOB, 0.014), attempt=1, result=_RESULT),
)
_CANCELLED: tuple[Event, ...] = (
    _queued(_OTHER_JOB, SUBMISSION),
    _running(_OTHER_JOB),
    JobCancelRequested(**_about(_OTHER_JOB, 2), by="alice"),
    JobCancelled(**_about(_OTHER_JOB, 2.1), by="alice", attempt=1),
)
_LOST: tuple[Event, ...] = (
    _queued(_LOST_JOB, SUBMISSION),
    *(_running(_LOST_JOB, attempt) for attempt in (1, 2, 3)),
    JobFailed(
        **_about(_LOST_JOB, 40),
        attempt=3,
        reason="executor_lost",
        detail="executor-3 was lost in attempt 3 of 3",
        result=Result(),
    ),
)


def _told(events: Sequence[Event], first: int) -> JobRecord:
    """The job after these events, stored from the sequence `first` on."""
    record: JobRecord | None = None
    for sequence, event in enumerate(events, start=first):
        record = fold(record, event, sequence)
    assert record is not None, "a story begins with job.queued"
    return record


def _stored(event: Event, sequence: int) -> EventObject:
    at = event.time + timedelta(microseconds=300)
    return event_object(encode(event), cursor=of_log(sequence, at), stored_at=at, seq=sequence)


QUEUED = shown(_told(_STORY[:1], 41), WaitingFor(reason="earlier_jobs", position=1))
COMPLETED = shown(_told(_STORY, 41))
CANCELLING = shown(_told(_CANCELLED[:3], 44))
DEAD = _told(_LOST, 48)
RETRIED = msgspec.structs.replace(_told([_queued(_RETRY, SUBMISSION)], 53), retry_of=_LOST_JOB)
EVENT = _stored(_STORY[0], 41)
EVENTS = JobEvents(events=[_stored(event, 41 + number) for number, event in enumerate(_STORY)])
FILES = Artifacts(artifacts=_RESULT.artifacts, skipped=_RESULT.skipped)


JOBS = JobsPage(jobs=(summary_of(_told(_CANCELLED, 44)), summary_of(COMPLETED)), next="41")
LETTERS = JobsPage(jobs=(summary_of(DEAD),), next=None)
BATCH = Batch(
    jobs=[
        BatchItem(status=202, job=summary_of(QUEUED)),
        BatchItem(
            status=422,
            problem=document_of(
                Problem(problems.UNKNOWN_LANGUAGE, "no executor offers 'cobol'; offered are: bash, python"),
                REQUEST,
            ),
        ),
    ]
)
LANGUAGES = Languages(languages=[_LANGUAGE])
USAGE = UsageReport(
    log_bytes=ShareUsed(used=1_204_331, share=536_870_912),
    sessions_bytes=ShareUsed(used=40_112, share=134_217_728),
    artifacts_bytes=ShareUsed(used=31_457_280, share=134_217_728),
    unfinished_jobs=ShareUsed(used=2, share=1_000),
    waits=ShareUsed(used=1, share=200),
)
MESSAGES = Messages(
    messages=[
        Advisory(
            time=_NOON,
            kind="io.nats.jetstream.advisory.v1.terminated",
            stream="JOBS",
            consumer="executor",
            sequence=40,
            deliveries=1,
            reason="the message is not an event",
        )
    ]
)
SESSION = Session(
    session_id=_SESSION,
    revision=7,
    title=SESSION_BODY.title,
    language=SESSION_BODY.language,
    created_at=_NOON,
    saved_at=_NOON + timedelta(minutes=5),
    document=msgspec.Raw(SESSION_BODY.model_dump_json(exclude_unset=True).encode()),
)
SESSIONS = SessionList(
    sessions=[SessionCard(**{name: getattr(SESSION, name) for name in SessionCard.__struct_fields__})]
)
SESSION_RUN = msgspec.structs.replace(QUEUED, session=_SESSION)
REVISIONS = Revisions(revisions=[SESSION], next=None)
ERASED = Erasure(
    user_id="alice",
    is_done=True,
    expired=3,
    unfinished=0,
    sessions=2,
    remains=tuple(one.format(tombstone_s=86_400) for one in REMAINS),
)
ERASING = msgspec.structs.replace(ERASED, is_done=False, expired=2, unfinished=1)
