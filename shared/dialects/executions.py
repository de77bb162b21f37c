"""What both halves of the dialect `executions` share: its words, and what they tell of a job. Pure."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from shared.dialects.outcome import Outcome, Phase, outcome_of, phase_of
from shared.domain.contract_struct import ContractStruct
from shared.domain.record import JobRecord, JobSummary

NAME = "executions"
PATHS = "/api/v1/executions"
MISSING = "Execution not found"
"""`detail` of the answer to an id that is unknown, another user's, or expired."""

MS_PER_S = 1_000
MEGABYTE = 1_000_000

Word: TypeAlias = Literal["pending", "running", "completed", "error"]
_WORDS: Mapping[Phase, Word] = {
    "queued": "pending",
    "running": "running",
    "completed": "completed",
    "failed": "error",
    "timeout": "error",
    "cancelled": "error",
}


class Update(ContractStruct, frozen=True, kw_only=True):
    """What is told of an execution whenever its status changes."""

    status: Word
    """One of four words; the last two are final."""
    output: str = ""
    """All that was kept of its standard output; empty before the end."""
    error_output: str = ""
    """The same of its standard error. Of an error without any it is the reason, in words."""
    execution_time: str | None = None
    """Seconds of wall time, such as `0.05s`; None before the end."""
    memory_usage: str | None = None
    """The most memory used at a time, such as `2.1MB`; None before the end, and where it was not measured."""


def word_of(job: JobSummary) -> Word:
    """The status of a job in the words of the dialect."""
    return _WORDS[phase_of(job)]


def update_of(job: JobRecord) -> Update:
    """The present state of a job."""
    if not job.is_finished:
        return Update(status=word_of(job))
    outcome = outcome_of(job)
    return Update(
        status=word_of(job),
        output=outcome.stdout,
        error_output=_error_output(outcome),
        execution_time=seconds_of(outcome.wall_ms),
        memory_usage=megabytes_of(outcome.memory_peak_bytes),
    )


def seconds_of(wall_ms: int) -> str:
    """`0.05s`: seconds with two decimals."""
    return f"{wall_ms / MS_PER_S:.2f}s"


def megabytes_of(size: int | None) -> str | None:
    """`2.1MB`: millions of bytes with one decimal; None for an unknown size."""
    return None if size is None else f"{size / MEGABYTE:.1f}MB"


def _error_output(outcome: Outcome) -> str:
    return outcome.stderr or outcome.error or ""
