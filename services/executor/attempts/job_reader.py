"""How a job stands, for the executor that holds its delivery: as the follower knows, or read from the log."""

import asyncio

from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from shared.domain.events import JobQueued
from shared.domain.job import JobState
from shared.jetstream.errors import UnreachableError
from shared.jetstream.event_log import Log
from shared.jetstream.job_history import History

RETRY_PAUSE_S = 0.5
READ_PATIENCE_S = 4.0
"""With the last question's own two seconds, well within a lease of ten."""


class JobReader:
    """Reads single jobs."""

    def __init__(self, log: Log, unfinished: UnfinishedJobs) -> None:
        """Both belong to the caller."""
        self._log = log
        self._unfinished = unfinished

    async def known(self, queued: JobQueued) -> tuple[JobState, int]:
        """The state and the last sequence of a job, as far as it is known here. Raises BrokerError."""
        known = self._unfinished.get(queued.job_id)
        if known is not None:
            return known.state, known.last_sequence
        history = await self.read(queued)
        return history.state, history.last_sequence

    async def read(self, queued: JobQueued, *, at_least: int | None = None) -> History:
        """Fold the job, asking again where one answer does not come. Raises BrokerError.

        Who gave up at once would let the job wait until it is delivered again. Who asked for longer than its
        lease might hold a job that was given to another.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + READ_PATIENCE_S
        while True:
            try:
                return await self._log.read_job(queued.user_id, queued.job_id, at_least=at_least)
            except UnreachableError:
                if clock() >= deadline:
                    raise
                await asyncio.sleep(RETRY_PAUSE_S)
