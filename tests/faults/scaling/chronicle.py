"""When each job was queued, begun and ended, by the clock of the log alone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from shared.contract.subjects import JOBS, TERMINAL_KINDS
from shared.domain.events import JobQueued, JobRunning, Limits, SourceFile
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Appended, Log
from shared.jetstream.follower import Follower
from shared.jetstream.stored_message import Entry
from tests import builders

PATIENCE_S = 30.0


@dataclass
class Told:
    """What the log has told of one job."""

    job_id: str
    user_id: str
    queued_at: datetime
    begun_at: datetime | None = None
    begun_by: list[str] = field(default_factory=list)
    ended_at: datetime | None = None

    @property
    def wait_s(self) -> float:
        """From accepted to begun."""
        assert self.begun_at is not None, f"{self.job_id} was not begun"
        return (self.begun_at - self.queued_at).total_seconds()


class Chronicle:
    """Follows the log."""

    def __init__(self) -> None:
        self.jobs: dict[str, Told] = {}
        self._changed = asyncio.Event()

    async def follow(self, batch: list[Entry]) -> None:
        for entry in batch:
            event = entry.event()
            if isinstance(event, JobQueued):
                self.jobs[event.job_id] = Told(event.job_id, event.user_id, entry.stored_at)
            elif isinstance(event, JobRunning):
                told = self.jobs[event.job_id]
                told.begun_at = told.begun_at or entry.stored_at
                told.begun_by.append(event.executor_id)
            elif entry.subject.rpartition(".")[2] in TERMINAL_KINDS:
                self.jobs[event.job_id].ended_at = entry.stored_at
        self._changed.set()

    async def until(self, condition: Callable[[], bool], *, within_s: float = 100.0) -> None:
        """Wait for what the log will tell."""
        async with asyncio.timeout(within_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_ended(self, *job_ids: str) -> None:
        await self.until(lambda: all(job in self.jobs and self.jobs[job].ended_at for job in job_ids))

    async def until_begun(self, *job_ids: str) -> None:
        await self.until(lambda: all(job in self.jobs and self.jobs[job].begun_at for job in job_ids))

    def begun_by(self, name: str) -> list[Told]:
        """The jobs that an executor has begun."""
        return [told for told in self.jobs.values() if name in told.begun_by]

    def pauses_s(self, user_id: str) -> list[float]:
        """From the end of each of a user's jobs to the beginning of the next, in order."""
        lane = [told for told in self.jobs.values() if told.user_id == user_id]
        pairs = pairwise(lane)
        return [
            (after.begun_at - before.ended_at).total_seconds()
            for before, after in pairs
            if before.ended_at is not None and after.begun_at is not None
        ]


@asynccontextmanager
async def chronicled(broker: Broker) -> AsyncIterator[Chronicle]:
    """A chronicle of everything that the log will hold."""
    chronicle = Chronicle()
    following = asyncio.create_task(Follower(broker, JOBS, chronicle.follow, service="test").run())
    try:
        yield chronicle
    finally:
        following.cancel()
        await asyncio.wait({following})


async def submit(log: Log, user: str, count: int = 1, *, seconds: float, concurrency: int = 1) -> list[str]:
    """Programs that wait for so long, and need no processor meanwhile."""
    jobs = [builders.job_id() for _ in range(count)]
    for job in jobs:
        queued = builders.queued(
            job,
            user,
            language="bash",
            entrypoint="main.sh",
            files=(SourceFile(name="main.sh", content=f"sleep {seconds}"),),
            limits=Limits(wall_ms=60_000),
            concurrency=concurrency,
        )
        assert isinstance(await log.append(queued, expected=0, patience_s=PATIENCE_S), Appended)
    return jobs
