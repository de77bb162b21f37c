"""Who calls, and whether they are let in: by their token, their quota, and the scope that opens the route."""

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
"""Counts a request to its user's quota; returns the fields that tell what is left. Raises ProblemError."""

IDENTITY = "identity"
"""Where a request's state has its caller, or why it has none, once that is known."""


async def identify(tokens: Tokens, door: Door, headers: Headers) -> Caller:
    """Whose token a request has. Raises ProblemError: 401, or 503 without the keys of its issuer."""
    try:
        token = door.extract_credentials(headers)
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
    """Count the connection to its user from now on. Raises ProblemError (503) if the user has too many."""
    if count_connection(scope, caller.user_id):
        return caller
    raise ProblemError(
        problems.TOO_MANY_CONNECTIONS, "too many connections of this user", headers=RETRY_AFTER
    )


def user_id_of(scope: Scope) -> str | None:
    """Whose request it is, as far as its token has been looked at."""
    caller = scope.get("state", {}).get(IDENTITY)
    return caller.user_id if isinstance(caller, Caller) else None


async def authenticated(request: Request) -> Caller:
    """Who calls, whatever they may do, and whose quota has room for the request: every answer tells of it.

    A request with a body was identified before the body was read. Raises ProblemError: what `identify` does,
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


AnyCallerOf = Annotated[Caller, Depends(authenticated)]
"""For what everybody with a token may do. Everything else states its scope."""


def require_scope(caller: Caller, scope: str) -> None:
    """Raises ProblemError (403) if the token does not have the scope. No scope includes another."""
    if scope not in caller.scopes:
        raise ProblemError(problems.FORBIDDEN, f"the token lacks the scope {scope!r}")


async def user_of(request: Request) -> Caller:
    """The caller of a request that the scope for jobs opens. Raises ProblemError."""
    caller = await authenticated(request)
    require_scope(caller, SCOPE_JOBS)
    return caller


async def operator_of(request: Request) -> Caller:
    """The caller of a request that the scope for operators opens. Raises ProblemError."""
    caller = await authenticated(request)
    require_scope(caller, SCOPE_OPS)
    return caller


JobsCaller = Annotated[Caller, Depends(user_of)]
OperatorOf = Annotated[Caller, Depends(operator_of)]
"""A route has one of the three, and no other dependency: each costs the framework as much as a signature."""
