"""What this process knows of unfinished jobs: how many each user has, and who waits for which to end.

Followed from the log by subject alone; payloads are never read. A job that this process is about to
append counts from that moment on, so that one user's simultaneous requests cannot pass a bound
together. What other processes append is known some milliseconds later.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
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
        """Know nothing: the follower starts where everything before is finished."""
        self._jobs: dict[str, dict[str, None]] = {}
        """Of each user in the order of the log."""
        self._total = 0
        self._awaited: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._closed = False

    @property
    def total(self) -> int:
        """The unfinished jobs of everybody."""
        return self._total

    @property
    def waits(self) -> int:
        """How many wait for a job to end."""
        return sum(len(waiting) for waiting in self._awaited.values())

    def unfinished(self, user_id: str) -> int:
        """The unfinished jobs of one user."""
        return len(self._jobs.get(user_id, ()))

    def before(self, user_id: str, job_id: str) -> int | None:
        """How many of the user's unfinished jobs stand before it, POSITION_MAX for that many or more; None
        if it is not among them. A user may have tens of thousands, so not all are looked at for each answer.
        """
        jobs = self._jobs.get(user_id, {})
        if job_id not in jobs:
            return None
        first = islice(jobs, POSITION_MAX)
        return next((place for place, each in enumerate(first) if each == job_id), POSITION_MAX)

    @contextmanager
    def appending(self, user_id: str, job_id: str) -> Iterator[None]:
        """Count a job while it is appended, and on, unless an exception says that it was not."""
        is_new = self._add(user_id, job_id)
        try:
            yield
        except BaseException:
            # Its append may still come about; then the log tells of it like of anybody's.
            if is_new:
                self._remove(user_id, job_id)
            raise

    async def follow(self, batch: list[Entry]) -> None:
        """Take what the log says. Handler of the api's follower."""
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
                for ended in self._awaited.get(named.job_id, ()):
                    ended.set()

    @contextmanager
    def end_of(self, job_id: str) -> Iterator[asyncio.Event]:
        """An event that is set when the log tells of this job's end, or when this process stops."""
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
        """Let nobody wait any longer."""
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
