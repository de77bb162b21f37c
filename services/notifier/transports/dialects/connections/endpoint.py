"""The sockets of the dialect. They open without a token, so those without a user are bounded in number."""

from starlette.websockets import WebSocket

from services.notifier.connections.grant import Grant
from services.notifier.connections.registry import ClientRegistry
from services.notifier.connections.transport import Transport
from services.notifier.transports.dialects.connections.open_connections import OpenConnections
from services.notifier.transports.dialects.connections.session import ConnectionSession
from services.notifier.transports.dialects.endpoint import RETRY_AFTER, DeniedError, sockets
from services.notifier.transports.dialects.job_reader import JobReader
from shared.dialects.connections import NAME
from shared.observability import metrics

UNBOUND_PARTS = 2
"""Half of the places are for connections that have a user."""


def transport(registry: ClientRegistry) -> Transport:
    """The socket of the dialect, at its prefix."""
    reader = JobReader(registry)
    connections = OpenConnections()
    unbound_max = max(1, registry.settings.notifier_connections_max // UNBOUND_PARTS)

    async def admit(_: WebSocket, grant: Grant | None) -> None:
        if grant is None and connections.unbound >= unbound_max:
            metrics.REFUSED.labels(why="connections").inc()
            raise DeniedError(503, "too many connections without a user: try again later", RETRY_AFTER)

    registry.hub.on_queued.append(connections.take_queued)
    return sockets(
        NAME,
        registry,
        lambda websocket, registry: ConnectionSession(websocket, registry, reader, connections),
        needs_token=False,
        admit=admit,
    )
