"""Errors as FastAPI's own applications answer them: `{"detail": …}`, a list of broken rules for 422.

A job that is unknown, another user's, expired, or named by text that is no id is one answer: 404.
"""

from collections.abc import Collection
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response

from services.api.http.door import OWN, Door
from shared.contract import problems
from shared.contract.problems import FieldError, Problem, ProblemError

BODY = "body"
MISSING = frozenset({problems.UNKNOWN_JOB, problems.EXPIRED, problems.UNKNOWN_SESSION})
UNPROCESSABLE = 422


@dataclass(frozen=True, slots=True)
class BodyError(FieldError):
    """A broken rule as pydantic reports it: `loc` leads from the body to the field, `kind` is its type."""

    loc: tuple[str | int, ...] = (BODY,)
    kind: str = "value_error"


def invalid_field(field: str, message: str, kind: str = "value_error") -> ProblemError:
    """The problem (422) of one field of the body."""
    error = BodyError(field, message, (BODY, field), kind)
    return ProblemError(problems.INVALID, f"{field}: {message}", errors=(error,), status=UNPROCESSABLE)


def fastapi_door(*, schemes: Collection[str] = ("bearer",), missing: str = "Job not found") -> Door:
    """The door of a dialect whose service is a FastAPI application.

    `schemes` are the accepted ones of `Authorization`, in lower case. `missing` is the `detail` of a job that
    the caller does not have.
    """
    return Door(
        extract_credentials=lambda headers: token_of(headers, schemes),
        respond=lambda problem, _: respond(problem, missing),
        hint="Not authenticated",
        challenge=OWN.challenge,
    )


def token_of(headers: Headers, schemes: Collection[str]) -> str | None:
    """The token of `Authorization`, if its scheme is one of these."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() in schemes else None


def respond(problem: Problem, missing: str) -> Response:
    """The response for a problem; it keeps header fields such as Retry-After."""
    status = problem.status or int(problem.kind.status)
    detail: object = problem.detail
    if problem.kind in MISSING:
        status, detail = 404, missing
    elif status == UNPROCESSABLE:
        detail = details_of(problem)
    return JSONResponse({"detail": detail}, status, dict(problem.headers))


def details_of(problem: Problem) -> list[dict[str, object]]:
    """The broken rules of a request, as FastAPI lists them."""
    if problem.errors:
        return [_detail_of(error) for error in problem.errors]
    loc = [BODY, "language"] if problem.kind == problems.UNKNOWN_LANGUAGE else [BODY]
    return [{"loc": loc, "msg": problem.detail, "type": "value_error"}]


def _detail_of(error: FieldError) -> dict[str, object]:
    if isinstance(error, BodyError):
        return {"loc": list(error.loc), "msg": error.message, "type": error.kind}
    return {"loc": [BODY, *error.field.split(".")], "msg": error.message, "type": "value_error"}
