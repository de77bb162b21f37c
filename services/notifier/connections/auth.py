"""Who calls and for how long, by their token. It is read from a message or a header, never a URL."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.types import Scope

from services.notifier.transports.headrace_v1.actions import Grant
from shared.auth import LEEWAY_S, SCOPE_JOBS, KeysUnavailableError, TokenError, Tokens
from shared.contract import problems
from shared.contract.problems import ProblemError

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="headrace"'}


class ScopeError(TokenError):
    """The token is good, but not for this."""


async def check(tokens: Tokens, token: str, scope: str = SCOPE_JOBS) -> Grant:
    """What the token gives. Raises TokenError, or ScopeError if all it lacks is the scope."""
    caller = await tokens.check(token)
    if scope not in caller.scopes:
        raise ScopeError(f"the token lacks the scope {scope!r}")
    lasts_s = (caller.expires_at - datetime.now(UTC)).total_seconds()
    return Grant(caller.user_id, max(0, int(lasts_s)), lasts_s + LEEWAY_S, caller.shares)


async def caller_of(request: Request, tokens: Tokens, scope: str = SCOPE_JOBS) -> Grant:
    """The same of a request. Raises ProblemError: 401 without a good token, 403 without the scope, 503 while
    the keys of the token's issuer cannot be had.
    """
    token = bearer(request.headers.get("authorization", ""))
    try:
        if token is None:
            raise TokenError("send a token as 'Authorization: Bearer …'")
        return await check(tokens, token, scope)
    except KeysUnavailableError as error:
        headers = {"Retry-After": str(error.retry_after_s)}
        raise ProblemError(problems.UNAVAILABLE, str(error), headers=headers) from None
    except ScopeError as error:
        raise ProblemError(problems.FORBIDDEN, str(error)) from None
    except TokenError as error:
        raise ProblemError(problems.UNAUTHENTICATED, str(error), headers=CHALLENGE) from None


def remember(scope: Scope, peer_id: str, user_id: str) -> None:
    """Let the access log tell whose connection it was: its id is that of what it asked for."""
    scope.setdefault("state", {}).update(connection_id=peer_id, user_id=user_id)


def user_of(scope: Scope) -> str | None:
    """Whose request or connection it is, if that was proved."""
    user_id: str | None = scope.get("state", {}).get("user_id")
    return user_id or None


def bearer(header: str) -> str | None:
    """The token of an `Authorization` header, if it has one."""
    scheme, _, token = header.partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
