"""Sends large responses in pieces, within the shares of their user and of all users.

The server buffers a whole response for a client that does not read it, and several for one client. So the
bytes of a large response count until it is sent, and a user with too many unsent bytes gets an error.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.http.auth import IDENTITY
from services.api.http.byte_shares import ByteShares
from services.api.http.door import Door
from shared.auth import Caller

PIECE_BYTES = 64 * 1024
"""Bytes handed to the server at a time; a response of at most this size is not counted."""

NO_USER = ""
"""The share of responses without a token. It is no user's id: ids have at least one character."""


class LargeResponses:
    """Middleware that splits and counts large responses."""

    def __init__(self, app: ASGIApp, *, door: Door, shares: ByteShares) -> None:
        """Wrap the application; `shares` are those of responses, common to all doors."""
        self._app = app
        self._door = door
        self._shares = shares

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        head: Message | None = None

        async def send_or_hold(message: Message) -> None:
            """Hold the head back until the size of the body is known."""
            nonlocal head
            if message["type"] == "http.response.start":
                head = message
                return
            first, head = head, None
            is_whole = first is not None and not message.get("more_body", False)
            if first is not None and is_whole and len(message.get("body", b"")) > PIECE_BYTES:
                await self._send_large(first, message["body"], scope, receive, send)
                return
            if first is not None:
                await send(first)
            await send(message)

        await self._app(scope, receive, send_or_hold)

    async def _send_large(
        self, head: Message, body: bytes, scope: Scope, receive: Receive, send: Send
    ) -> None:
        caller = scope["state"].get(IDENTITY)
        user_id = caller.user_id if isinstance(caller, Caller) else NO_USER
        problem = self._shares.take(user_id, len(body))
        if problem is not None:
            await self._door.respond(problem, scope["state"]["request_id"])(scope, receive, send)
            return
        try:
            await send(head)
            for begin in range(0, len(body), PIECE_BYTES):
                piece, rest = body[begin : begin + PIECE_BYTES], begin + PIECE_BYTES < len(body)
                await send({"type": "http.response.body", "body": piece, "more_body": rest})
        finally:
            self._shares.give_back(user_id, len(body))
