"""A program's status and result in the words of `jobs` and `connections`: polled and pushed alike. Pure."""

from typing import Literal, TypeAlias, TypedDict

from shared.dialects.outcome import Phase, outcome_of, phase_of
from shared.domain.record import JobRecord, JobSummary

Word: TypeAlias = Literal["pending", "running", "completed", "failed"]
"""Clients poll while a job is pending or running, and stop at any other word."""

_WORDS: dict[Phase, Word] = {
    "queued": "pending",
    "running": "running",
    "completed": "completed",
    "failed": "failed",
    "timeout": "failed",
    "cancelled": "failed",
}


class JobResult(TypedDict):
    """The end of a job. Texts are empty, and the time is 0, of a job that ended before it ran."""

    success: bool
    stdout: str
    stderr: str
    execution_time_ms: int
    error: str | None
    error_type: str | None
    timed_out: bool


def word_of(job: JobSummary) -> Word:
    """The status of a job."""
    return _WORDS[phase_of(job)]


def result_of(job: JobRecord) -> JobResult:
    """The result of a job that has ended."""
    end = outcome_of(job)
    return JobResult(
        success=end.success,
        stdout=end.stdout,
        stderr=end.stderr,
        execution_time_ms=end.wall_ms,
        error=end.error,
        error_type=end.error_type,
        timed_out=end.timed_out,
    )
