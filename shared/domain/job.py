"""State of one job: what its events fold to. Pure; `decisions` says which event may be appended next."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

from shared.domain.events import (
    Event,
    JobCancelled,
    JobCancelRequested,
    JobCompleted,
    JobExpired,
    JobFailed,
    JobQueued,
    JobRunning,
    JobTimeout,
    Terminal,
)

Status: TypeAlias = Literal["queued", "running", "completed", "failed", "timeout", "cancelled"]


@dataclass(frozen=True, slots=True)
class NoJob:
    """No event yet: the job does not exist."""


@dataclass(frozen=True, slots=True)
class Queued:
    """Accepted and waiting for its lane."""

    queued: JobQueued


@dataclass(frozen=True, slots=True)
class Running:
    """Attempt `attempt` is running, or was when its executor died."""

    queued: JobQueued
    attempt: int
    executor_id: str
    cancel: JobCancelRequested | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """A terminal event was stored; only a tombstone may follow."""

    queued: JobQueued
    outcome: Terminal


@dataclass(frozen=True, slots=True)
class Expired:
    """The job's retention is over, or its user was erased: only the tombstone is left, for a while."""

    tombstone: JobExpired


JobState: TypeAlias = NoJob | Queued | Running | Finished | Expired


class ImpossibleHistoryError(Exception):
    """The stored events contradict the rules: a writer without expected sequence, or a lost event."""


def evolve(state: JobState, event: Event) -> JobState:
    """The state after one more stored event. Raises ImpossibleHistoryError for a forbidden transition.

    A tombstone may follow any state, because earlier events may be purged before a reader reaches them.
    """
    match state, event:
        case NoJob() | Queued() | Running() | Finished(), JobExpired():
            return Expired(event)
        case NoJob(), JobQueued():
            return Queued(event)
        case Queued(queued), JobRunning(attempt=1):
            return Running(queued, 1, event.executor_id)
        case Queued(queued), JobCancelled():
            return Finished(queued, event)
        case Running(queued, attempt, _, cancel), JobRunning() if event.attempt == attempt + 1:
            return Running(queued, event.attempt, event.executor_id, cancel)
        case Running(queued, attempt, executor_id, None), JobCancelRequested():
            return Running(queued, attempt, executor_id, event)
        case Running(queued, attempt), JobCompleted() | JobFailed() | JobTimeout() | JobCancelled() if (
            event.attempt == attempt
        ):
            return Finished(queued, event)
    raise ImpossibleHistoryError(
        f"job {event.job_id}: {type(event).__name__} cannot follow {type(state).__name__}"
    )


def status_of(state: Queued | Running | Finished) -> Status:
    """The job's status, as the glossary of ARCHITECTURE.md names it."""
    match state:
        case Queued():
            return "queued"
        case Running():
            return "running"
        case Finished(_, outcome):
            return _status_of_outcome(outcome)
    assert_never(state)


def _status_of_outcome(outcome: Terminal) -> Status:
    match outcome:
        case JobCompleted():
            return "completed"
        case JobFailed():
            return "failed"
        case JobTimeout():
            return "timeout"
        case JobCancelled():
            return "cancelled"
    assert_never(outcome)
