"""Every message that the dialect sends, from the job as it stands. Pure.

Each has `type`, `job_id`, `timestamp` and `correlation_id`. That of an error is the id of the client's
message, that of all others the id of the request that submitted the job.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from services.notifier.transports.dialects.progress.progression import StageEnded, Step, Update
from services.notifier.transports.dialects.progress.queue_pace import Estimate
from services.notifier.transports.dialects.progress.requests import Code
from shared.dialects.outcome import phase_of, text_of
from shared.dialects.sentences import sentence_of
from shared.dialects.times import iso_time
from shared.domain.record import JobRecord
from shared.domain.result import Result, StageReport

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """Of which job a message is."""

    job_id: str
    correlation_id: str


def subscribed(job: Job, connection_id: str, now: datetime) -> Message:
    """The client is told of this job from now on."""
    return _message("subscribed", job, now, connection_id=connection_id, status="connected")


def step_message(job: Job, step: Step) -> Message:
    """`progress_update` or `stage_complete`."""
    if isinstance(step, StageEnded):
        results = {} if step.report is None else _usage(step.report)
        return _message("stage_complete", job, step.time, stage=step.stage, results=results)
    return _message(
        "progress_update",
        job,
        step.time,
        stage=step.stage,
        progress=step.percent,
        message=step.message,
        estimated_seconds_remaining=_whole(step.remaining_s),
    )


def end_message(job: Job, record: JobRecord) -> Message:
    """`job_complete`, `job_failed` or `job_cancelled`, of a job that has ended. It may be large."""
    assert record.finished_at is not None, "it has ended"
    match phase_of(record):
        case "completed":
            return _message("job_complete", job, record.finished_at, results=_results(record))
        case "cancelled":
            return _message("job_cancelled", job, record.finished_at)
        case _:
            error = _failure(record)
            return _message("job_failed", job, record.finished_at, error=error, results=_results(record))


def status_message(
    job: Job, record: JobRecord, latest: Update | None, estimate: Estimate | None, now: datetime
) -> Message:
    """`job_status`. `latest` is the attempt's last update, if it runs; `estimate` is of a queued job."""
    stage, percent, text, left_s = _standing(record, latest, estimate, now)
    return _message(
        "job_status",
        job,
        now,
        status=record.status,
        stage=stage,
        progress=percent,
        message=text,
        estimated_seconds_remaining=_whole(left_s),
    )


def error_message(
    code: Code,
    text: str,
    *,
    request_id: str,
    now: datetime,
    job_id: str | None = None,
    details: Mapping[str, object] | None = None,
) -> Message:
    """`error`, the answer to a message that cannot be obeyed."""
    return {
        "type": "error",
        **({} if job_id is None else {"job_id": job_id}),
        "code": code,
        "message": text,
        "request_id": request_id,
        **({} if details is None else {"details": details}),
        "error": {"code": code, "message": text},
        "timestamp": iso_time(now, "milliseconds"),
        "correlation_id": request_id,
    }


def _message(kind: str, job: Job, time: datetime, **fields: object) -> Message:
    return {
        "type": kind,
        "job_id": job.job_id,
        **fields,
        "timestamp": iso_time(time, "milliseconds"),
        "correlation_id": job.correlation_id,
    }


def _standing(
    record: JobRecord, latest: Update | None, estimate: Estimate | None, now: datetime
) -> tuple[str | None, int, str, float | None]:
    """Stage, percent, text for people, and seconds left."""
    if record.is_finished:
        stages = () if record.result is None else record.result.stages
        return stages[-1].name if stages else None, 100, sentence_of(record) or "completed", 0
    if latest is not None:
        left_s = latest.remaining_s
        if left_s is not None:
            left_s -= max(0.0, (now - latest.time).total_seconds())
        return latest.stage, latest.percent, latest.message, left_s
    if record.attempt:
        return None, 0, f"attempt {record.attempt} started", None
    return None, 0, _waits(estimate), None if estimate is None else estimate.remaining_s


def _failure(record: JobRecord) -> Message:
    reason = record.reason or record.status
    code = "TIMEOUT" if phase_of(record) == "timeout" else reason.upper()
    result = record.result or Result()
    known = {"detail": record.detail, "exit_code": result.exit_code, "signal": result.signal}
    details = {"reason": reason, **{name: value for name, value in known.items() if value is not None}}
    return {"code": code, "message": sentence_of(record), "details": details}


def _results(record: JobRecord) -> Message:
    """Of a job that ended before it ran: empty texts, and no time."""
    result = record.result or Result()
    return {
        "stdout": text_of(result.stdout),
        "stderr": text_of(result.stderr),
        "stdout_truncated": result.stdout.truncated,
        "stderr_truncated": result.stderr.truncated,
        "exit_code": result.exit_code,
        "wall_ms": result.wall_ms,
        "cpu_ms": result.cpu_ms,
        "memory_peak_bytes": result.memory_peak_bytes,
        "stages": [{"name": report.name, **_usage(report)} for report in result.stages],
        "artifacts": [{"path": one.path, "size": one.size, "sha256": one.sha256} for one in result.artifacts],
    }


def _usage(report: StageReport) -> Message:
    return {
        "wall_ms": report.wall_ms,
        "cpu_ms": report.cpu_ms,
        "memory_peak_bytes": report.memory_peak_bytes,
        "exit_code": report.exit_code,
        "cached": report.cached,
    }


def _waits(estimate: Estimate | None) -> str:
    match estimate:
        case None:
            return "waiting to start"
        case Estimate(before=0):
            return "next to start"
        case Estimate(before=1):
            return "waiting for 1 earlier job"
        case Estimate(before=before):
            return f"waiting for {before} earlier jobs"


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else max(0, ceil(seconds))
