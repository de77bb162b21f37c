"""Authenticates requests by token, counts them to the user's quota, and checks the route's scope."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.types import Scope

from services.api.http.door import Door
from shared.auth import SCOPE_JOBS, SCOPE_OPS, Caller, KeysUnavailableError, TokenError, Tokens
from shared.contract import problems
from shared.contract.problems import ProblemError
from shared.service.http_server.accepted import count_connection

RETRY_AFTER = {"Retry-After": "5"}
Admit = Callable[[Caller], dict[str, str]]
"""Counts a request to its user's quota; returns the RateLimit fields. Raises ProblemError."""

IDENTITY = "identity"
"""Key in a request's state: its caller, or the problem of its authentication, once known."""


async def identify(tokens: Tokens, door: Door, headers: Headers) -> Caller:
    """The caller of a request, by its token. Raises ProblemError: 401, or 503 without the issuer's keys."""
    try:
        token = door.extract_credentials(headers)
        if token is None and door.anonymous is not None:
            return door.anonymous
        if token is None:
            raise TokenError(door.hint)
        return await tokens.check(token)
    except KeysUnavailableError as error:
        retry = {"Retry-After": str(error.retry_after_s)}
        raise ProblemError(problems.UNAVAILABLE, str(error), headers=retry) from None
    except TokenError as error:
        challenge = {} if door.challenge is None else {"WWW-Authenticate": door.challenge}
        raise ProblemError(problems.UNAUTHENTICATED, str(error), headers=challenge) from None


def count_to(caller: Caller, scope: Scope) -> Caller:
    """Count the connection for its user from now on. Raises ProblemError (503) if the user has too many."""
    if count_connection(scope, caller.user_id):
        return caller
    raise ProblemError(
        problems.TOO_MANY_CONNECTIONS, "too many connections of this user", headers=RETRY_AFTER
    )


def user_id_of(scope: Scope) -> str | None:
    """The user id of a request, if its token has been checked."""
    caller = scope.get("state", {}).get(IDENTITY)
    return caller.user_id if isinstance(caller, Caller) else None


async def authenticate(request: Request) -> Caller:
    """The authenticated caller, with any scope. Counts the request to the quota; every response reports it.

    A request with a body was authenticated before the body was read. Raises ProblemError as `identify` does,
    429, and 503 for too many connections.
    """
    caller: Caller | ProblemError | None = request.scope["state"].get(IDENTITY)
    if isinstance(caller, ProblemError):
        raise caller
    if caller is None:
        caller = await identify(request.app.state.tokens, request.app.state.door, request.headers)
        request.scope["state"][IDENTITY] = count_to(caller, request.scope)
    admit: Admit = request.app.state.admit
    request.state.headers = admit(caller)
    return caller


AnyCallerOf = Annotated[Caller, Depends(authenticate)]
"""Dependency of routes that are open to every valid token. All other routes state their scope."""


def require_scope(caller: Caller, scope: str) -> None:
    """Raises ProblemError (403) if the token does not have the scope. No scope includes another."""
    if scope not in caller.scopes:
        raise ProblemError(problems.FORBIDDEN, f"the token lacks the scope {scope!r}")


async def user_of(request: Request) -> Caller:
    """The caller, if the token has the scope for jobs. Raises ProblemError."""
    caller = await authenticate(request)
    require_scope(caller, SCOPE_JOBS)
    return caller


async def operator_of(request: Request) -> Caller:
    """The caller, if the token has the scope for operators. Raises ProblemError."""
    caller = await authenticate(request)
    require_scope(caller, SCOPE_OPS)
    return caller


JobsCaller = Annotated[Caller, Depends(user_of)]
OperatorOf = Annotated[Caller, Depends(operator_of)]
"""A route has one of the three, and no other dependency: each costs FastAPI as much time as a signature
check."""
