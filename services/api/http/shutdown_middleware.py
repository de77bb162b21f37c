"""Answers requests that outlive the service's grace period with 503 and Retry-After instead of 500."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.http.door import Door
from shared.contract import problems
from shared.contract.problems import Problem

RETRY_AFTER = {"Retry-After": "1"}


class ShutdownMiddleware:
    """Answers 503 if uvicorn cancels a request without a response; uvicorn itself would answer a bare 500."""

    def __init__(self, app: ASGIApp, *, door: Door) -> None:
        """Wrap the application."""
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        has_begun = False

        async def send_and_know(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_know)
        except asyncio.CancelledError:
            if has_begun or scope["type"] != "http":
                raise
            # Only uvicorn cancels this task, and this response ends the request.
            problem = Problem(problems.UNAVAILABLE, "the service is restarting", (), RETRY_AFTER)
            await self._door.respond(problem, scope["state"]["request_id"])(scope, receive, send)
