"""A job as clients poll it in those dialects that have `GET /execute/jobs/{job_id}`."""

from typing import TypedDict

from services.api.dialects.programs import MS_PER_S
from shared.dialects.results import JobResult, Word, result_of, word_of
from shared.dialects.times import iso_or_none, iso_time
from shared.domain.record import JobRecord


class PolledJob(TypedDict):
    """Times are ISO 8601 with `Z`; the times and the result of what has not happened are null."""

    job_id: str
    status: Word
    result: JobResult | None
    created_at: str
    started_at: str | None
    completed_at: str | None
    timeout_seconds: float


def polled_job(job: JobRecord) -> PolledJob:
    """A job as it stands."""
    return PolledJob(
        job_id=job.job_id,
        status=word_of(job),
        result=result_of(job) if job.is_finished else None,
        created_at=iso_time(job.created_at),
        started_at=iso_or_none(job.started_at),
        completed_at=iso_or_none(job.finished_at),
        timeout_seconds=_seconds(job.limits.wall_ms),
    )


def _seconds(milliseconds: int) -> float:
    """Whole seconds are written without a fraction, as the older services wrote them."""
    whole, rest = divmod(milliseconds, MS_PER_S)
    return milliseconds / MS_PER_S if rest else whole
