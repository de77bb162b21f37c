"""Handshakes of a dialect's socket: origin and token are checked before it is accepted.

A handshake that is refused is an HTTP answer, `{"detail": …}`: 401 without a good token, 403 for a foreign
origin or a missing scope, 503 where there is no place. The token may be in the query, as these clients have
no other place for it: it is neither logged nor told.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from urllib.parse import parse_qs

from starlette.responses import JSONResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from services.notifier.connections.auth import ScopeError, bearer_token, check, record_caller
from services.notifier.connections.grant import Grant
from services.notifier.connections.origins import is_allowed_origin
from services.notifier.connections.registry import TOO_MANY_OF_USER, ClientRegistry
from services.notifier.connections.transport import Transport
from services.notifier.transports.dialects.session import DialectSession
from shared.auth import KeysUnavailableError, TokenError
from shared.dialects.names import prefix_of
from shared.jetstream.errors import BrokerError

ROOT = ("", "/")
"""The prefix itself, with and without a slash: a browser's WebSocket follows no redirect."""
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="headrace"'}
RETRY_AFTER = {"Retry-After": "2"}
NO_HEADERS: Mapping[str, str] = MappingProxyType({})

SessionOf = Callable[[WebSocket, ClientRegistry], DialectSession]
Admit = Callable[[WebSocket, Grant | None], Awaitable[None]]
"""Looks at a handshake whose token is good. Raises DeniedError, BrokerError."""


class DeniedError(Exception):
    """The handshake is answered with this status instead of being accepted."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] = NO_HEADERS) -> None:
        """`detail` is for people."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


def sockets(
    name: str,
    registry: ClientRegistry,
    session_of: SessionOf,
    *,
    paths: Sequence[str] = ROOT,
    needs_token: bool = True,
    admit: Admit | None = None,
) -> Transport:
    """The transport of a dialect whose sockets are at these paths below its prefix.

    Without `needs_token` a connection without a token is accepted, and has no user until `bind`.
    """
    endpoint = DialectEndpoint(registry, session_of, needs_token=needs_token, admit=admit)
    return Transport([WebSocketRoute(prefix_of(name) + path, endpoint.serve) for path in paths])


class DialectEndpoint:
    """All sockets of one dialect in this process."""

    def __init__(
        self, registry: ClientRegistry, session_of: SessionOf, *, needs_token: bool, admit: Admit | None
    ) -> None:
        """Nothing happens yet."""
        self._registry = registry
        self._session_of = session_of
        self._needs_token = needs_token
        self._admit = admit

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one WebSocket until it is closed."""
        try:
            grant = await self._check(websocket)
            if self._admit is not None:
                await self._admit(websocket, grant)
        except DeniedError as denied:
            await _deny(websocket, denied)
            return
        except BrokerError:
            await _deny(websocket, DeniedError(503, "the log does not answer", RETRY_AFTER))
            return
        session = self._session_of(websocket, self._registry)
        self._registry.enter(session.connection)
        try:
            if grant is not None and not session.bind(grant):
                await _deny(websocket, DeniedError(503, TOO_MANY_OF_USER.reason, RETRY_AFTER))
                return
            await websocket.accept()
            await session.run()
        except WebSocketDisconnect:
            return
        finally:
            self._registry.leave(session.connection)
            self._registry.exit(session.connection)
            record_caller(websocket.scope, session.connection.id, session.connection.user_id)

    async def _check(self, websocket: WebSocket) -> Grant | None:
        """What the token gives; None without one that is not needed. Raises DeniedError."""
        refusal = self._registry.find_refusal()
        if refusal is not None:
            raise DeniedError(503, refusal.reason, RETRY_AFTER)
        headers = websocket.headers
        origins = self._registry.settings.origins
        if not is_allowed_origin(headers.get("origin"), headers.get("host", ""), origins):
            raise DeniedError(403, "this origin may not connect")
        token = token_of(websocket)
        if token is None and not self._needs_token:
            return None
        try:
            return await check(self._registry.tokens, token or "")
        except KeysUnavailableError as error:
            raise DeniedError(503, str(error), {"Retry-After": str(error.retry_after_s)}) from None
        except ScopeError as error:
            raise DeniedError(403, str(error)) from None
        except TokenError as error:
            raise DeniedError(401, str(error), CHALLENGE) from None


def token_of(websocket: WebSocket) -> str | None:
    """The token of the query, `?token=`, else that of `Authorization`."""
    query = websocket.scope["query_string"].decode("latin-1")
    found = parse_qs(query).get("token")
    return found[0] if found else bearer_token(websocket.headers)


async def _deny(websocket: WebSocket, denied: DeniedError) -> None:
    response = JSONResponse({"detail": denied.detail}, denied.status, dict(denied.headers))
    try:
        await websocket.send_denial_response(response)
    except WebSocketDisconnect:
        return
