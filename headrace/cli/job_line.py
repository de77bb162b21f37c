"""Shows the state of one job on the waiting line: what it waits for in the queue, and its current stage."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime

from headrace.cli.waiting_line import WaitingLine
from headrace.client.client import AsyncClient
from headrace.client.errors import HeadraceError
from headrace.client.models import JobShown, WaitingFor
from shared.contract.codec import EventObject
from shared.domain.enumerations import StageName

LOOK_S = 2.0
"""How often a queued job is polled: no event of it reports that a job before it has ended."""
STAGES: dict[StageName, str] = {"compile": "compiling", "run": "running"}


class JobLine:
    """Shows one job's state, from its events and, while it is queued, from the api."""

    def __init__(self, line: WaitingLine, job: JobShown) -> None:
        """Show its present state."""
        self._line = line
        self._job_id = job.job_id
        self._stage: StageName | None = None
        self._look(job)

    def show(self, event: EventObject) -> None:
        """Show what an event of the job changes."""
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
        """Poll what the job waits for, until it runs."""
        while self._stage is None:
            await asyncio.sleep(LOOK_S)
            # Its events, or the call in progress, report errors.
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
async def show_job(line: WaitingLine, client: AsyncClient, job: JobShown) -> AsyncIterator[JobLine]:
    """Show a job whose events the caller reads; its queue state is polled meanwhile."""
    job_line = JobLine(line, job)
    looking = asyncio.create_task(job_line.keep_looking(client)) if line.is_visible else None
    try:
        yield job_line
    finally:
        await _cancel(looking)


@asynccontextmanager
async def watch_job(line: WaitingLine, client: AsyncClient, job_id: str) -> AsyncIterator[None]:
    """Show a job whose events the caller does not read. Nothing is fetched if the line is not shown."""
    watch = asyncio.create_task(_watch(line, client, job_id)) if line.is_visible else None
    try:
        yield
    finally:
        await _cancel(watch)


async def _watch(line: WaitingLine, client: AsyncClient, job_id: str) -> None:
    # The call in progress reports errors.
    with suppress(HeadraceError):
        job = await client.get(job_id)
        if job.is_finished:
            return
        async with show_job(line, client, job) as job_line, aclosing(client.follow(job_id)) as events:
            async for event in events:
                job_line.show(event)


async def _cancel(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def queue_reason(job: JobShown) -> str | None:
    """Why a queued job does not run yet, as text after "queued"; None if unknown."""
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
