"""The jobs of which something was seen lately: their end, after which output comes too late to be shown.

The feed may take a note long after its executor has given it up, and the feed may be behind the log while it
changes its leader. The result in the terminal event holds what was printed. Pure.
"""

REMEMBERED_MAX = 10_000


class RecentJobs:
    """Remembers as many jobs as end while the feed keeps their notes, about; the oldest go first."""

    def __init__(self, jobs_max: int = REMEMBERED_MAX) -> None:
        """Begin with none."""
        self._jobs: dict[str, None] = {}
        self._jobs_max = jobs_max

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._jobs

    def add(self, job_id: str) -> None:
        """It was seen."""
        self._jobs[job_id] = None
        if len(self._jobs) > self._jobs_max:
            del self._jobs[next(iter(self._jobs))]

    def discard(self, job_id: str) -> None:
        """What was seen of it does not hold any more."""
        self._jobs.pop(job_id, None)
