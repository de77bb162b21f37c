"""A failed HTTP request to the notifier is answered as problem+json, unless its transport does otherwise."""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.notifier.connections.auth import ExtractCredentials, ScopeError, bearer_token, check
from services.notifier.connections.grant import Grant
from shared.auth import SCOPE_JOBS, KeysUnavailableError, TokenError, Tokens
from shared.contract import problems
from shared.contract.problems import Problem, ProblemError, ProblemType
from shared.observability.logs import get_logger
from shared.service.problem_response import answer
from shared.service.request_ids import current_request_id

logger = get_logger(__name__)

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="headrace"'}

_BY_STATUS: dict[int, ProblemType] = {404: problems.NOT_FOUND, 405: problems.METHOD_NOT_ALLOWED}


async def authenticate(
    request: Request,
    tokens: Tokens,
    scope: str = SCOPE_JOBS,
    extract_credentials: ExtractCredentials = bearer_token,
) -> Grant:
    """What the request's token gives. Raises ProblemError: 401 without a good token, 403 without the scope,
    503 while the keys of the token's issuer cannot be had.
    """
    token = extract_credentials(request.headers)
    try:
        if token is None:
            raise TokenError("send a token as 'Authorization: Bearer …'")
        return await check(tokens, token, scope)
    except KeysUnavailableError as error:
        headers = {"Retry-After": str(error.retry_after_s)}
        raise ProblemError(problems.UNAVAILABLE, str(error), headers=headers) from None
    except ScopeError as error:
        raise ProblemError(problems.FORBIDDEN, str(error)) from None
    except TokenError as error:
        raise ProblemError(problems.UNAUTHENTICATED, str(error), headers=CHALLENGE) from None


def answer_problem(error: ProblemError) -> Response:
    """The response that tells of it."""
    return answer(error.problem, current_request_id())


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
