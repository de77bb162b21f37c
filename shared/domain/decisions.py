"""Decisions on one job: the event to append in its state, or the reason to append none.

All functions are pure. Clocks, ids and requests are arguments; an expected refusal is a value, never an
exception. `tests/unit/test_job.py` has the table of states and commands.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, assert_never

from shared.domain.enumerations import ExpiryReason, StageName
from shared.domain.events import (
    Event,
    Isolation,
    JobCancelled,
    JobCancelRequested,
    JobExpired,
    JobFailed,
    JobQueued,
    JobRunning,
    Terminal,
)
from shared.domain.job import Expired, Finished, JobState, NoJob, Queued, Running
from shared.domain.result import Result


@dataclass(frozen=True, slots=True)
class Append:
    """Append this event, expecting the state of the decision."""

    event: Event


@dataclass(frozen=True, slots=True)
class Replay:
    """The same request was accepted before: answer with the job's current state."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """Append nothing; `why` is for people."""

    why: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Reject the request with an error."""

    why: Literal["different_request", "unknown_job", "already_finished", "expired", "unfinished"]


@dataclass(frozen=True, slots=True)
class CommandContext:
    """Time and request of a decision."""

    time: datetime
    request_id: str
    trace: str | None = None


def decide_submit(state: JobState, queued: JobQueued) -> Append | Replay | Refuse:
    """Append the first submission of an id; replay the same request; refuse a different one."""
    match state:
        case NoJob():
            return Append(queued)
        case Queued(earlier) | Running(earlier) | Finished(earlier):
            return Replay() if earlier.fingerprint == queued.fingerprint else Refuse("different_request")
        case Expired():
            return Refuse("expired")
    assert_never(state)


@dataclass(frozen=True, slots=True)
class AttemptStart:
    """The executor that holds the job's delivery, and the details of the attempt to record."""

    executor_id: str
    isolation: Isolation
    language_version: str | None
    attempts_max: int
    stage: StageName | None = None
    """The first stage, if it begins as soon as this is recorded."""
    remaining_s: float | None = None
    """How long that stage usually takes."""


def decide_start(state: JobState, starter: AttemptStart, moment: CommandContext) -> Append | Ignore:
    """Start the next attempt. A delivery of a running job means that its previous executor is gone."""
    match state:
        case NoJob():
            return Ignore("the job does not exist")
        case Finished() | Expired():
            return Ignore("the job is finished")
        case Queued(queued):
            return Append(_running(queued, 1, starter, moment))
        case Running(queued, attempt, executor_id, cancel):
            if cancel is not None:
                return Append(_cancelled(queued, attempt, cancel, moment))
            if attempt < starter.attempts_max:
                return Append(_running(queued, attempt + 1, starter, moment))
            return Append(
                JobFailed(
                    **_about(queued, moment),
                    attempt=attempt,
                    reason="executor_lost",
                    detail=f"{executor_id} was lost in attempt {attempt} of {starter.attempts_max}",
                    result=Result(),
                )
            )
    assert_never(state)


def decide_finish(state: JobState, outcome: Terminal) -> Append | Ignore:
    """Record an attempt's outcome if it is the current attempt; an older attempt is fenced."""
    match state:
        case NoJob() | Queued():
            return Ignore("no attempt has begun")
        case Finished() | Expired():
            return Ignore("the job is finished")
        case Running(_, attempt):
            if outcome.attempt == attempt:
                return Append(outcome)
            return Ignore(f"attempt {outcome.attempt} was superseded by {attempt}")
    assert_never(state)


def decide_cancel(state: JobState, by: str, moment: CommandContext) -> Append | Ignore | Refuse:
    """Cancel a queued job at once; request a running job to stop, once."""
    match state:
        case NoJob():
            return Refuse("unknown_job")
        case Finished():
            return Refuse("already_finished")
        case Expired():
            return Refuse("expired")
        case Queued(queued):
            return Append(
                JobCancelled(
                    **_about(queued, moment),
                    by=by,
                )
            )
        case Running(queued, _, _, None):
            return Append(
                JobCancelRequested(
                    **_about(queued, moment),
                    by=by,
                )
            )
        case Running():
            return Ignore("a cancel was requested before")
    assert_never(state)


def decide_expire(state: JobState, reason: ExpiryReason, moment: CommandContext) -> Append | Ignore | Refuse:
    """Expire a finished job, for its retention or its user's erasure; an unfinished job never expires."""
    match state:
        case NoJob() | Expired():
            return Ignore("the job is gone already")
        case Queued() | Running():
            return Refuse("unfinished")
        case Finished(queued, outcome):
            due = expiry_of(outcome.time, queued.ttl_s)
            if reason == "ttl" and (due is None or moment.time < due):
                return Ignore("its time is not over")
            return Append(JobExpired(**_about(queued, moment), reason=reason))
    assert_never(state)


def expiry_of(finished_at: datetime, ttl_s: int | None) -> datetime | None:
    """When a job expires; None for never, and for times beyond the calendar."""
    try:
        return None if ttl_s is None else finished_at + timedelta(seconds=ttl_s)
    except OverflowError:
        return None


def _about(queued: JobQueued, moment: CommandContext) -> dict[str, Any]:
    """The fields common to every event of this job."""
    return {
        "job_id": queued.job_id,
        "user_id": queued.user_id,
        "time": moment.time,
        "request_id": moment.request_id,
        "trace": moment.trace,
    }


def _running(queued: JobQueued, attempt: int, starter: AttemptStart, moment: CommandContext) -> JobRunning:
    waited = (moment.time - queued.time).total_seconds() * 1000
    return JobRunning(
        **_about(queued, moment),
        attempt=attempt,
        executor_id=starter.executor_id,
        queue_wait_ms=max(0, round(waited)),
        isolation=starter.isolation,
        language_version=starter.language_version,
        stage=starter.stage,
        remaining_s=starter.remaining_s,
    )


def _cancelled(
    queued: JobQueued, attempt: int, cancel: JobCancelRequested, moment: CommandContext
) -> JobCancelled:
    """The end of a job whose executor died after the request to stop: there is nothing left to run."""
    return JobCancelled(
        **_about(queued, moment),
        by=cancel.by,
        attempt=attempt,
    )
