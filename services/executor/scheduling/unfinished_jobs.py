"""Every unfinished job as the log reports it, and which of them may start. Pure.

Folded from the log alone; it holds nothing that the log does not have.
"""

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime

import msgspec
from msgspec import UNSET

from services.executor.scheduling.fair_queue import Priority
from shared.domain.events import Event, JobQueued, Terminal
from shared.domain.job import (
    Expired,
    Finished,
    ImpossibleHistoryError,
    JobState,
    NoJob,
    Queued,
    Running,
    evolve,
)
from shared.domain.lanes import Lane, Lanes, lane_of


@dataclass(frozen=True, slots=True)
class KnownJob:
    """An unfinished job, the sequence of its newest event seen so far, and its number in its lane."""

    state: Queued | Running
    last_sequence: int
    number: int


@dataclass(frozen=True, slots=True)
class Change:
    """What one event did to one job."""

    job_id: str
    lane: Lane
    state: JobState


@dataclass(frozen=True, slots=True)
class Contradiction:
    """The event cannot follow what the log said before. `change` is what it did to its job nevertheless."""

    why: str
    change: Change | None


class UnfinishedJobs:
    """The fold of all jobs that have no terminal event yet."""

    def __init__(self) -> None:
        """Empty: the follower starts where everything before is finished."""
        self.lanes = Lanes()
        self._jobs: dict[str, KnownJob] = {}
        self._numbers: dict[Lane, int] = {}
        self._startable_count = 0
        self.running: set[str] = set()
        self.startable: dict[str, int] = {}
        """Jobs that may start and that no executor has started, the longest waiting first, by number."""
        self.startable_interactive: dict[str, None] = {}
        self.startable_batch: dict[str, None] = {}
        """Those of them that are interactive, and the others."""

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._jobs

    def __len__(self) -> int:
        return len(self._jobs)

    def get(self, job_id: str) -> KnownJob | None:
        """The job as far as the log was followed; None if finished or not seen yet."""
        return self._jobs.get(job_id)

    def is_interactive(self, job_id: str) -> bool:
        """Whether its program reads while it runs, and so has a slot of that kind."""
        known = self._jobs.get(job_id)
        return known is not None and known.state.queued.interactive is not UNSET

    def priority(self, job_id: str) -> Priority:
        """Where a job that may start stands among all others."""
        return Priority(self.lanes.place(job_id) or 0, self.startable.get(job_id, 0))

    def depth(self, job_id: str) -> int:
        """About how many jobs of the same lane come before it: those that ended out of turn are counted."""
        first = self.lanes.front(lane_of(self._jobs[job_id].state.queued), 1)[0]
        return self._jobs[job_id].number - self._jobs[first].number

    def oldest_queued(self) -> datetime | None:
        """When the oldest job was accepted that no executor has started."""
        waiting = (known.state for known in self._jobs.values())
        return next((state.queued.time for state in waiting if isinstance(state, Queued)), None)

    def oldest_startable(self) -> datetime | None:
        """When the job was accepted that could have started for longest."""
        job_id = next(iter(self.startable), None)
        return None if job_id is None else self._jobs[job_id].state.queued.time

    def oldest_waiting(self, executing: Container[str]) -> datetime | None:
        """When the oldest job was accepted that could start, or that another executor started."""
        begun = (self._jobs[job_id].state.queued.time for job_id in self.running if job_id not in executing)
        startable = self.oldest_startable()
        return min((*begun, *(() if startable is None else (startable,))), default=None)

    def apply(self, sequence: int, event: Event) -> Change | Contradiction | None:
        """Fold one entry of the log; None if it changes no job that is known here."""
        if isinstance(event, JobQueued):
            event = _without_program(event)
        known = self._jobs.get(event.job_id)
        if known is not None and sequence <= known.last_sequence:
            return None
        try:
            state = evolve(known.state if known else NoJob(), event)
        except ImpossibleHistoryError as error:
            if known is None:
                # It is the end of a job that was queued before this follower began.
                return None
            if not isinstance(event, Terminal):
                return Contradiction(str(error), None)
            # An end is an end, also after an event of a newer version: a lane does not wait for ever.
            state = Finished(known.state.queued, event)
            return Contradiction(str(error), self._keep(event, state, sequence))
        return self._keep(event, state, sequence)

    def _keep(self, event: Event, state: JobState, sequence: int) -> Change:
        job_id = event.job_id
        known = self._jobs.get(job_id)
        if isinstance(event, JobQueued):
            lane = lane_of(event)
        else:
            lane = event.user_id if known is None else lane_of(known.state.queued)
        match state:
            case Queued(queued):
                self.lanes.add(lane, job_id, queued.concurrency)
                number = self._numbers[lane] = self._numbers.get(lane, 0) + 1
                self._jobs[job_id] = KnownJob(state, sequence, number)
            case Running():
                self._jobs[job_id] = KnownJob(state, sequence, self._jobs[job_id].number)
                self.running.add(job_id)
            case Finished() | Expired():
                self.lanes.remove(job_id)
                self._jobs.pop(job_id, None)
                self.running.discard(job_id)
                if not self.lanes.front(lane, 1):
                    self._numbers.pop(lane, None)
            case NoJob():
                pass
        self.startable.pop(job_id, None)
        self.startable_interactive.pop(job_id, None)
        self.startable_batch.pop(job_id, None)
        self._let_start(lane)
        return Change(job_id, lane, state)

    def _let_start(self, lane: Lane) -> None:
        for job_id in self.lanes.startable(lane):
            if job_id not in self.startable and isinstance(self._jobs[job_id].state, Queued):
                self._startable_count += 1
                self.startable[job_id] = self._startable_count
                kind = self.startable_interactive if self.is_interactive(job_id) else self.startable_batch
                kind[job_id] = None


def _without_program(event: JobQueued) -> JobQueued:
    """The part that decisions need: a hundred thousand waiting jobs must not keep their sources in memory."""
    return msgspec.structs.replace(event, files=(), stdin=None, args=(), env={}, artifacts=(), labels={})
