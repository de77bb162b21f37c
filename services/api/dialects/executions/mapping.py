"""Jobs as the dialect `executions` submits and shows them. Pure."""

from datetime import datetime

from services.api.dialects.executions.schemas import ExecutionStatus
from shared.dialects.executions import update_of
from shared.dialects.names import label_of
from shared.dialects.outcome import text_of
from shared.dialects.times import iso_or_none, iso_time
from shared.domain.events import JobQueued
from shared.domain.record import JobRecord

LANGUAGE = "language"
"""The label for the name of the language that was sent, which may be an alias."""


def status_of(job: JobRecord, queued: JobQueued) -> ExecutionStatus:
    """All that the dialect shows of a job; `queued` is its first event, which has the program."""
    update = update_of(job)
    return ExecutionStatus(
        execution_id=job.job_id,
        user_id=job.user_id,
        code=code_of(queued),
        language=job.labels.get(label_of(LANGUAGE), job.language),
        input_data="" if queued.stdin is None else text_of(queued.stdin),
        status=update.status,
        output=update.output,
        error_output=update.error_output,
        execution_time=update.execution_time,
        memory_usage=update.memory_usage,
        created_at=iso_time(job.created_at, "milliseconds"),
        updated_at=iso_time(updated_at(job), "milliseconds"),
        completed_at=iso_or_none(job.finished_at, "milliseconds"),
    )


def code_of(queued: JobQueued) -> str:
    """The file that is run; a native job and a session may have others beside it."""
    return next((text_of(file) for file in queued.files if file.name == queued.entrypoint), "")


def updated_at(job: JobRecord) -> datetime:
    """The time of the job's last event."""
    before_the_end = (job.created_at, job.started_at, job.cancel_requested_at)
    return job.finished_at or max(moment for moment in before_the_end if moment is not None)
