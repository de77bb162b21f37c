"""What a history tells besides right and wrong: how often it was disturbed, how long that lasted. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TypeAlias

from shared.domain.events import JobRunning
from tests.faults.history import Fault, History, Life
from tests.faults.rules.answers import NOT_NOW
from tests.faults.rules.story import Fact, Story
from tests.faults.rules.subscribers import after_ends

KILLED = -9
DISTURBING = frozenset({"executor", "nats"})
"""Who can delay a job that is to run again: whoever was given it, and who has to give it."""


Befell: TypeAlias = tuple[Fault, str]
"""A fault, and the service that it befell."""


@dataclass(frozen=True, slots=True)
class Rerun:
    """A job that its executor left unfinished, and when it was begun again (or ended) by another.

    `is_disturbed` if meanwhile something befell another executor or the server as well; `calm_s` counts from
    the last time that anything did.
    """

    job_id: str
    executor: str
    after_s: float
    is_disturbed: bool
    calm_s: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """An attempt was superseded while its executor lived; `why` is what had been done to that executor."""

    job_id: str
    attempt: int
    executor: str
    why: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts, and what they are counted from where that is of use."""

    jobs: int
    endings: Counter[str]
    faults: Counter[str]
    calls: int
    calls_repeated: int
    """Not answered, or told to come back."""
    later_attempts: int
    refused: int
    overlaps: tuple[Overlap, ...]
    reruns: tuple[Rerun, ...]
    connections: int
    resumes: int
    events_shown: int
    late_notes: int
    """Of an attempt that had been superseded, after the job's end."""
    gaps_of_feed: int
    lasted_s: float
    disturbed_s: float
    """From the beginning to the last fault."""
    ended_by_then: int
    """How many jobs had ended at the last fault; the others ended in peace."""


def figures_of(history: History, story: Story) -> Figures:
    """Count."""
    services = {life.name: life.service for life in history.lives}
    befell = [(fault, services.get(fault.target, fault.target)) for fault in history.faults]
    times = [fact.stored_at for fact in story.facts]
    last_fault = max((fault.began_at for fault in history.faults), default=history.began.at)
    subscribers = {one.subscriber for one in history.connections}
    return Figures(
        jobs=len(story.newest),
        endings=Counter(_ending(record.status, record.reason) for record in story.newest.values()),
        faults=Counter(f"{fault.kind} {service}" for fault, service in befell),
        calls=len(history.calls),
        calls_repeated=sum(call.status is None or call.status in NOT_NOW for call in history.calls),
        later_attempts=sum(attempt > 1 for _, attempt in _attempts(story)),
        refused=len(history.refused),
        overlaps=tuple(_overlaps(history.lives, befell, story)),
        reruns=tuple(_reruns(history.lives, befell, story)),
        connections=len(history.connections),
        resumes=len(history.connections) - len(subscribers),
        events_shown=len(history.shown),
        late_notes=len(list(after_ends(history.shown))),
        gaps_of_feed=len(history.missed),
        lasted_s=(times[-1] - times[0]).total_seconds() if times else 0.0,
        disturbed_s=(last_fault - history.began.at).total_seconds(),
        ended_by_then=sum(fact.is_terminal and fact.stored_at <= last_fault for fact in story.facts),
    )


def nearest_rank(values: Sequence[float], percent: int) -> float:
    """A percentile; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


def _ending(status: str, reason: str | None) -> str:
    return status if reason is None else f"{status}: {reason}"


def _attempts(story: Story) -> Iterator[tuple[Fact, int]]:
    for fact in story.facts:
        if isinstance(fact.event, JobRunning):
            yield fact, fact.event.attempt


def _reruns(lives: Sequence[Life], befell: Sequence[Befell], story: Story) -> Iterator[Rerun]:
    """For each killed executor: the jobs whose newest attempt then was its own."""
    killed = {
        life.name: life.ended_at
        for life in lives
        if life.service == "executor" and life.exit_code == KILLED and life.ended_at is not None
    }
    for job_id, facts in story.of_job.items():
        for begun, attempt in story.attempts(job_id):
            died_at = killed.get(attempt.executor_id)
            after = [fact for fact in facts if fact.sequence > begun.sequence and _moves_on(fact)]
            if died_at is None or begun.stored_at > died_at or not after or after[0].stored_at <= died_at:
                continue
            until = after[0].stored_at
            others = _disturbances(befell, attempt.executor_id, died_at, until)
            last = min(until, max([died_at, *(fault.ended_at or fault.began_at for fault in others)]))
            yield Rerun(
                job_id,
                attempt.executor_id,
                after_s=(until - died_at).total_seconds(),
                is_disturbed=bool(others),
                calm_s=(until - last).total_seconds(),
            )


def _moves_on(fact: Fact) -> bool:
    """Begun again, or ended; a wish to stop it is neither."""
    return fact.is_terminal or isinstance(fact.event, JobRunning)


def _disturbances(befell: Sequence[Befell], executor: str, since: datetime, until: datetime) -> list[Fault]:
    """What befell others who can delay a job."""
    return [
        fault
        for fault, service in befell
        if fault.target != executor
        and service in DISTURBING
        and fault.began_at <= until
        and (fault.ended_at or fault.began_at) >= since
    ]


def _overlaps(lives: Sequence[Life], befell: Sequence[Befell], story: Story) -> Iterator[Overlap]:
    by_name = {life.name: life for life in lives}
    for job_id, facts in story.of_job.items():
        for (_, earlier), (fact, later) in pairwise(story.attempts(job_id)):
            life = by_name.get(earlier.executor_id)
            if life is None or later.executor_id == earlier.executor_id:
                continue
            if life.ended_at is None or life.ended_at > fact.stored_at:
                why = _what_befell(befell, life, facts[0].stored_at, fact.stored_at)
                yield Overlap(job_id, earlier.attempt, life.name, why)


def _what_befell(befell: Sequence[Befell], life: Life, since: datetime, until: datetime) -> str:
    """The faults of an executor, and of the server, since a job was queued.

    A server that was killed may deliver again what it had delivered, to somebody who holds it as long.
    """
    found = {
        fault.kind if fault.target == life.name else f"{fault.kind} {service}"
        for fault, service in befell
        if (fault.target == life.name or service == "nats")
        and fault.began_at <= until
        and (fault.ended_at or fault.began_at) >= since
    }
    return ", ".join(sorted(found)) or "nothing"
