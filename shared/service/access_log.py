"""Access log: one line and the metrics of each answered request.

Neither the query, which may contain a token, nor any header field is written. Probes (/livez, /readyz,
/metrics) are left out.
"""

import random
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.observability import metrics
from shared.observability.logs import get_logger

logger = get_logger(__name__)

QUIET = frozenset({"/livez", "/readyz", "/metrics"})
FAILED = 500
ABNORMAL = 1006
"""The close code of a WebSocket that ended without a close frame (RFC 6455)."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"})
OTHER = "other"
"""The label of unknown paths and unknown methods, which clients choose freely."""
LEFT = "left"
"""The label of a WebSocket that its client closed, because the client chooses the code."""
PATH_MAX = 256
"""Logged characters of a path, whose length the client chooses."""

UserOf = Callable[[Scope], str | None]
"""Returns the user id of a request, if it is known."""


class AccessLog:
    """Middleware; expects the request's id in `scope["state"]["request_id"]`."""

    def __init__(self, app: ASGIApp, *, share: float, user_of: UserOf = lambda _: None) -> None:
        """Write the given share of all requests, and every request that failed by a server error."""
        self._app = app
        self._share = share
        self._user_of = user_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or one WebSocket."""
        if scope["type"] not in {"http", "websocket"} or scope["path"] in QUIET:
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status: int | None = None
        label: str | None = None

        async def send_and_see(message: Message) -> None:
            nonlocal status
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                status = message["status"]
            elif message["type"] == "websocket.close":
                status = message.get("code", 1000)
            await send(message)

        async def receive_and_see() -> Message:
            nonlocal status, label
            message = await receive()
            if message["type"] == "websocket.disconnect" and status is None:
                status, label = message.get("code") or ABNORMAL, LEFT
            return message

        try:
            await self._app(scope, receive_and_see, send_and_see)
        except BaseException:
            status = status or FAILED
            raise
        finally:
            took_s = time.perf_counter() - began
            _count(scope, label or str(status), took_s)
            self._write(scope, status, took_s)

    def _write(self, scope: Scope, status: int | None, took_s: float) -> None:
        is_failure = status is None or FAILED <= status < ABNORMAL
        if not is_failure and (self._share <= 0 or random.random() >= self._share):  # noqa: S311 - no secret
            return
        state = scope.get("state", {})
        logger.info(
            "request",
            method=scope.get("method", "WEBSOCKET"),
            path=scope["path"][:PATH_MAX],
            status=status,
            duration_ms=round(took_s * 1000, 1),
            user_id=self._user_of(scope),
            **{name: state[name] for name in ("request_id", "connection_id") if name in state},
        )


def _count(scope: Scope, status: str, took_s: float) -> None:
    method = scope.get("method", "WEBSOCKET")
    labels = {"method": method if method in METHODS else OTHER, "route": _route_of(scope)}
    metrics.HTTP_REQUESTS.labels(**labels, status=status).inc()
    if scope["type"] == "http":
        metrics.HTTP_DURATION.labels(**labels).observe(took_s)


def _route_of(scope: Scope) -> str:
    """The path template of the route that answered."""
    path: str = getattr(scope.get("route"), "path", OTHER)
    return path
