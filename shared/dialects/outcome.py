"""A job's state and end as dialects tell them, from its record: the only place that interprets a reason.

`phase_of` reduces every status, also one of a later version, to one of six, so a dialect's map of statuses is
complete. Pure.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from shared.dialects.sentences import sentence_of
from shared.domain.events import SourceFile
from shared.domain.record import JobRecord, JobSummary
from shared.domain.result import Output, Result

Phase: TypeAlias = Literal["queued", "running", "completed", "failed", "timeout", "cancelled"]
_PHASES: tuple[Phase, ...] = get_args(Phase)
_EXCEPTION = re.compile(r"^([A-Za-z_][\w.]*)(?::| *$)")
_TRACEBACK = "Traceback (most recent call last):"


def phase_of(job: JobSummary) -> Phase:
    """The status of a job; one of a later version is `failed` if the job has ended, else `running`."""
    for phase in _PHASES:
        if job.status == phase:
            return phase
    return "failed" if job.is_finished else "running"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a job. A job that ended before it ran has empty texts and took no time."""

    success: bool
    timed_out: bool
    stdout: str
    stderr: str
    wall_ms: int
    """Of all stages together."""
    memory_peak_bytes: int | None
    exit_code: int | None
    error: str | None
    """One sentence for people; None for a success."""
    error_type: str | None
    """The name of the Python exception that ended the program, else the reason; None for a success."""


def outcome_of(job: JobRecord) -> Outcome:
    """The end of a job that has ended."""
    phase = phase_of(job)
    result = job.result or Result()
    stderr = text_of(result.stderr)
    error = sentence_of(job)
    return Outcome(
        success=phase == "completed",
        timed_out=phase == "timeout",
        stdout=text_of(result.stdout),
        stderr=stderr,
        wall_ms=result.wall_ms,
        memory_peak_bytes=result.memory_peak_bytes,
        exit_code=result.exit_code,
        error=error,
        error_type=None if error is None else _error_type(job, phase, stderr),
    )


def text_of(output: Output | SourceFile) -> str:
    """A stream, as it was kept, or a file as text: what is no UTF-8 becomes replacement characters."""
    if output.encoding != "base64":
        return output.content
    try:
        return base64.b64decode(output.content).decode("utf-8", "replace")
    except binascii.Error:
        return output.content


def exception_in(stderr: str) -> str | None:
    """The name of the exception of the last traceback of Python in a text; None if there is none."""
    _, found, tail = stderr.rpartition(_TRACEBACK)
    if not found:
        return None
    for line in tail.splitlines()[1:]:
        # Lines of the traceback are indented; the first that is not has the exception.
        if match := _EXCEPTION.match(line):
            return match[1].rpartition(".")[2]
    return None


def _error_type(job: JobRecord, phase: Phase, stderr: str) -> str:
    named = exception_in(stderr) if job.reason == "exit_code" else None
    return named or job.reason or phase
