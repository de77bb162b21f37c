"""Whose turn it is among jobs that are at hand and may start. Pure.

Whoever has fewer jobs running or before it comes first; among equals, whoever may start for longer.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple


class Priority(NamedTuple):
    """Orders jobs that may start: by the place in their lane, then by when the log let them start."""

    place: int
    since: int


class FairQueue:
    """Jobs that may start here now."""

    def __init__(self, turn: Callable[[str], Priority]) -> None:
        """`turn` is asked anew each time, because places change as other jobs end."""
        self._turn = turn
        self._jobs: set[str] = set()

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[str]:
        return iter(self._jobs)

    def offer(self, job_id: str) -> None:
        """Add a job that may start; offering it again changes nothing."""
        self._jobs.add(job_id)

    def discard(self, job_id: str) -> None:
        """The job need not start here any more."""
        self._jobs.discard(job_id)

    def last(self) -> str | None:
        """The job whose turn is farthest away, left where it is. None if nobody waits."""
        return max(self._jobs, key=self._turn, default=None)

    def take(self) -> str | None:
        """The next job. None if nobody waits."""
        job_id = min(self._jobs, key=self._turn, default=None)
        if job_id is not None:
            self._jobs.remove(job_id)
        return job_id
