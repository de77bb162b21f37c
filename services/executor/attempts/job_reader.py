"""How a job stands, for the executor that holds its delivery: as the follower knows, or read from the log."""

from dataclasses import dataclass

from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from shared.domain.events import JobQueued
from shared.domain.job import JobState
from shared.jetstream.errors import UnreachableError
from shared.jetstream.event_log import Log
from shared.retry import retry

RETRY_PAUSE_S = 0.5
READ_PATIENCE_S = 4.0
"""With the last question's own two seconds, well within a lease of ten."""


@dataclass(frozen=True, slots=True)
class JobStanding:
    """A job's state, and the sequence of the newest event in it."""

    state: JobState
    last_sequence: int


class JobReader:
    """Reads single jobs."""

    def __init__(self, log: Log, unfinished: UnfinishedJobs) -> None:
        """Both belong to the caller."""
        self._log = log
        self._unfinished = unfinished

    async def known(self, queued: JobQueued) -> JobStanding:
        """The job as far as the log was followed here, else as it is in the log. Raises BrokerError."""
        known = self._unfinished.get(queued.job_id)
        if known is not None:
            return JobStanding(known.state, known.last_sequence)
        return await self.read(queued)

    async def read(self, queued: JobQueued, *, min_sequence: int | None = None) -> JobStanding:
        """Read the job from the log; an unanswered read is retried. Raises BrokerError.

        Without a retry, the job would wait until it is delivered again. A retry beyond the lease could hold a
        job that was delivered to another executor.
        """
        history = await retry(
            lambda: self._log.read_job(queued.user_id, queued.job_id, min_sequence=min_sequence),
            on=UnreachableError,
            within_s=READ_PATIENCE_S,
            pause_s=RETRY_PAUSE_S,
        )
        return JobStanding(history.state, history.last_sequence)
