"""Reads the body of a request after its token was checked, within the shares of its user and of all users.

A request without a valid token is answered without reading its body. The body's length is taken from the
user's share before the first byte is read, and released when the request is answered, because it is in memory
until then.
"""

from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.http.auth import IDENTITY, count_to, identify
from services.api.http.byte_shares import ByteShares
from services.api.http.door import Door
from shared.auth import Tokens
from shared.contract import problems
from shared.contract.problems import Problem, ProblemError

NO_BODY: Message = {"type": "http.request", "body": b"", "more_body": False}
GONE: Message = {"type": "http.disconnect"}

STREAMED = {("PUT", "/v1/files")}
"""Requests whose route reads the body piece by piece."""
STREAMED_BYTES = 256 * 1024
"""In memory of such a body: what the server reads ahead, and a chunk of the store."""


class RequestBodies:
    """Middleware that passes complete bodies to the application, or answers with a problem."""

    def __init__(
        self, app: ASGIApp, *, tokens: Tokens, door: Door, shares: ByteShares, bytes_max: int
    ) -> None:
        """Wrap the application; `shares` are those of bodies, common to all doors."""
        self._app = app
        self._tokens = tokens
        self._door = door
        self._shares = shares
        self._bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        length = _length(scope["headers"], self._bytes_max) if scope["type"] == "http" else 0
        if length and (scope["method"], scope["path"]) in STREAMED:
            await self._serve(STREAMED_BYTES, scope, receive, send)
        elif not length:
            await self._app(scope, receive, send)
        elif length > self._bytes_max:
            await self._answer(self._too_large(), scope, receive, send)
        else:
            await self._serve(length, scope, receive, send)

    async def _serve(self, length: int, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope["state"]
        try:
            caller = await identify(self._tokens, self._door, Headers(scope=scope))
            state[IDENTITY] = count_to(caller, scope)
        except ProblemError as error:
            # The route may need no token, or not exist: the application answers, without the body.
            state[IDENTITY] = error
            await self._app(scope, _only(NO_BODY), send)
            return
        problem = self._shares.take(caller.user_id, length)
        if problem is not None:
            await self._answer(problem, scope, receive, send)
            return
        try:
            if (scope["method"], scope["path"]) in STREAMED:
                await self._app(scope, receive, send)
            else:
                await self._read_and_serve(scope, receive, send)
        finally:
            self._shares.give_back(caller.user_id, length)

    async def _read_and_serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._bytes_max:
                await self._answer(self._too_large(), scope, receive, send)
                return
        whole = bytes(body)
        del body
        await self._app(scope, _first({**NO_BODY, "body": whole}, receive), send)

    def _too_large(self) -> Problem:
        return Problem(problems.TOO_LARGE, f"a request has at most {self._bytes_max} bytes")

    async def _answer(self, problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
        await self._door.respond(problem, scope["state"]["request_id"])(scope, receive, send)


def _length(headers: Iterable[tuple[bytes, bytes]], bytes_max: int) -> int:
    """The body's `Content-Length`; the maximum for a chunked body."""
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
        if name == b"transfer-encoding":
            return bytes_max
    return 0


def _first(message: Message, receive: Receive) -> Receive:
    """Receive this message first, then those of `receive`."""
    messages = [message]

    async def receive_first() -> Message:
        return messages.pop() if messages else await receive()

    return receive_first


def _only(message: Message) -> Receive:
    """Receive this message only."""
    messages = [GONE, message]

    async def receive_only() -> Message:
        return messages.pop() if len(messages) > 1 else GONE

    return receive_only
