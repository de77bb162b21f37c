"""Every failure of an HTTP request to the notifier leaves as problem+json, whoever noticed it."""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.notifier.transports.headrace_v1.messages import ErrorShown
from shared.contract import problems
from shared.contract.problems import Problem, ProblemError, ProblemType
from shared.observability.logs import get_logger
from shared.service.problem_response import answer
from shared.service.request_ids import current_request_id

logger = get_logger(__name__)

RETRY_AFTER = {"Retry-After": "2"}

_BY_STATUS: dict[int, ProblemType] = {404: problems.NOT_FOUND, 405: problems.METHOD_NOT_ALLOWED}
_BY_CODE: dict[str, ProblemType] = {
    "unknown_job": problems.UNKNOWN_JOB,
    "bad_cursor": problems.BAD_CURSOR,
    "unavailable": problems.UNAVAILABLE,
}


def too_many(why: str) -> ProblemError:
    """There is no place for this connection now."""
    return ProblemError(problems.TOO_MANY_CONNECTIONS, why, headers=RETRY_AFTER)


def restarting() -> ProblemError:
    """Another replica, or the next process, will answer."""
    return ProblemError(problems.UNAVAILABLE, "the notifier is restarting", headers=RETRY_AFTER)


def answer_problem(error: ProblemError) -> Response:
    """The response that tells of it."""
    return answer(error.problem, current_request_id())


def answer_refusal(refusal: ErrorShown) -> Response:
    """What a WebSocket client is told as `error`, as the answer to a request."""
    headers = RETRY_AFTER if refusal.temporary else {}
    return answer_problem(ProblemError(_BY_CODE[refusal.code], refusal.detail, headers=headers))


async def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return answer_problem(error)


async def _on_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = _BY_STATUS.get(error.status_code, problems.OTHER_HTTP)
    problem = Problem(kind, str(error.detail), (), dict(error.headers or {}), error.status_code)
    return answer(problem, current_request_id())


async def _on_bug(_: Request, error: Exception) -> Response:
    request_id = current_request_id()
    logger.error("request_failed", request_id=request_id, exc_info=error)
    return answer(Problem(problems.INTERNAL, "the request id finds it in our logs"), request_id)


HANDLERS: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    ProblemError: _on_problem,
    HTTPException: _on_http,
    Exception: _on_bug,
}
