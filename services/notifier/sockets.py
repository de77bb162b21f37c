"""The WebSocket endpoint: accepts a handshake, or closes it with the code that says why not.

A refused handshake is accepted first, because a browser cannot see why an HTTP answer refused it.
"""

from starlette.websockets import WebSocket, WebSocketDisconnect

from services.notifier.actions import FULL, Close
from services.notifier.connection import Connection
from services.notifier.members import Members
from services.notifier.messages import SUBPROTOCOL
from services.notifier.protocol import Rules, refuse_handshake
from shared import metrics


class Sockets:
    """Every WebSocket of this process."""

    def __init__(self, members: Members) -> None:
        """Read the rules from the settings."""
        settings = members.settings
        self._members = members
        self._open = 0
        self._origins = frozenset(
            origin.strip() for origin in settings.notifier_origins.split(",") if origin.strip()
        )
        self._rules = Rules(
            init_s=settings.notifier_init_s,
            ping_s=settings.notifier_ping_s,
            subscriptions_max=settings.notifier_subscriptions_max,
            commands_per_s=settings.notifier_commands_per_s,
        )

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one WebSocket until it is closed."""
        self._open += 1
        metrics.CONNECTIONS.inc()
        try:
            await self._serve(websocket)
        except WebSocketDisconnect:
            return
        finally:
            self._open -= 1
            metrics.CONNECTIONS.dec()

    async def _serve(self, websocket: WebSocket) -> None:
        offered = websocket.scope["subprotocols"]
        refusal = refuse_handshake(
            offered,
            origin=websocket.headers.get("origin"),
            host=websocket.headers.get("host", ""),
            origins=self._origins,
        )
        if self._open > self._members.settings.notifier_connections_max:
            refusal = Close(FULL, "too many connections: try again later")
        await websocket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)
        if refusal is not None:
            await websocket.close(refusal.code, refusal.reason)
            return
        header_token = _bearer(websocket.headers.get("authorization", ""))
        await Connection(websocket, self._members, self._rules, header_token).run()


def _bearer(header: str) -> str | None:
    scheme, _, token = header.partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
