"""What is known of a request beside its body: who calls, its id, and its trace."""

import re
import uuid
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import problems
from shared.problems import ProblemError
from shared.tokens import SCOPE_JOBS, SCOPE_OPS, Caller, KeysUnavailableError, TokenError, Tokens

REQUEST_ID = "X-Request-Id"
RETRY_AFTER = {"Retry-After": "5"}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The id under which a request is found in logs and events, and its W3C trace, if it has one."""

    request_id: str
    trace: str | None


class RequestIds:
    """Gives every request an id (the client's, where it is a plain word) and sends it back.

    So it does with the fields that were put in the request's `state.headers`, whatever the answer is.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(REQUEST_ID.lower().encode(), b"").decode("latin-1")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = {REQUEST_ID: request_id, **scope["state"].get("headers", {})}
                message["headers"] = [
                    *message.get("headers", ()),
                    *((name.lower().encode(), value.encode()) for name, value in more.items()),
                ]
            await send(message)

        await self._app(scope, receive, send_with_id)


async def request_context(request: Request) -> RequestContext:
    """The context of the request at hand. A coroutine, although it waits for nothing: what is none, the
    framework calls in a thread, which takes a millisecond.
    """
    trace = request.headers.get("traceparent", "")
    return RequestContext(request.state.request_id, trace if _TRACEPARENT.fullmatch(trace) else None)


async def authenticated(request: Request) -> Caller:
    """Who calls, whatever they may do. Raises ProblemError: 401 without a valid token, 503 while the keys of
    the token's issuer cannot be had.
    """
    tokens: Tokens = request.app.state.tokens
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        if scheme.lower() != "bearer" or not token.strip():
            raise TokenError("send a token as 'Authorization: Bearer …'")
        return await tokens.check(token.strip())
    except KeysUnavailableError as error:
        raise ProblemError(problems.UNAVAILABLE, str(error), headers=RETRY_AFTER) from None
    except TokenError as error:
        raise ProblemError(
            problems.UNAUTHENTICATED, str(error), headers={"WWW-Authenticate": 'Bearer realm="headrace"'}
        ) from None


AnyCallerOf = Annotated[Caller, Depends(authenticated)]
"""For what everybody with a token may do. Everything else states its scope."""


def demand(caller: Caller, scope: str) -> None:
    """Raises ProblemError (403) if the token does not have the scope. No scope includes another."""
    if scope not in caller.scopes:
        raise ProblemError(problems.FORBIDDEN, f"the token lacks the scope {scope!r}")


async def _user(caller: AnyCallerOf) -> Caller:
    demand(caller, SCOPE_JOBS)
    return caller


async def _operator(caller: AnyCallerOf) -> Caller:
    demand(caller, SCOPE_OPS)
    return caller


CallerOf = Annotated[Caller, Depends(_user)]
OperatorOf = Annotated[Caller, Depends(_operator)]
ContextOf = Annotated[RequestContext, Depends(request_context)]
