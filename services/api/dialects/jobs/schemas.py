"""What clients of `jobs` send, and what they are answered."""

from typing import TypedDict

from pydantic import BaseModel

from services.api.dialects.bodies import Program, TimeoutSeconds
from services.api.dialects.programs import MS_PER_S
from services.api.settings import ApiSettings
from shared.dialects.jobs import JobResult, Word, result_of, word_of
from shared.dialects.times import iso_or_none
from shared.domain.record import JobRecord

TIMEOUT_S_DEFAULT = 30.0


class ExecutionRequest(BaseModel):
    """A program to run, and for how many seconds at most."""

    code: Program
    timeout_seconds: TimeoutSeconds = TIMEOUT_S_DEFAULT

    def timeout_s(self, settings: ApiSettings) -> float:
        """The time limit; where the client gives none, one that the operator allows."""
        if "timeout_seconds" in self.model_fields_set:
            return self.timeout_seconds
        return min(TIMEOUT_S_DEFAULT, settings.wall_ms_max / MS_PER_S)


class JobSubmitted(TypedDict):
    """The answer to a submission."""

    job_id: str
    status: Word


class JobStatus(TypedDict):
    """A job as it is polled. Times are ISO 8601 with `Z`; those of what has not happened are null."""

    job_id: str
    status: Word
    result: JobResult | None
    created_at: str | None
    started_at: str | None
    completed_at: str | None
    timeout_seconds: float


def status_of(job: JobRecord) -> JobStatus:
    """A job as it stands."""
    return JobStatus(
        job_id=job.job_id,
        status=word_of(job),
        result=result_of(job) if job.is_finished else None,
        created_at=iso_or_none(job.created_at),
        started_at=iso_or_none(job.started_at),
        completed_at=iso_or_none(job.finished_at),
        timeout_seconds=_seconds(job.limits.wall_ms),
    )


def _seconds(milliseconds: int) -> float:
    """Whole seconds are written without a fraction, as the older service wrote them."""
    whole, rest = divmod(milliseconds, MS_PER_S)
    return milliseconds / MS_PER_S if rest else whole
