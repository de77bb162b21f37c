"""The WebSocket endpoint: accepts a handshake, or closes it with the code that says why not."""

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from services.notifier.connections.auth import ExtractCredentials, bearer_token, record_caller
from services.notifier.connections.close import Close
from services.notifier.connections.registry import ClientRegistry
from services.notifier.connections.transport import Transport
from services.notifier.transports.headrace_v1.close_codes import code_of
from services.notifier.transports.headrace_v1.messages import SUBPROTOCOL
from services.notifier.transports.headrace_v1.protocol import Rules, refuse_handshake
from services.notifier.transports.headrace_v1.session import SocketSession
from services.notifier.transports.websocket.writer import refuse


def transport(registry: ClientRegistry, extract_credentials: ExtractCredentials = bearer_token) -> Transport:
    """`/v1/ws`. The token is in the headers, as `extract_credentials` finds it, or in the first message."""
    endpoint = SocketEndpoint(registry, extract_credentials)
    return Transport([WebSocketRoute("/v1/ws", endpoint.serve)])


class SocketEndpoint:
    """Every WebSocket of this process."""

    def __init__(self, registry: ClientRegistry, extract_credentials: ExtractCredentials) -> None:
        """Read the rules from the settings."""
        settings = registry.settings
        self._registry = registry
        self._extract_credentials = extract_credentials
        self._origins = settings.origins
        self._rules = Rules(
            init_s=settings.notifier_init_s,
            ping_s=settings.notifier_ping_s,
            subscriptions_max=settings.notifier_subscriptions_max,
            commands_per_s=settings.notifier_commands_per_s,
        )

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one WebSocket until it is closed."""
        subprotocol = SUBPROTOCOL if SUBPROTOCOL in websocket.scope["subprotocols"] else None
        refusal = self._registry.find_refusal() or self._check_handshake(websocket)
        if refusal is not None:
            await refuse(websocket, subprotocol, code_of(refusal), refusal.reason)
            return
        token = self._extract_credentials(websocket.headers)
        session = SocketSession(websocket, self._registry, self._rules, token)
        self._registry.enter(session.connection)
        try:
            await websocket.accept(subprotocol=subprotocol)
            await session.run()
        except WebSocketDisconnect:
            return
        finally:
            self._registry.exit(session.connection)
            record_caller(websocket.scope, session.connection.id, session.connection.user_id)

    def _check_handshake(self, websocket: WebSocket) -> Close | None:
        return refuse_handshake(
            websocket.scope["subprotocols"],
            origin=websocket.headers.get("origin"),
            host=websocket.headers.get("host", ""),
            origins=self._origins,
        )
