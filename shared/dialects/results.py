"""The result of a program as several dialects write it, over HTTP and over WebSockets. Pure."""

from shared.dialects.outcome import outcome_of
from shared.domain.record import JobRecord


def result_fields(job: JobRecord) -> dict[str, object]:
    """The seven fields of a job that has ended; `execution_time_ms` is wall time."""
    outcome = outcome_of(job)
    return {
        "success": outcome.success,
        "stdout": outcome.stdout,
        "stderr": outcome.stderr,
        "execution_time_ms": outcome.wall_ms,
        "error": outcome.error,
        "error_type": outcome.error_type,
        "timed_out": outcome.timed_out,
    }
