"""Judges the events of all shards: a user in one shard, first in first out, one terminal event. Pure.

For users with K = 1. It folds with the product's `evolve`, and keeps its own queue of each user, because the
executors of the prototype decide by `Lanes`.
"""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from shared.domain.events import Event, JobQueued, JobRunning, Terminal
from shared.domain.job import Finished, ImpossibleHistoryError, JobState, NoJob, evolve


class Violation(NamedTuple):
    """What was promised and is not so: `kind` is one word."""

    kind: str
    shard: int
    sequence: int
    job_id: str


class Checker:
    """Takes the events of each shard in that shard's order; the shards may come in any order."""

    def __init__(self, shard_of: Callable[[str], int]) -> None:
        """`shard_of` is where a user's events must be."""
        self._shard_of = shard_of
        self._sequences: dict[int, int] = {}
        self._states: dict[str, JobState] = {}
        self._waiting: dict[str, dict[str, None]] = {}
        self._found: list[Violation] = []
        self.events = Counter[str]()
        self.users: dict[int, set[str]] = {}
        self.ended = 0

    def take(self, shard: int, sequence: int, event: Event) -> None:
        """Judge one stored event."""

        def report(kind: str) -> None:
            self._found.append(Violation(kind, shard, sequence, event.job_id))

        if sequence <= self._sequences.get(shard, 0):
            report("out_of_sequence")
        self._sequences[shard] = sequence
        self.events[type(event).__name__] += 1
        self.users.setdefault(shard, set()).add(event.user_id)
        if self._shard_of(event.user_id) != shard:
            report("wrong_shard")
        state = self._states.get(event.job_id, NoJob())
        try:
            self._states[event.job_id] = evolve(state, event)
        except ImpossibleHistoryError:
            report(_what_is_wrong(state, event))
            return
        lane = self._waiting.setdefault(event.user_id, {})
        if isinstance(event, JobQueued):
            lane[event.job_id] = None
        elif isinstance(event, JobRunning) and next(iter(lane), None) != event.job_id:
            report("out_of_turn")
        elif isinstance(event, Terminal):
            lane.pop(event.job_id, None)
            self.ended += 1

    def violations(self, *, jobs: int) -> list[Violation]:
        """All that was found. At the end: with so many jobs, each of which must have ended."""
        unfinished = [job for job, state in self._states.items() if not isinstance(state, Finished)]
        missing = ["?"] * (jobs - len(self._states))
        return [
            *self._found,
            *(Violation("unfinished", -1, 0, job) for job in unfinished),
            *(Violation("lost", -1, 0, job) for job in missing),
        ]


def _what_is_wrong(state: JobState, event: Event) -> str:
    """A word for an event that cannot follow."""
    if isinstance(event, JobQueued):
        return "queued_twice"
    if isinstance(state, NoJob):
        return "not_first"
    if isinstance(state, Finished):
        return "ended_twice" if isinstance(event, Terminal) else "after_end"
    return "unfenced"
