"""Errors as NestJS answers them: `{"statusCode": …, "message": …, "error": …}`.

`message` is a list for a body that breaks a rule, which is 400, and one sentence for everything else.
"""

import re
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response

from services.api.dialects.errors import BODY, MISSING, UNPROCESSABLE, BodyError
from services.api.http.door import OWN, Door, bearer_token
from shared.auth import Caller
from shared.contract import problems
from shared.contract.problems import FieldError, Problem

BAD_REQUEST = 400
PHRASES = {413: "Payload Too Large"}
"""Where NestJS has another phrase than Python."""


def nest_door(anonymous: Caller | None) -> Door:
    """The door; requests without `Authorization` are those of `anonymous`, or refused if that is None."""
    return Door(
        extract_credentials=_token_of,
        respond=lambda problem, _: respond(problem),
        hint="Unauthorized",
        challenge=OWN.challenge,
        anonymous=anonymous,
    )


def respond(problem: Problem) -> Response:
    """The response for a problem; it keeps header fields such as Retry-After."""
    status = problem.status or int(problem.kind.status)
    message: str | list[str] = problem.detail
    if problem.kind in MISSING:
        status = 404
        message = f"{'Session' if problem.kind == problems.UNKNOWN_SESSION else 'Execution'} not found"
    elif status in {BAD_REQUEST, UNPROCESSABLE}:
        status, message = BAD_REQUEST, _messages(problem)
    document = {
        "statusCode": status,
        "message": message,
        "error": PHRASES.get(status) or HTTPStatus(status).phrase,
    }
    return JSONResponse(document, status, dict(problem.headers))


def _token_of(headers: Headers) -> str | None:
    """The token that was sent. Credentials of another scheme are none, which is refused like a bad token."""
    return None if headers.get("authorization") is None else bearer_token(headers) or ""


def _messages(problem: Problem) -> list[str]:
    if problem.errors:
        return [_message(error) for error in problem.errors]
    return [f"language: {problem.detail}" if problem.kind == problems.UNKNOWN_LANGUAGE else problem.detail]


def _message(error: FieldError) -> str:
    """One broken rule in the words of class-validator."""
    kind = error.kind if isinstance(error, BodyError) else ""
    if kind == "json_invalid":
        return "body must be JSON"
    if kind == "model_type":
        return "body must be an object"
    if kind == "missing" and error.field == BODY:
        return "body should not be empty"
    if kind in {"missing", "string_type"}:
        return f"{error.field} must be a string"
    if kind == "string_too_short":
        return f"{error.field} should not be empty"
    if kind == "string_too_long":
        most = re.search(r"\d+", error.message)
        return f"{error.field} must be shorter than or equal to {most[0] if most else ''} characters"
    return f"{error.field} {error.message}"
