"""One connection of the dialect: tells its id, and the results of the jobs that name it.

It has no user until the first job names it, and serves only that job's user from then on. A result is held
back for a moment, because clients drop the result of a job whose id they have not read yet.
"""

import asyncio
from datetime import UTC, datetime
from math import inf
from typing import Any

from starlette.websockets import WebSocket

from services.notifier.connections.close import UNAUTHENTICATED, Close
from services.notifier.connections.grant import Grant
from services.notifier.connections.registry import TOO_MANY_OF_USER, ClientRegistry
from services.notifier.transports.dialects.changes import Change
from services.notifier.transports.dialects.connections.open_connections import OpenConnections
from services.notifier.transports.dialects.job_reader import JobReader
from services.notifier.transports.dialects.session import DialectSession
from shared.dialects.connections import CONNECTION_ID, NAME, execution_fields, new_connection_id
from shared.observability.logs import get_logger

logger = get_logger(__name__)

HOLD_S = 0.15
"""From a job's acceptance to its result: as long as the answer to its submission may be under way."""

UNBOUND_S = 3_600.0
UNUSED = Close(UNAUTHENTICATED, "no job has named this connection")

JOBS_MAX = 2_000
"""Unfinished jobs of one connection; the results of more can be polled."""

RESULT = "execution_result"


class ConnectionSession(DialectSession):
    """Ends after an hour without a user. With a token of its own, it ends with that."""

    def __init__(
        self,
        websocket: WebSocket,
        registry: ClientRegistry,
        reader: JobReader,
        connections: OpenConnections,
    ) -> None:
        """Prepare; `run` does it."""
        super().__init__(websocket, registry, NAME, reader)
        self.connection_id = new_connection_id(datetime.now(UTC))
        self._connections = connections
        self._clock = asyncio.get_running_loop().time
        self._held_until: dict[str, float] = {}

    async def run(self) -> None:
        """As in `DialectSession`; jobs can name the connection meanwhile."""
        self._connections.enter(self)
        try:
            await super().run()
        finally:
            self._connections.leave(self)

    async def opened(self) -> None:
        """Nothing is sent before the client asks."""
        if self.user_id:
            self.watch()
        else:
            self.expire_in(UNBOUND_S, UNUSED)

    async def receive(self, message: dict[str, Any]) -> None:
        """`ping` asks for the connection's id; everything else is ignored, as is what is no JSON object."""
        if message.get("action") == "ping":
            self.send({"type": "pong", CONNECTION_ID: self.connection_id})

    def take_job(self, user_id: str, job_id: str) -> None:
        """A job names the connection: the first one binds it to its user."""
        if self.connection.outbox.closing.done() or not self._serves(user_id):
            return
        self._held_until[job_id] = self._clock() + HOLD_S
        if len(self._held_until) > JOBS_MAX:
            del self._held_until[next(iter(self._held_until))]

    def concerns(self, job_id: str) -> bool:
        """Only jobs that have named the connection do."""
        return job_id in self._held_until

    async def tell(self, change: Change) -> None:
        """Send the result of a job, and nothing else of it."""
        if not change.is_end:
            return
        wait_s = self._held_until.get(change.job_id, 0.0) - self._clock()
        if wait_s > 0:
            self.tell_later(change, wait_s)
            return
        job = await self.read(change.job_id, change.sequence)
        self._held_until.pop(change.job_id, None)
        if job is not None and job.is_finished and self.is_new(job.job_id, RESULT, is_last=True):
            await self.send_large({"type": RESULT, "job_id": job.job_id, **execution_fields(job)})

    def _serves(self, user_id: str) -> bool:
        """Whether it is this user's; one without a user becomes it."""
        if self.user_id:
            return self.user_id == user_id
        # Every result needs a request with a good token, so the connection need not end with one of them.
        if not self.bind(Grant(user_id, expires_in=0, lasts_s=inf)):
            self.end(TOO_MANY_OF_USER)
            return False
        logger.info("connection_bound", connection=self.connection.id)
        return self.watch()
