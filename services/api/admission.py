"""Who calls, and whether they are let in: by their token, their quota, and the scope that opens the route."""

from typing import Annotated

from fastapi import Depends, Request

from services.api.parts import parts_of
from shared import problems
from shared.problems import ProblemError
from shared.tokens import SCOPE_JOBS, SCOPE_OPS, Caller, KeysUnavailableError, TokenError, Tokens


async def authenticated(request: Request) -> Caller:
    """Who calls, whatever they may do, and whose quota has room for the request: every answer tells of it.

    Raises ProblemError: 401 without a valid token, 429, 503 while the keys of its issuer cannot be had.
    """
    tokens: Tokens = request.app.state.tokens
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        if scheme.lower() != "bearer" or not token.strip():
            raise TokenError("send a token as 'Authorization: Bearer …'")
        caller = await tokens.check(token.strip())
    except KeysUnavailableError as error:
        headers = {"Retry-After": str(error.retry_after_s)}
        raise ProblemError(problems.UNAVAILABLE, str(error), headers=headers) from None
    except TokenError as error:
        raise ProblemError(
            problems.UNAUTHENTICATED, str(error), headers={"WWW-Authenticate": 'Bearer realm="headrace"'}
        ) from None
    request.state.headers = parts_of(request).quotas.admit(caller)
    return caller


AnyCallerOf = Annotated[Caller, Depends(authenticated)]
"""For what everybody with a token may do. Everything else states its scope."""


def demand(caller: Caller, scope: str) -> None:
    """Raises ProblemError (403) if the token does not have the scope. No scope includes another."""
    if scope not in caller.scopes:
        raise ProblemError(problems.FORBIDDEN, f"the token lacks the scope {scope!r}")


async def user_of(request: Request) -> Caller:
    """The caller of a request that the scope for jobs opens. Raises ProblemError."""
    caller = await authenticated(request)
    demand(caller, SCOPE_JOBS)
    return caller


async def operator_of(request: Request) -> Caller:
    """The caller of a request that the scope for operators opens. Raises ProblemError."""
    caller = await authenticated(request)
    demand(caller, SCOPE_OPS)
    return caller


CallerOf = Annotated[Caller, Depends(user_of)]
OperatorOf = Annotated[Caller, Depends(operator_of)]
"""A route has one of the three, and no other dependency: each costs the framework as much as a signature."""
