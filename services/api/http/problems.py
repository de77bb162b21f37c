"""Exception handlers: failures of the api, FastAPI and Starlette are answered in the format of the door."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from services.api.http.door import Door
from services.api.http.unknown_fields import unknown_field
from shared.contract import problems
from shared.contract.problems import FieldError, Problem, ProblemError, ProblemType
from shared.jetstream.errors import BrokerError
from shared.jetstream.job_history import NewerEventError
from shared.observability import metrics
from shared.observability.logs import get_logger

logger = get_logger(__name__)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_BY_STATUS: dict[int, ProblemType] = {
    400: problems.BAD_REQUEST,
    404: problems.NOT_FOUND,
    405: problems.METHOD_NOT_ALLOWED,
    413: problems.TOO_LARGE,
}


def install(app: Starlette) -> None:
    """Install the handlers of every kind of failure."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(NewerEventError, _on_newer)
    app.add_exception_handler(BrokerError, _on_broker)
    app.add_exception_handler(Exception, _on_bug)


def invalid(errors: Sequence[Mapping[str, Any]], body: object) -> Problem:
    """The problem of an invalid request: malformed JSON is 400, a broken rule 422 with the place of each.

    `body` is the expected type, whose field names are proposed for unknown ones; None if there is none.
    """
    if any(one["type"] == "json_invalid" for one in errors):
        return Problem(problems.BAD_REQUEST, "the body is not JSON", status=400)
    found = tuple(
        FieldError(".".join(str(part) for part in one["loc"]) or "body", _message(one, body))
        for one in errors
        if not _is_echo(one, errors)
    )
    detail = "; ".join(f"{one.field}: {one.message}" for one in found[:3])
    return Problem(problems.INVALID, detail, found, status=422)


def _message(error: Mapping[str, Any], body: object) -> str:
    if error["type"] == "extra_forbidden":
        return unknown_field(body, error["loc"])
    return str(error["msg"]).removeprefix("Value error, ")


def _is_echo(error: Mapping[str, Any], errors: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the error only follows from others: pydantic reports a list with invalid items as too short."""
    place = tuple(error["loc"])
    return error["type"] == "too_short" and any(
        len(one["loc"]) > len(place) and tuple(one["loc"][: len(place)]) == place for one in errors
    )


def _respond(request: Request, problem: Problem) -> Response:
    door: Door = request.app.state.door
    return door.respond(problem, request.state.request_id)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return _respond(request, error.problem)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if isinstance(error.body, bytes):
        # FastAPI leaves only bodies unread that are not declared as JSON.
        detail = "send the body with Content-Type: application/json"
        return _respond(request, Problem(problems.UNSUPPORTED_MEDIA, detail))
    found = tuple({**one, "loc": one["loc"][1:]} for one in error.errors())
    field = request.scope["route"].body_field
    body = None if field is None else field.field_info.annotation
    return _respond(request, invalid(found, body))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = _BY_STATUS.get(error.status_code, problems.OTHER_HTTP)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    problem = Problem(kind, str(error.detail), (), headers, error.status_code)
    return _respond(request, problem)


def _methods(request: Request) -> set[str]:
    """The allowed methods of a path: the documented ones, or else those of all matching routes."""
    if isinstance(request.app, FastAPI):
        documented = request.app.openapi()["paths"].get(request.url.path)
        if documented is not None:
            return {method.upper() for method in documented}
    scopes = [{**request.scope, "method": method} for method in METHODS]
    return {
        scope["method"]
        for scope in scopes
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
    }


def newer_event(error: NewerEventError) -> Problem:
    """The problem (503): another api process may know the event, and this one will once it is upgraded."""
    return Problem(problems.NEWER_EVENT, str(error), (), {"Retry-After": "30"}, status=503)


def no_answer() -> Problem:
    """The problem (503) where the broker could not be asked."""
    return Problem(problems.UNAVAILABLE, "the log does not answer", (), {"Retry-After": "2"}, status=503)


async def _on_newer(request: Request, error: Exception) -> Response:
    assert isinstance(error, NewerEventError)
    metrics.UNKNOWN.labels(reader="api").inc()
    return _respond(request, newer_event(error))


async def _on_broker(request: Request, error: Exception) -> Response:
    logger.warning("broker_unavailable", request_id=request.state.request_id, why=str(error))
    return _respond(request, no_answer())


async def _on_bug(request: Request, error: Exception) -> Response:
    logger.error("request_failed", request_id=request.state.request_id, exc_info=error)
    detail = "this is our fault; the request id finds it in our logs"
    return _respond(request, Problem(problems.INTERNAL, detail))
