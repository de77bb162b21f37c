"""Where the sockets of the dialect `executions` are, and which executions they may be opened for."""

from starlette.websockets import WebSocket

from services.notifier.connections.grant import Grant
from services.notifier.connections.registry import ClientRegistry
from services.notifier.connections.transport import Transport
from services.notifier.transports.dialects.endpoint import DeniedError, sockets
from services.notifier.transports.dialects.executions.session import ExecutionSession, execution_of
from services.notifier.transports.dialects.job_reader import JobReader
from shared.dialects.executions import MISSING, NAME, PATHS

PATH = f"{PATHS}/ws/{{execution_id}}"
NOT_FOUND = 404


def transport(registry: ClientRegistry) -> Transport:
    """The dialect's half at the notifier."""
    reader = JobReader(registry)

    async def admit(websocket: WebSocket, grant: Grant | None) -> None:
        """Raises DeniedError for an execution that the user does not have, BrokerError."""
        assert grant is not None, "every socket of this dialect needs a token"
        if await reader.read(grant.user_id, execution_of(websocket)) is None:
            raise DeniedError(NOT_FOUND, MISSING)

    def session_of(websocket: WebSocket, registry: ClientRegistry) -> ExecutionSession:
        return ExecutionSession(websocket, registry, NAME, reader)

    return sockets(NAME, registry, session_of, paths=(PATH,), admit=admit)
