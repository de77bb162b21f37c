"""The WebSocket endpoint: accepts a handshake, or closes it with the code that says why not.

A refused handshake is accepted first, because a browser cannot see why an HTTP answer refused it.
"""

from starlette.websockets import WebSocket, WebSocketDisconnect

from services.notifier.connections.auth import bearer, remember
from services.notifier.connections.registry import RESTART, ClientRegistry
from services.notifier.transports.headrace_v1.actions import FULL, Close
from services.notifier.transports.headrace_v1.messages import SUBPROTOCOL
from services.notifier.transports.headrace_v1.protocol import Rules, refuse_handshake
from services.notifier.transports.headrace_v1.session import Connection


class Sockets:
    """Every WebSocket of this process."""

    def __init__(self, members: ClientRegistry) -> None:
        """Read the rules from the settings."""
        settings = members.settings
        self._members = members
        self._origins = settings.origins
        self._rules = Rules(
            init_s=settings.notifier_init_s,
            ping_s=settings.notifier_ping_s,
            subscriptions_max=settings.notifier_subscriptions_max,
            commands_per_s=settings.notifier_commands_per_s,
        )

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one WebSocket until it is closed."""
        offered = websocket.scope["subprotocols"]
        refusal = self._refusal(websocket)
        subprotocol = SUBPROTOCOL if SUBPROTOCOL in offered else None
        if refusal is not None:
            await _refuse(websocket, subprotocol, refusal)
            return
        header_token = bearer(websocket.headers.get("authorization", ""))
        connection = Connection(websocket, self._members, self._rules, header_token)
        self._members.enter(connection.peer)
        try:
            await websocket.accept(subprotocol=subprotocol)
            await connection.run()
        except WebSocketDisconnect:
            return
        finally:
            self._members.exit(connection.peer)
            remember(websocket.scope, connection.peer.id, connection.peer.user_id)

    def _refusal(self, websocket: WebSocket) -> Close | None:
        if self._members.is_closing:
            return RESTART
        if self._members.is_full():
            return Close(FULL, "too many connections: try again later")
        return refuse_handshake(
            websocket.scope["subprotocols"],
            origin=websocket.headers.get("origin"),
            host=websocket.headers.get("host", ""),
            origins=self._origins,
        )


async def _refuse(websocket: WebSocket, subprotocol: str | None, close: Close) -> None:
    try:
        await websocket.accept(subprotocol=subprotocol)
        await websocket.close(close.code, close.reason)
    except WebSocketDisconnect:
        return
