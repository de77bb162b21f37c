"""When a queued job may be done, from the pace of its user's own queue as this process has seen it. Pure.

A user's jobs start in the order of their submission. Two times are measured: from one start to the next
while a job was waiting, and from a job's start to its end. Nothing is known of jobs that were queued before
this process began to read, nor before two of the user's jobs have started.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

from shared.contract.subjects import QUEUED_KIND, TERMINAL_KINDS, JobSubject

USERS_MAX = 10_000
JOBS_MAX = 100_000
WEIGHT = 0.2
"""Weight of the newest measurement."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of a queued job: how many wait before it, and the seconds to its end, if a pace is known."""

    before: int
    remaining_s: float | None


@dataclass(slots=True)
class _Queue:
    """Of one user. `is_whole`: no job waits that this process does not know of."""

    waiting: dict[str, datetime] = field(default_factory=dict)
    running: dict[str, datetime] = field(default_factory=dict)
    is_whole: bool = False
    last_start: datetime | None = None
    last_end: datetime | None = None
    interval_s: float | None = None
    run_s: float | None = None


class QueuePace:
    """The queues of a bounded number of users: those whose jobs were queued last."""

    def __init__(self, *, users_max: int = USERS_MAX, jobs_max: int = JOBS_MAX) -> None:
        """Begin with none."""
        self._queues: OrderedDict[str, _Queue] = OrderedDict()
        self._users_max = users_max
        self._jobs_max = jobs_max
        self._jobs = 0
        self._sequence = 0

    def take(self, named: JobSubject, stored_at: datetime, sequence: int) -> None:
        """The log has an event; one that is repeated changes nothing."""
        if sequence <= self._sequence:
            return
        self._sequence = sequence
        if named.kind == QUEUED_KIND:
            self._add(named, stored_at)
            return
        queue = self._queues.get(named.user_id)
        if queue is None:
            return
        if named.kind == "running":
            _start(queue, named.job_id, stored_at)
        elif named.kind in TERMINAL_KINDS:
            self._end(queue, named.job_id, stored_at)

    def estimate(self, user_id: str, job_id: str, now: datetime) -> Estimate | None:
        """Of one queued job; None if its place is not known."""
        queue = self._queues.get(user_id)
        if queue is None or not queue.is_whole or job_id not in queue.waiting:
            return None
        before = list(queue.waiting).index(job_id)
        if queue.interval_s is None or queue.last_start is None:
            return Estimate(before, None)
        since_s = max(0.0, (now - queue.last_start).total_seconds())
        starts_in_s = max(0.0, (before + 1) * queue.interval_s - since_s)
        return Estimate(before, starts_in_s + (queue.interval_s if queue.run_s is None else queue.run_s))

    def _add(self, named: JobSubject, stored_at: datetime) -> None:
        if self._jobs >= self._jobs_max:
            return
        queue = self._queues.setdefault(named.user_id, _Queue())
        self._queues.move_to_end(named.user_id)
        if named.job_id not in queue.waiting:
            queue.waiting[named.job_id] = stored_at
            self._jobs += 1
        if len(self._queues) > self._users_max:
            _, idle = self._queues.popitem(last=False)
            self._jobs -= len(idle.waiting) + len(idle.running)

    def _end(self, queue: _Queue, job_id: str, stored_at: datetime) -> None:
        started = queue.running.pop(job_id, None)
        if started is not None:
            queue.last_end = stored_at
            queue.run_s = _mean(queue.run_s, (stored_at - started).total_seconds())
        if started is not None or queue.waiting.pop(job_id, None) is not None:
            self._jobs -= 1


def _start(queue: _Queue, job_id: str, stored_at: datetime) -> None:
    queued_at = queue.waiting.pop(job_id, None)
    if queued_at is None:
        return  # a further attempt, or a job from before this process began to read
    has_waited = queue.last_end is not None and queued_at <= queue.last_end
    if has_waited and queue.last_start is not None:
        queue.interval_s = _mean(queue.interval_s, (stored_at - queue.last_start).total_seconds())
    queue.is_whole = True
    queue.last_start = stored_at
    queue.running[job_id] = stored_at


def _mean(mean: float | None, newest: float) -> float:
    newest = max(0.0, newest)
    return newest if mean is None else mean + WEIGHT * (newest - mean)
