"""Responses: executions and sessions in the dialect's words."""

from collections.abc import Mapping

from services.api.dialects.livecode.sessions import body_of, source_of
from services.api.sessions.documents import Session
from shared.dialects.outcome import Phase, outcome_of, phase_of
from shared.dialects.sentences import CANCELLED
from shared.dialects.times import iso_or_none, iso_time
from shared.domain.record import JobRecord, JobSummary

STATUSES: Mapping[Phase, str] = {
    "queued": "QUEUED",
    "running": "RUNNING",
    "completed": "COMPLETED",
    "failed": "FAILED",
    "timeout": "TIMEOUT",
    "cancelled": "FAILED",
}
LINE_ENDS = "\r\n"

Answer = dict[str, object]


def accepted(job: JobSummary) -> Answer:
    """The response to a submission."""
    return {"executionId": job.job_id, "status": STATUSES[phase_of(job)]}


def accepted_run(job: JobSummary) -> Answer:
    """The response to a run of a session."""
    return {"execution_id": job.job_id, **accepted(job)}


def execution(job: JobRecord) -> Answer:
    """An execution; `output` and, unless it completed, `error` are there once it has ended."""
    shown: Answer = {
        "id": job.job_id,
        **accepted(job),
        "stdout": None,
        "stderr": None,
        "executionTimeMs": None,
        "createdAt": iso_time(job.created_at, "milliseconds"),
        "startedAt": iso_or_none(job.started_at, "milliseconds"),
        "finishedAt": iso_or_none(job.finished_at, "milliseconds"),
    }
    if not job.is_finished:
        return shown
    end = outcome_of(job)
    shown |= {"stdout": end.stdout, "stderr": end.stderr, "executionTimeMs": end.wall_ms}
    shown["output"] = end.stdout.rstrip(LINE_ENDS)
    if end.error is not None:
        has_words = end.error != CANCELLED and end.stderr.strip()
        shown["error"] = end.stderr if has_words else end.error
    return shown


def session(saved: Session) -> Answer:
    """The response to a session that was created or saved."""
    return {"session_id": saved.session_id, "sessionId": saved.session_id, "status": "ACTIVE"}


def session_with_source(saved: Session) -> Answer:
    """A session with its document."""
    source = source_of(body_of(bytes(saved.document)))
    return {**session(saved), "language": saved.language, "sourceCode": source}
