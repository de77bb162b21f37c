"""Lanes: each user's unfinished jobs in log order, which decide the jobs that may start. Pure.

A job may start once fewer than K earlier jobs of its user are unfinished, where K is written in the job
itself (decision 5). Every executor that follows the log computes the same result, so no lock, leader or
second queue is needed.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Literal, TypeAlias

from msgspec import UNSET

from shared.domain.events import JobQueued

Lane: TypeAlias = str | tuple[str, Literal["interactive"]]
"""A user's lane; interactive jobs have one of their own (decision 46)."""


def lane_of(queued: JobQueued) -> Lane:
    """The lane of a job."""
    return queued.user_id if queued.interactive is UNSET else (queued.user_id, "interactive")


class Lanes:
    """The unfinished jobs of every lane. Jobs must be `add`ed in log order."""

    def __init__(self) -> None:
        """Start with no unfinished job."""
        self._lanes: dict[Lane, dict[str, int]] = {}
        self._lane_of: dict[str, Lane] = {}

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._lane_of

    def __len__(self) -> int:
        return len(self._lane_of)

    def add(self, lane: Lane, job_id: str, concurrency: int) -> None:
        """Add a queued job. Idempotent."""
        self._lane_of.setdefault(job_id, lane)
        self._lanes.setdefault(lane, {}).setdefault(job_id, concurrency)

    def remove(self, job_id: str) -> Lane | None:
        """Remove a terminal job; returns its lane, or None for an unknown job."""
        lane = self._lane_of.pop(job_id, None)
        if lane is None:
            return None
        jobs = self._lanes[lane]
        del jobs[job_id]
        if not jobs:
            del self._lanes[lane]
        return lane

    def startable(self, lane: Lane) -> Iterator[str]:
        """The lane's jobs that may run now (or run already), in log order.

        The cost is the length of the startable prefix, not of the lane: iteration stops at the first position
        that no K seen so far reaches. K is a claim of the user's token, so neighbouring jobs have nearly the
        same K. A job behind such a stop waits for the one before it, never the reverse.
        """
        for earlier, (job_id, concurrency) in enumerate(self._lanes.get(lane, {}).items()):
            if earlier >= concurrency:
                return
            yield job_id

    def front(self, lane: Lane, count: int) -> list[str]:
        """The lane's first unfinished jobs, whether they may start or not."""
        return list(islice(self._lanes.get(lane, ()), count))

    def count(self) -> int:
        """How many lanes have an unfinished job."""
        return len(self._lanes)

    def place(self, job_id: str) -> int | None:
        """How many earlier jobs of its lane are unfinished, if the job may start; else None."""
        lane = self._lane_of.get(job_id)
        if lane is None:
            return None
        return next((at for at, one in enumerate(self.startable(lane)) if one == job_id), None)

    def may_start(self, job_id: str) -> bool:
        """Whether this job is among its lane's startable ones."""
        return self.place(job_id) is not None
