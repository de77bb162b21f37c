"""Who calls and for how long, by their token; where it was found is the transport's business."""

from datetime import UTC, datetime

from services.notifier.actions import Grant
from shared.tokens import LEEWAY_S, SCOPE_JOBS, Caller, TokenError, Tokens


class ScopeError(TokenError):
    """The token is good, but not for this."""


def verify(tokens: Tokens, token: str, scope: str = SCOPE_JOBS) -> Grant:
    """What the token gives. Raises TokenError, or ScopeError if all it lacks is the scope."""
    caller: Caller = tokens.verify(token)
    if scope not in caller.scopes:
        raise ScopeError(f"the token lacks the scope {scope!r}")
    lasts_s = (caller.expires_at - datetime.now(UTC)).total_seconds()
    return Grant(caller.user_id, max(0, int(lasts_s)), lasts_s + LEEWAY_S)


def bearer(header: str) -> str | None:
    """The token of an `Authorization` header, if it has one."""
    scheme, _, token = header.partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
