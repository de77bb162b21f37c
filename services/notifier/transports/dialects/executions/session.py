"""One socket of the dialect `executions`: the present state, a message for each change, the end, and a close.

Its client sends nothing. What it sends all the same is answered by a message of the type `error`.
"""

from typing import Any

from starlette.websockets import WebSocket

from services.notifier.connections.close import COMPLETE, Close
from services.notifier.connections.registry import ClientRegistry
from services.notifier.transports.dialects.changes import Change
from services.notifier.transports.dialects.job_reader import JobReader
from services.notifier.transports.dialects.session import DialectSession, Message
from shared.dialects.executions import Update, update_of
from shared.domain.record import JobRecord

ENDED = Close(COMPLETE, "the execution has ended")
GONE = Close(COMPLETE, "the execution has expired")
UNEXPECTED = "nothing is sent on this connection"


def execution_of(websocket: WebSocket) -> str:
    """The id in the path, which may be any text."""
    execution_id: str = websocket.path_params["execution_id"]
    return execution_id


class ExecutionSession(DialectSession):
    """Tells of one execution."""

    def __init__(self, websocket: WebSocket, registry: ClientRegistry, name: str, reader: JobReader) -> None:
        """Prepare; `run` does it."""
        super().__init__(websocket, registry, name, reader)
        self._execution_id = execution_of(websocket)

    async def opened(self) -> None:
        """Tell the present state."""
        self.watch(self._execution_id)
        await self._tell_state(await self.read(self._execution_id))

    async def receive(self, message: dict[str, Any]) -> None:
        """Nothing is expected."""
        await self.refuse(UNEXPECTED)

    async def refuse(self, why: str) -> None:
        """Say why; the connection stays."""
        self.send({"type": "error", "execution_id": self._execution_id, "message": why})

    async def tell(self, change: Change) -> None:
        """Tell that it runs, and how it ended."""
        if change.kind == "running":
            await self._tell_update(Update(status="running"))
        elif change.is_end:
            await self._tell_state(await self.read(self._execution_id, change.sequence))

    async def _tell_state(self, job: JobRecord | None) -> None:
        if job is None:
            self.end(GONE)
            return
        await self._tell_update(update_of(job), is_last=job.is_finished)
        if job.is_finished:
            self.end(ENDED)

    async def _tell_update(self, update: Update, *, is_last: bool = False) -> None:
        # A second attempt is no change: the execution was running before.
        if self.is_new(self._execution_id, update.status, is_last=is_last):
            await self.send_large(message_of(self._execution_id, update))


def message_of(execution_id: str, update: Update) -> Message:
    """The message that tells of an execution."""
    return {"type": "execution_update", "execution_id": execution_id, "data": update}
