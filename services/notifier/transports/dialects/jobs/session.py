"""One socket of `jobs`: it is told of all jobs of its user, and at its opening of what it may have missed.

Its clients close their socket at each new job and open another one, so most programs end while none is open.
Only the newest job may be told whatever its age: the handler of an older socket takes the result of an
earlier job for that of the current one.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

from starlette.websockets import WebSocket

from services.notifier.connections.registry import ClientRegistry
from services.notifier.connections.transport import Transport
from services.notifier.transports.dialects.changes import Change
from services.notifier.transports.dialects.endpoint import sockets
from services.notifier.transports.dialects.job_reader import JobReader
from services.notifier.transports.dialects.jobs.messages import (
    NOT_YOURS,
    PONG,
    Ping,
    Subscribe,
    Unknown,
    error,
    job_result,
    job_status,
    parse,
)
from services.notifier.transports.dialects.session import DialectSession
from shared.dialects.jobs import NAME
from shared.domain.record import JobRecord

ENDED_S = 2.0
"""The results of jobs that ended so shortly before the opening are told."""

NEWEST_S = 600.0
"""The newest job is told of if it was submitted so shortly before the opening."""

PATHS = ("", "/{stage:path}")
"""The older service's gateway had the name of a stage as its path: any path is the same socket."""


def transport(registry: ClientRegistry) -> Transport:
    """Its sockets; all of them read jobs together."""
    reader = JobReader(registry)
    return sockets(
        NAME, registry, lambda socket, registry: JobsSession(socket, registry, reader), paths=PATHS
    )


class JobsSession(DialectSession):
    """Lives from the accepted handshake to the end of the socket."""

    def __init__(self, websocket: WebSocket, registry: ClientRegistry, reader: JobReader) -> None:
        """Prepare; the moment of the opening is now."""
        super().__init__(websocket, registry, NAME, reader)
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()

    async def opened(self) -> None:
        """What ended just now, then the newest job. What happens meanwhile is told after it."""
        self.watch()
        opened_at = await self._opened_at()
        history = self.registry.history
        for job_id in await history.ended_since(self.user_id, opened_at - timedelta(seconds=ENDED_S)):
            job = await self.read(job_id)
            if job is not None and job.is_finished:
                await self._tell_state(job)
        newest = await self.registry.ends.newest_job(self.user_id)
        job = None if newest is None else await self.read(newest)
        if job is not None and job.created_at >= opened_at - timedelta(seconds=NEWEST_S):
            await self._tell_state(job)

    async def receive(self, message: dict[str, Any]) -> None:
        """A subscription only asks how the job stands: all jobs are told of in any case."""
        match parse(message):
            case Subscribe(job_id):
                job = await self.read(job_id)
                if job is None:
                    self.send(error(NOT_YOURS))
                else:
                    await self._tell_state(job)
            case Ping():
                self.send(PONG)
            case Unknown(why):
                self.send(error(why))
            case other:
                assert_never(other)

    async def refuse(self, why: str) -> None:
        """Say so; the connection stays open."""
        self.send(error(why))

    async def tell(self, change: Change) -> None:
        """A job runs, or has ended. Of several attempts only the first is told."""
        if change.kind == "running" and change.event is not None:
            self._tell_running(change.job_id, datetime.fromisoformat(change.event.time))
        elif change.is_end:
            job = await self.read(change.job_id, change.sequence)
            if job is not None:
                await self._tell_state(job)

    async def _tell_state(self, job: JobRecord) -> None:
        """How a job stands, unless this was told before; nothing while it is queued."""
        if job.is_finished:
            if self.is_new(job.job_id, "job.result", is_last=True):
                await self.send_large(job_result(job))
        elif job.started_at is not None:
            self._tell_running(job.job_id, job.started_at)

    def _tell_running(self, job_id: str, began_at: datetime) -> None:
        if self.is_new(job_id, "job.status"):
            self.send(job_status(job_id, began_at))

    async def _opened_at(self) -> datetime:
        """When the socket was opened, by the clock of the log. Raises BrokerError."""
        log = (await self.registry.history.extents()).log
        now = datetime.fromtimestamp(log.now_us / 1_000_000, UTC)
        return now - timedelta(seconds=self._clock() - self._began)
