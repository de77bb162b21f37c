"""Tracks unfinished jobs: their number per user, and the requests that wait for a job to end.

It follows the log by subject and never reads payloads. A job counts from the moment that this process starts
to append it, so that one user's concurrent requests cannot exceed a bound together. Appends of other
processes are known some milliseconds later.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

from shared.contract.subjects import QUEUED_KIND, SubjectError, parse
from shared.jetstream.stored_message import Entry
from shared.observability import metrics
from shared.observability.logs import get_logger

logger = get_logger(__name__)

POSITION_MAX = 1_000


class UnfinishedJobs:
    """Every unfinished job by its user."""

    def __init__(self) -> None:
        """Start empty: the follower starts where all earlier jobs are finished."""
        self._jobs: dict[str, dict[str, None]] = {}
        """Job ids per user, in the order of the log."""
        self._total = 0
        self._awaited: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._closed = False
        self._listeners: list[Callable[[str, str], None]] = []

    @property
    def total(self) -> int:
        """Number of unfinished jobs of all users."""
        return self._total

    @property
    def waits(self) -> int:
        """Number of requests that wait for a job to end."""
        return sum(len(waiting) for waiting in self._awaited.values())

    def unfinished(self, user_id: str) -> int:
        """Number of unfinished jobs of one user."""
        return len(self._jobs.get(user_id, ()))

    def before(self, user_id: str, job_id: str) -> int | None:
        """How many of the user's unfinished jobs precede it, at most POSITION_MAX; None for an unknown job.

        A user may have tens of thousands of jobs, so the count stops at POSITION_MAX.
        """
        jobs = self._jobs.get(user_id, {})
        if job_id not in jobs:
            return None
        first = islice(jobs, POSITION_MAX)
        return next((place for place, each in enumerate(first) if each == job_id), POSITION_MAX)

    def tell_ends(self, listener: Callable[[str, str], None]) -> None:
        """Call `listener(user_id, job_id)` for each end of a job in the log, its tombstone included."""
        self._listeners.append(listener)

    @contextmanager
    def appending(self, user_id: str, job_id: str) -> Iterator[None]:
        """Count a job from the start of its append; an exception in the block removes it."""
        is_new = self._add(user_id, job_id)
        try:
            yield
        except BaseException:
            # The append may still take effect; the follower then counts the job like any other.
            if is_new:
                self._remove(user_id, job_id)
            raise

    async def follow(self, batch: list[Entry]) -> None:
        """Apply a batch of the log. Handler of the api's follower."""
        for entry in batch:
            try:
                named = parse(entry.subject)
            except SubjectError as error:
                metrics.POISON.labels(reader="api").inc()
                logger.error("poison_skipped", sequence=entry.sequence, why=str(error))
                continue
            if named.kind == QUEUED_KIND:
                self._add(named.user_id, named.job_id)
            else:
                self._remove(named.user_id, named.job_id)
                for tell in self._listeners:
                    tell(named.user_id, named.job_id)
                for ended in self._awaited.get(named.job_id, ()):
                    ended.set()

    @contextmanager
    def end_of(self, job_id: str) -> Iterator[asyncio.Event]:
        """An event that is set when the job ends in the log, or when this process stops."""
        ended = asyncio.Event()
        if self._closed:
            ended.set()
        self._awaited[job_id].add(ended)
        try:
            yield ended
        finally:
            self._awaited[job_id].discard(ended)
            if not self._awaited[job_id]:
                del self._awaited[job_id]

    def close(self) -> None:
        """Release all waiting requests."""
        self._closed = True
        for waiting in self._awaited.values():
            for ended in waiting:
                ended.set()

    def _add(self, user_id: str, job_id: str) -> bool:
        jobs = self._jobs.setdefault(user_id, {})
        is_new = job_id not in jobs
        jobs[job_id] = None
        self._total += is_new
        return is_new

    def _remove(self, user_id: str, job_id: str) -> None:
        jobs = self._jobs.get(user_id, {})
        if job_id in jobs:
            del jobs[job_id]
            self._total -= 1
        if not jobs:
            self._jobs.pop(user_id, None)
