"""One way into the api: how its clients prove who they are, and how a failure looks to them.

The api's own door takes bearer tokens and answers problem+json. Each dialect is an application of its own
with its own door: behind it stand the same users, quotas and shares.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.contract.problems import Problem
from shared.service.problem_response import answer


@dataclass(frozen=True, slots=True)
class Door:
    """What differs between one kind of client and another before any route is reached."""

    extract_credentials: Callable[[Headers], str | None]
    """The token in a request's fields; None without one. A URL is never looked at: it is logged."""
    respond: Callable[[Problem, str], Response]
    """How a problem of the request with this id is answered."""
    hint: str
    """Where a token belongs, told to clients who send none."""
    challenge: str | None = None
    """`WWW-Authenticate` of an answer with 401."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Another service's front end: its paths, its routes and its door."""

    name: str
    prefixes: Sequence[str]
    """Paths that are the dialect's with all below them, such as `/api/v2`; none ends in a slash."""
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
    """Middleware that gives each dialect the requests for its paths, and the application all others."""

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
