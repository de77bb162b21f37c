"""What is known of a request beside its body and its caller: its id, and its trace."""

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.job import Moment

REQUEST_ID = "X-Request-Id"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The id under which a request is found in logs and events, and its W3C trace, if it has one."""

    request_id: str
    trace: str | None

    def moment(self) -> Moment:
        """Now, on this request."""
        return Moment(datetime.now(UTC), self.request_id, self.trace)


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


def context_of(request: Request) -> RequestContext:
    """The context of the request at hand."""
    trace = request.headers.get("traceparent", "")
    return RequestContext(request.state.request_id, trace if _TRACEPARENT.fullmatch(trace) else None)
