"""CORS: which pages of other origins may call which methods. Dialects have one more, PATCH."""

from collections.abc import Collection

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.dialects.names import PREFIXES

METHODS = ("GET", "POST", "PUT", "DELETE")
DIALECT_METHODS = ("GET", "POST", "PATCH", "OPTIONS")


class Cors:
    """Middleware for pages of the listed origins; without cookies."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        origins: Collection[str],
        allow_headers: Collection[str],
        expose_headers: Collection[str],
    ) -> None:
        """Wrap the application."""
        self._own, self._dialects = (
            CORSMiddleware(
                app,
                allow_origins=sorted(origins),
                allow_methods=methods,
                allow_headers=list(allow_headers),
                expose_headers=list(expose_headers),
            )
            for methods in (METHODS, DIALECT_METHODS)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        is_of_dialect = scope.get("path", "").startswith(PREFIXES)
        await (self._dialects if is_of_dialect else self._own)(scope, receive, send)
