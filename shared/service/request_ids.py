"""Request ids, which appear in responses, events and logs."""

import re
import uuid
from contextvars import ContextVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID = "X-Request-Id"
_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}")
_current: ContextVar[str] = ContextVar("request_id")


def current_request_id() -> str:
    """The id of the request that this task answers; a new id outside of requests."""
    return _current.get("") or uuid.uuid4().hex


class RequestIds:
    """Gives every request an id (the client's, if it is a plain word) and returns it in the response.

    It also adds the fields of the request's `state.headers` to every response.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        header = dict(scope["headers"]).get(REQUEST_ID.lower().encode(), b"").decode("latin-1")
        request_id = header if _PLAIN.fullmatch(header) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        _current.set(request_id)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = {REQUEST_ID: request_id, **scope["state"].get("headers", {})}
                message["headers"] = [
                    *message.get("headers", ()),
                    *((name.lower().encode(), value.encode()) for name, value in more.items()),
                ]
            await send(message)

        await self._app(scope, receive, send_with_id)
