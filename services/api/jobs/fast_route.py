"""Fast path for valid JSON submissions, without FastAPI's general handling of arguments.

FastAPI takes longer to resolve a route's arguments than the api takes to store a job. Any request that fails
validation goes to FastAPI's normal handler, which builds the error.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.responses import Response

from services.api.http.auth import user_of
from services.api.jobs.schemas import SubmissionBody
from services.api.jobs.wait import PREFER_MAX
from shared.auth import Caller

KEY_MAX = 255

Submit = Callable[[SubmissionBody, Request, Caller, str | None, str | None], Awaitable[Response]]
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class SubmissionRoute(APIRoute):
    """A route to a function with the arguments of `Submit`, in that order."""

    def get_route_handler(self) -> Handler:
        """The fast path, which falls back to FastAPI's normal handler."""
        ordinary = super().get_route_handler()
        submit: Submit = self.endpoint

        async def handle(request: Request) -> Response:
            key = request.headers.get("Idempotency-Key")
            prefer = request.headers.get("Prefer")
            body = await _good_body(request)
            if body is None or not _are_good(key, prefer):
                return await ordinary(request)
            return await submit(body, request, await user_of(request), key, prefer)

        return handle


async def _good_body(request: Request) -> SubmissionBody | None:
    if request.headers.get("Content-Type") != "application/json":
        return None
    try:
        return SubmissionBody.model_validate_json(await request.body())
    except ValidationError:
        return None


def _are_good(key: str | None, prefer: str | None) -> bool:
    return (key is None or 1 <= len(key) <= KEY_MAX) and (prefer is None or len(prefer) <= PREFER_MAX)
