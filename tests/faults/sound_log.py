"""Makes logs that keep every rule: jobs of several users are submitted, begun, lost, cancelled and ended at
random.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from shared.contract.codec import encode
from shared.contract.subjects import job_event
from shared.domain.events import Event, kind_of
from tests import builders
from tests.faults.history import Stored
from tests.faults.rules.story import KEY_LABEL

BEGAN = builders.NOON
STEP = timedelta(milliseconds=10)


@dataclass
class Lane:
    """One user's jobs as they are made: those that are queued, those that run with their attempt."""

    user: str
    concurrency: int
    waiting: list[str] = field(default_factory=list)
    running: dict[str, int] = field(default_factory=dict)
    stopping: set[str] = field(default_factory=set)


class Log:
    """Events as they would be stored, each a moment after the one before."""

    def __init__(self) -> None:
        self.stored: list[Stored] = []

    def append(self, event: Event) -> None:
        self.stored.append(stored_at(len(self.stored) + 1, event))


def stored_at(sequence: int, event: Event) -> Stored:
    """An event in its place."""
    at = BEGAN + sequence * STEP
    timed = msgspec.structs.replace(event, time=at)
    subject = job_event(event.user_id, event.job_id, kind_of(event))
    return Stored(sequence=sequence, stored_at=at, subject=subject, event=msgspec.Raw(encode(timed)))


def log_of(chance: random.Random, *, users: int = 3, jobs: int = 8) -> list[Stored]:
    """The log of so many users with so many jobs each."""
    log = Log()
    lanes = [Lane(f"user {number}", chance.choice((1, 1, 3))) for number in range(users)]
    left = {lane.user: jobs for lane in lanes}
    while any(left.values()) or any(lane.waiting or lane.running for lane in lanes):
        lane = chance.choice(lanes)
        possible: list[Callable[[], None]] = []
        if left[lane.user]:
            possible.append(lambda lane=lane: _submit(log, lane, left))  # type: ignore[misc]
        if lane.waiting and len(lane.running) < lane.concurrency:
            possible.append(lambda lane=lane: _begin(log, lane))  # type: ignore[misc]
        if lane.waiting:
            possible.append(lambda lane=lane: _cancel(log, lane, chance))  # type: ignore[misc]
        if lane.running:
            possible.append(lambda lane=lane: _go_on(log, lane, chance))  # type: ignore[misc]
        if possible:
            chance.choice(possible)()
    return log.stored


def _submit(log: Log, lane: Lane, left: dict[str, int]) -> None:
    left[lane.user] -= 1
    number = len(log.stored)
    job = f"00000000-0000-4000-8000-{number:012d}"
    labels = {KEY_LABEL: f"key {number}"}
    log.append(builders.queued(job, lane.user, labels=labels, concurrency=lane.concurrency))
    lane.waiting.append(job)


def _begin(log: Log, lane: Lane) -> None:
    job = lane.waiting.pop(0)
    lane.running[job] = 1
    log.append(builders.running(job, lane.user, 1, "executor-1"))


def _cancel(log: Log, lane: Lane, chance: random.Random) -> None:
    """Now and then one that waits."""
    if chance.random() < 0.2:
        job = lane.waiting.pop(chance.randrange(len(lane.waiting)))
        log.append(builders.cancelled(job, lane.user))


def _go_on(log: Log, lane: Lane, chance: random.Random) -> None:
    """Lose the executor, ask for the end, or end."""
    job, attempt = chance.choice(list(lane.running.items()))
    fate = chance.random()
    if fate < 0.2 and attempt < 3:
        lane.running[job] += 1
        log.append(builders.running(job, lane.user, attempt + 1, f"executor-{attempt + 1}"))
    elif fate < 0.3 and job not in lane.stopping:
        lane.stopping.add(job)
        log.append(builders.cancel_requested(job, lane.user))
    else:
        del lane.running[job]
        log.append(_outcome(job, lane, attempt, chance))


def _outcome(job: str, lane: Lane, attempt: int, chance: random.Random) -> Event:
    if job in lane.stopping:
        return builders.cancelled(job, lane.user, attempt)
    make = chance.choice((builders.completed, builders.failed, builders.timeout))
    return make(job, lane.user, attempt)
