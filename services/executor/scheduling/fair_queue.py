"""The order among jobs that are held here and may start. Pure.

The job with the fewest unfinished jobs of its user before it comes first; among equals, the one that may
start for longest.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple


class Priority(NamedTuple):
    """Orders jobs that may start, the lowest first: by place in their lane, then by when the log let them."""

    place: int
    since: int


class FairQueue:
    """Jobs that may start here now."""

    def __init__(self, priority: Callable[[str], Priority]) -> None:
        """`priority` is called anew each time, because places change as other jobs end."""
        self._priority = priority
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

    def last(self, may_be: Callable[[str], bool] = lambda _: True) -> str | None:
        """The job that comes last of those that may be taken, left in the queue. None if there is none."""
        return max(filter(may_be, self._jobs), key=self._priority, default=None)

    def take(self, may_be: Callable[[str], bool] = lambda _: True) -> str | None:
        """Remove and return the first job of those that may be taken. None if there is none."""
        job_id = min(filter(may_be, self._jobs), key=self._priority, default=None)
        if job_id is not None:
            self._jobs.remove(job_id)
        return job_id
