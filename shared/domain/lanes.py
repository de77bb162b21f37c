"""Lanes: each user's unfinished jobs in log order, which decide the jobs that may start. Pure.

A job may start once fewer than K earlier jobs of its user are unfinished, where K is written in the job
itself (decision 5). Every executor that follows the log computes the same result, so no lock, leader or
second queue is needed.
"""

from collections.abc import Iterator
from itertools import islice


class Lanes:
    """The unfinished jobs of every user. Jobs must be `add`ed in log order."""

    def __init__(self) -> None:
        """Start with no unfinished job."""
        self._lanes: dict[str, dict[str, int]] = {}
        self._user_of: dict[str, str] = {}

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._user_of

    def __len__(self) -> int:
        return len(self._user_of)

    def add(self, user_id: str, job_id: str, concurrency: int) -> None:
        """Add a queued job. Idempotent."""
        self._user_of.setdefault(job_id, user_id)
        self._lanes.setdefault(user_id, {}).setdefault(job_id, concurrency)

    def remove(self, job_id: str) -> str | None:
        """Remove a terminal job; returns its user, or None for an unknown job."""
        user_id = self._user_of.pop(job_id, None)
        if user_id is None:
            return None
        lane = self._lanes[user_id]
        del lane[job_id]
        if not lane:
            del self._lanes[user_id]
        return user_id

    def startable(self, user_id: str) -> Iterator[str]:
        """The user's jobs that may run now (or run already), in log order.

        The cost is the length of the startable prefix, not of the lane: iteration stops at the first position
        that no K seen so far reaches. K is a claim of the user's token, so neighbouring jobs have nearly the
        same K. A job behind such a stop waits for the one before it, never the reverse.
        """
        for earlier, (job_id, concurrency) in enumerate(self._lanes.get(user_id, {}).items()):
            if earlier >= concurrency:
                return
            yield job_id

    def front(self, user_id: str, count: int) -> list[str]:
        """The user's first unfinished jobs, whether they may start or not."""
        return list(islice(self._lanes.get(user_id, ()), count))

    def users(self) -> int:
        """How many users have an unfinished job."""
        return len(self._lanes)

    def place(self, job_id: str) -> int | None:
        """How many earlier jobs of its user are unfinished, if the job may start; else None."""
        user_id = self._user_of.get(job_id)
        if user_id is None:
            return None
        return next((at for at, one in enumerate(self.startable(user_id)) if one == job_id), None)

    def may_start(self, job_id: str) -> bool:
        """Whether this job is among its user's startable ones."""
        return self.place(job_id) is not None
