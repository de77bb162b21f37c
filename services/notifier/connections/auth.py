"""Checks a client's token, and finds it in a request.

Each transport has its own way to extract a token: `ExtractCredentials` for those that come with the request,
or a message of its own. An extractor is given the headers only, so no token is ever read from a URL.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

from starlette.datastructures import Headers
from starlette.types import Scope

from services.notifier.connections.grant import Grant
from shared.auth import LEEWAY_S, SCOPE_JOBS, TokenError, Tokens

ExtractCredentials: TypeAlias = Callable[[Headers], str | None]
"""The token in the headers of a request; None if there is none."""


class ScopeError(TokenError):
    """The token is good, but not for this."""


async def check(tokens: Tokens, token: str, scope: str = SCOPE_JOBS) -> Grant:
    """What the token gives. Raises TokenError, or ScopeError if all it lacks is the scope.

    Raises KeysUnavailableError while the keys of its issuer cannot be had.
    """
    caller = await tokens.check(token)
    if scope not in caller.scopes:
        raise ScopeError(f"the token lacks the scope {scope!r}")
    lasts_s = (caller.expires_at - datetime.now(UTC)).total_seconds()
    return Grant(caller.user_id, max(0, int(lasts_s)), lasts_s + LEEWAY_S, caller.shares)


def bearer_token(headers: Headers) -> str | None:
    """The token of `Authorization: Bearer …` (RFC 6750, 2.1)."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def record_caller(scope: Scope, connection_id: str, user_id: str) -> None:
    """Let the access log tell whose connection it was: its id is that of what it asked for."""
    scope.setdefault("state", {}).update(connection_id=connection_id, user_id=user_id)


def user_of(scope: Scope) -> str | None:
    """Whose request or connection it is, if that was proved."""
    user_id: str | None = scope.get("state", {}).get("user_id")
    return user_id or None
