"""Reads jobs for all sockets of a dialect: those that wait for the same event of a job share one read."""

import asyncio

from services.notifier.connections.registry import ClientRegistry
from shared.contract.subjects import is_job_id
from shared.domain.record import JobRecord


class JobReader:
    """One for each dialect of this process."""

    def __init__(self, registry: ClientRegistry) -> None:
        """Read from the registry's history."""
        self._history = registry.history
        self._reads: dict[tuple[str, str, int], asyncio.Task[JobRecord | None]] = {}

    async def read(self, user_id: str, job_id: str, sequence: int | None = None) -> JobRecord | None:
        """The job with all its events so far; None if the user has none of this id.

        `sequence` is an event of the job that the caller knows of: reads for the same event are one.
        Raises BrokerError, NewerEventError.
        """
        if not is_job_id(job_id):
            return None
        if sequence is None:
            return await self._read(user_id, job_id)
        key = user_id, job_id, sequence
        reading = self._reads.get(key)
        if reading is None:
            reading = self._reads[key] = asyncio.create_task(self._read(user_id, job_id))
            reading.add_done_callback(lambda done: self._forget(key, done))
        # A socket that ends does not end the read of the others.
        return await asyncio.shield(reading)

    async def _read(self, user_id: str, job_id: str) -> JobRecord | None:
        async with self._history.place(user_id):
            return await self._history.job(user_id, job_id)

    def _forget(self, key: tuple[str, str, int], done: asyncio.Task[JobRecord | None]) -> None:
        del self._reads[key]
        if not done.cancelled():
            # Retrieved here, because every socket that waited for it may be gone.
            done.exception()
