"""Turns a stage's verdict into the event that ends the job. Pure."""

import contextlib
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from msgspec import UNSET

from services.executor.attempts.artifacts import NOTHING_KEPT, Kept
from services.executor.attempts.feed_backlog import FeedEnd
from services.executor.attempts.output_order import ReadOrder
from services.executor.sandbox.interface import Verdict
from services.executor.sandbox.verdict import SHELL_SIGNALS
from shared.domain.decisions import CommandContext
from shared.domain.enumerations import FailureReason, StageName, TimeoutReason
from shared.domain.events import JobCancelled, JobCompleted, JobFailed, JobQueued, JobTimeout, Terminal
from shared.domain.interaction import ReceivedInput
from shared.domain.output_text import as_text, incomplete_tail
from shared.domain.result import (
    STAGE_OUTPUT_BYTES_MAX,
    Output,
    OutputOrder,
    OutputTail,
    Result,
    StageReport,
)

FULL = (b"no space left on device", b"file too large", b"file size limit exceeded")
"""What a compiler prints when its temporary files exceeded a limit (ENOSPC, EFBIG, SIGXFSZ). It removes
them before its end, so only its output shows it. Source code can print it too, which changes only its own
job's reason."""


@dataclass(frozen=True, slots=True)
class StageEnd:
    """How one stage ended, and its kept output.

    `makes_product`: the stage is a compiler's, so the next one needs what it leaves. `cached`: a product that
    was kept replaced the stage. `order` is that of the two streams, unless the stage was replaced.
    """

    name: StageName
    verdict: Verdict
    stdout: bytes
    stderr: bytes
    makes_product: bool = False
    cached: bool = False
    order: ReadOrder | None = None
    stdout_tail: bytes = b""
    stderr_tail: bytes = b""
    """The ends of streams of which the middle was not kept."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The attempt and job being concluded; `cancelled_by` if its user asked to stop it.

    `feed` says what of its notes the feed has, and which it has not. `received` is what the program of an
    interactive job was given to read.
    """

    queued: JobQueued
    number: int
    moment: CommandContext
    feed: FeedEnd
    cancelled_by: str | None
    received: ReceivedInput | None = None


@dataclass(frozen=True, slots=True)
class Completed:
    """Exit code 0."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Another exit status, or ended at a limit other than time."""

    reason: FailureReason
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class TimedOut:
    """Ended at a time limit."""

    reason: TimeoutReason


@dataclass(frozen=True, slots=True)
class Stopped:
    """Ended on request."""


Ending: TypeAlias = Completed | Failed | TimedOut | Stopped


def ending_of(stage: StageEnd) -> Ending:
    """What the stage's verdict means for its job; after a completed stage the next one follows."""
    verdict = stage.verdict
    match verdict.stopped_by:
        case "stopped":
            return Stopped()
        case "wall_time" | "cpu_time" | "idle" as reason:
            return TimedOut(reason)
        case "memory" | "output_limit" | "disk" as reason:
            more = "" if verdict.detail is None else f": {verdict.detail}"
            return Failed(reason, f"in the {stage.name} stage{more}")
        case None:
            pass
    if verdict.exit_code == 0:
        if stage.makes_product and verdict.kept is None:
            return Failed("compile_error", "the compiler made nothing that can be run")
        return Completed()
    how = _how(verdict)
    if stage.makes_product:
        if any(words in (stage.stdout + stage.stderr).lower() for words in FULL):
            return Failed("disk", f"in the {stage.name} stage")
        return Failed("compile_error", f"the compiler ended with {how}")
    return Failed("signal" if verdict.exit_code is None else "exit_code", how)


def _how(verdict: Verdict) -> str:
    if verdict.exit_code is None:
        return f"signal {verdict.signal}"
    with contextlib.suppress(ValueError):
        name = signal.Signals(verdict.exit_code - SHELL_SIGNALS).name
        return f"exit code {verdict.exit_code}, which in a shell means {name}"
    return f"exit code {verdict.exit_code}"


def build_terminal_event(attempt: Attempt, stages: list[StageEnd], kept: Kept = NOTHING_KEPT) -> Terminal:
    """The terminal event of an attempt, from the last of its stages. At least one stage was run."""
    last = stages[-1]
    common = {**_about(attempt), "result": _result(stages, kept, attempt.received)}
    match ending_of(last):
        case Completed():
            return JobCompleted(**common)
        case Failed(reason, detail):
            return JobFailed(**common, reason=reason, detail=detail)
        case TimedOut(reason):
            return JobTimeout(**common, reason=reason, stage=last.name)
        case Stopped():
            return JobCancelled(**common, by=attempt.cancelled_by or attempt.queued.user_id)


def without_verdict(
    attempt: Attempt, reason: FailureReason, detail: str, stages: Sequence[StageEnd] = ()
) -> JobFailed:
    """The terminal event of an attempt whose program could not be run, after these stages."""
    reports = tuple(_report(stage, is_last=False) for stage in stages)
    return JobFailed(**_about(attempt), reason=reason, detail=detail, result=Result(stages=reports))


def kept_output(kept: bytes, total_bytes: int, tail: bytes = b"") -> Output:
    """One stream in the result's form; truncation leaves no half character. `tail` is its end, if kept."""
    truncated = total_bytes > len(kept)
    if truncated:
        kept = kept[: len(kept) - incomplete_tail(kept)]
    content, encoding = as_text(kept)
    return Output(
        content=content,
        encoding=encoding,
        kept_bytes=len(kept),
        total_bytes=total_bytes,
        truncated=truncated,
        tail=_tail(tail, total_bytes) if tail else UNSET,
    )


def _tail(kept: bytes, total_bytes: int) -> OutputTail:
    """The end of a stream, from the first whole character on."""
    begun = next((place for place in range(min(4, len(kept))) if kept[place] & 0xC0 != 0x80), 0)
    content, encoding = as_text(kept[begun:])
    return OutputTail(offset=total_bytes - len(kept) + begun, content=content, encoding=encoding)


def _about(attempt: Attempt) -> dict[str, Any]:
    """The fields that every terminal event of this attempt has."""
    return {
        "job_id": attempt.queued.job_id,
        "user_id": attempt.queued.user_id,
        "time": attempt.moment.time,
        "request_id": attempt.queued.request_id,
        "trace": attempt.queued.trace,
        "attempt": attempt.number,
        "feed_sequence": attempt.feed.sequence,
        "unsent_notes": attempt.feed.unsent_notes,
    }


def _result(stages: list[StageEnd], kept: Kept, received: ReceivedInput | None) -> Result:
    last = stages[-1]
    peaks = [
        stage.verdict.memory_peak_bytes for stage in stages if stage.verdict.memory_peak_bytes is not None
    ]
    stdout = kept_output(last.stdout, last.verdict.stdout_bytes, last.stdout_tail)
    stderr = kept_output(last.stderr, last.verdict.stderr_bytes, last.stderr_tail)
    return Result(
        exit_code=last.verdict.exit_code,
        signal=last.verdict.signal,
        stdout=stdout,
        stderr=stderr,
        order=_order(last, stdout, stderr),
        stages=tuple(_report(stage, is_last=stage is last) for stage in stages),
        wall_ms=sum(stage.verdict.wall_ms for stage in stages),
        cpu_ms=sum(stage.verdict.cpu_ms for stage in stages),
        memory_peak_bytes=max(peaks, default=None),
        artifacts=kept.artifacts,
        skipped=kept.skipped,
        input=UNSET if received is None else received,
    )


def _order(last: StageEnd, stdout: Output, stderr: Output) -> OutputOrder | None:
    if last.order is None:
        return None
    return last.order.of(
        {"stdout": last.stdout[: stdout.kept_bytes], "stderr": last.stderr[: stderr.kept_bytes]}
    )


def _report(stage: StageEnd, *, is_last: bool) -> StageReport:
    verdict = stage.verdict
    return StageReport(
        name=stage.name,
        wall_ms=verdict.wall_ms,
        cpu_ms=verdict.cpu_ms,
        memory_peak_bytes=verdict.memory_peak_bytes,
        exit_code=verdict.exit_code,
        cached=stage.cached,
        stdout=None if is_last else _beside(stage.stdout, verdict.stdout_bytes),
        stderr=None if is_last else _beside(stage.stderr, verdict.stderr_bytes),
    )


def _beside(printed: bytes, total_bytes: int) -> Output | None:
    """The output of a stage before the last; None if it is empty."""
    return kept_output(printed[:STAGE_OUTPUT_BYTES_MAX], total_bytes) if total_bytes else None
