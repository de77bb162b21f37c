"""A job as clients poll it in those dialects that have `GET /execute/jobs/{job_id}`."""

from collections.abc import Mapping

from services.api.dialects.programs import MS_PER_S
from shared.dialects.outcome import Phase, phase_of
from shared.dialects.results import result_fields
from shared.dialects.times import iso_or_none, iso_time
from shared.domain.record import JobRecord

STATUSES: Mapping[Phase, str] = {
    "queued": "pending",
    "running": "running",
    "completed": "completed",
    "failed": "failed",
    "timeout": "failed",
    "cancelled": "failed",
}
"""Clients poll until they read another word than the first two."""


def polled_job(job: JobRecord) -> dict[str, object]:
    """The seven fields of a job; `result` is None before its end."""
    return {
        "job_id": job.job_id,
        "status": STATUSES[phase_of(job)],
        "result": result_fields(job) if job.is_finished else None,
        "created_at": iso_time(job.created_at),
        "started_at": iso_or_none(job.started_at),
        "completed_at": iso_or_none(job.finished_at),
        "timeout_seconds": job.limits.wall_ms / MS_PER_S,
    }
