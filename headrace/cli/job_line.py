"""How one job stands, told on a waiting line: what it waits for in the queue, what runs of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime

from headrace.cli.waiting_line import WaitingLine
from headrace.client.client import AsyncClient
from headrace.client.errors import HeadraceError
from headrace.client.models import JobShown, WaitingFor
from shared.contract.codec import EventObject
from shared.domain.events import StageName

LOOK_S = 2.0
"""How often a queued job is asked for: no event of it tells that one before it has ended."""
STAGES: dict[StageName, str] = {"compile": "compiling", "run": "running"}


class JobLine:
    """Tells of one job, by its events and by what the api says of it while it is queued."""

    def __init__(self, line: WaitingLine, job: JobShown) -> None:
        """Tell how it stands now."""
        self._line = line
        self._job_id = job.job_id
        self._stage: StageName | None = None
        self._look(job)

    def show(self, event: EventObject) -> None:
        """Tell what an event of the job changes."""
        match event.type.split(".")[1]:
            case "running":
                self._tell_stage("run", event.stored_at)
            case "progress" if event.data["stage"] != self._stage:
                self._tell_stage(event.data["stage"], event.stored_at)
            case "cancel_requested":
                self._line.tell("cancelling")
            case _:
                pass

    async def keep_looking(self, client: AsyncClient) -> None:
        """Ask what the job waits for, again and again, until it runs."""
        while self._stage is None:
            await asyncio.sleep(LOOK_S)
            # Its events tell what is wrong, or the call that is waited for.
            with suppress(HeadraceError):
                job = await client.get(self._job_id)
                if self._stage is None:
                    self._look(job)

    def _look(self, job: JobShown) -> None:
        if job.status == "queued":
            self._line.tell(f"queued {reason}" if (reason := queue_reason(job)) else "queued")
        elif not job.is_finished:
            self._tell_stage("run", job.started_at or job.created_at)

    def _tell_stage(self, stage: StageName, began: datetime) -> None:
        self._stage = stage
        self._line.tell(STAGES[stage], lasted_s=(datetime.now(UTC) - began).total_seconds())


@asynccontextmanager
async def telling(line: WaitingLine, client: AsyncClient, job: JobShown) -> AsyncIterator[JobLine]:
    """Tell of a job whose events the caller shows; the rest is asked for meanwhile."""
    told = JobLine(line, job)
    looking = asyncio.create_task(told.keep_looking(client)) if line.is_shown else None
    try:
        yield told
    finally:
        await _ended(looking)


@asynccontextmanager
async def watching(line: WaitingLine, client: AsyncClient, job_id: str) -> AsyncIterator[None]:
    """Tell of a job whose events nobody else reads. Nothing is asked where nothing can be told."""
    watch = asyncio.create_task(_watch(line, client, job_id)) if line.is_shown else None
    try:
        yield
    finally:
        await _ended(watch)


async def _watch(line: WaitingLine, client: AsyncClient, job_id: str) -> None:
    # The call that is waited for says what is wrong.
    with suppress(HeadraceError):
        job = await client.get(job_id)
        if job.is_finished:
            return
        async with telling(line, client, job) as told, aclosing(client.follow(job_id)) as events:
            async for event in events:
                told.show(event)


async def _ended(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def queue_reason(job: JobShown) -> str | None:
    """Why a queued job does not run yet, behind "queued"; None where that is not known."""
    waiting = job.waiting_for or WaitingFor(reason="")
    match waiting.reason:
        case "earlier_jobs":
            jobs = "job" if waiting.position == 1 else "jobs"
            return f"behind {waiting.position} earlier {jobs} of yours"
        case "executor":
            return f"until an executor has {job.language}: none has now"
        case "slot":
            return "until a slot is free"
        case _:
            return None
