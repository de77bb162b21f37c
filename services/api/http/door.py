"""Door: the authentication scheme and the error format of one kind of client.

The api's own door takes bearer tokens and answers problem+json. Each dialect is a separate application with
its own door, and shares users, quotas and shares with the api.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.auth import Caller
from shared.contract.problems import Problem
from shared.service.problem_response import answer


@dataclass(frozen=True, slots=True)
class Door:
    """The differences between kinds of clients before a route is reached."""

    extract_credentials: Callable[[Headers], str | None]
    """Returns the token in a request's fields, None without one. URLs are never used, because proxies log
    them."""
    respond: Callable[[Problem, str], Response]
    """Builds the response for a problem of the request with this id."""
    hint: str
    """Message for clients that send no token: where it belongs."""
    challenge: str | None = None
    """`WWW-Authenticate` of a response with 401."""
    anonymous: Caller | None = None
    """Whose requests those without a token are; None refuses them."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The front end of another service's API: its paths, its routes and its door."""

    name: str
    prefixes: Sequence[str]
    """Path prefixes of the dialect, such as `/api/v2`; none ends in a slash."""
    door: Door
    routes: Sequence[BaseRoute]


def bearer_token(headers: Headers) -> str | None:
    """The token of `Authorization: Bearer …` (RFC 6750)."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


OWN = Door(
    extract_credentials=bearer_token,
    respond=answer,
    hint="send a token as 'Authorization: Bearer …'",
    challenge='Bearer realm="headrace"',
)


class Dialects:
    """Middleware that routes requests to dialects by path, and all others to the application."""

    def __init__(self, app: ASGIApp, applications: Sequence[tuple[Dialect, Starlette]]) -> None:
        """Wrap the application. Raises ValueError if two dialects claim one path."""
        self._app = app
        self._by_prefix: dict[str, ASGIApp] = {}
        for dialect, application in applications:
            for prefix in dialect.prefixes:
                if any(_is_below(prefix, other) or _is_below(other, prefix) for other in self._by_prefix):
                    raise ValueError(f"{dialect.name}: the path {prefix} is another dialect's")
                self._by_prefix[prefix] = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        path = scope.get("path", "")
        for prefix, application in self._by_prefix.items():
            if _is_below(path, prefix):
                await application(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix + "/")
