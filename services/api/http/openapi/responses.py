"""Declarations of a route's responses: examples, which are structs, and the problems that it may return."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import APIRouter
from fastapi.routing import APIRoute
from msgspec import UNSET, UnsetType

from services.api.http.openapi.example_values import REQUEST, text_of
from shared.contract import problems
from shared.contract.problems import MEDIA_TYPE, ProblemType
from shared.domain.contract_struct import ContractStruct

Json = dict[str, Any]
Maxima = Mapping[str, Mapping[str, int]]
"""The operator's maxima, by schema name and field name."""

REF = "#/components/schemas/{name}"
JSON = "application/json"
HEADERS = {
    "Location": "Where the job or session is.",
    "ETag": "The version of what is answered; see `If-None-Match` and `If-Match`.",
    "Idempotency-Replayed": "`true` if the same request was accepted before.",
    "Preference-Applied": "The wait that was granted.",
    "Link": 'The next page, as `rel="next"`; of a problem the page about it, as `rel="help"`.',
    "Retry-After": "Seconds until it is worth trying again.",
    "WWW-Authenticate": "How to prove who is calling.",
    "RateLimit": "What is left of the quota.",
    "RateLimit-Policy": "The quota.",
    "X-Request-Id": "Finds the request in our logs.",
    "Headrace-Retention": "Seconds that jobs are kept after their end, and tombstones after that.",
    "Content-Disposition": "The name of the file; it is never shown by a browser.",
}
OF_STATUS = {
    401: ["WWW-Authenticate"],
    412: ["ETag"],
    429: ["Retry-After", "RateLimit", "RateLimit-Policy"],
    503: ["Retry-After"],
}
"""Header fields of problem responses, by status."""
OF_KIND = {
    problems.NOT_RUNNING: ["Retry-After"],
    problems.INPUT_NOT_READ: ["Retry-After"],
}
"""Those of single problems besides."""
WITH_OFFSET = (problems.INPUT_MISMATCH, problems.INPUT_ENDED, problems.INPUT_LIMIT)
"""Problems whose documents have `expected_offset`."""


class FieldProblem(ContractStruct, frozen=True, kw_only=True):
    """One broken rule."""

    field: str
    """Where: a path such as `files.0.name`, or `body`."""
    message: str
    """What is wrong there."""


class ProblemDocument(ContractStruct, frozen=True, kw_only=True):
    """What went wrong (RFC 9457)."""

    type: str
    """Which kind of problem: stable, a URN. The page about it is the answer's `Link` with `rel="help"`."""
    title: str
    """The kind in words, fixed with it."""
    status: int
    """The HTTP status, again."""
    detail: str
    """What happened, for people; it may change."""
    instance: str
    """Names the request in our logs; also in `X-Request-Id`."""
    errors: tuple[FieldProblem, ...] = ()
    """Every broken rule, where rules of the request were broken."""
    expected_offset: int | UnsetType = UNSET
    """Where the next piece of input begins, where one was refused because of its place."""


@dataclass(frozen=True, slots=True)
class ExtraResponse:
    """Another status of the same response, with its meaning; without an example it has no body."""

    why: str
    example: object = None


NO_JOB = (problems.UNKNOWN_JOB, problems.EXPIRED)
"""The problems of a job id: there is no such job, or not any more."""
NOT_MODIFIED = {304: ExtraResponse("The client has it already")}
NOTHING: dict[int | str, Json] = {204: {"description": HTTPStatus.NO_CONTENT.phrase}}
"""The response of a route without content."""


class DocumentedRouter(APIRouter):
    """The routes of one OpenAPI tag, and the structs that they answer with, by schema name."""

    def __init__(self, prefix: str, *, tag: str, route_class: type[APIRoute] = APIRoute) -> None:
        """Start without routes."""
        super().__init__(prefix=prefix, tags=[tag], route_class=route_class)
        self.structs: dict[str, type[msgspec.Struct]] = {}

    def responses_for(
        self,
        example: object,
        *,
        status: int = 200,
        headers: Sequence[str] = (),
        media_type: str = JSON,
        refusals: Sequence[ProblemType] = (),
        also: dict[int, ExtraResponse] | None = None,
        links: Sequence[str] = (),
    ) -> dict[int | str, Json]:
        """The `responses` of a route: its response by an example, other statuses, and its own problems.

        The example is a struct of the response's type, or the content of a file.
        """
        if isinstance(example, msgspec.Struct):
            schema = {"$ref": REF.format(name=type(example).__name__)}
            self.structs[type(example).__name__] = type(example)
        else:
            schema = {"type": "string", "format": "binary"}
        common: Json = {"headers": header_descriptions(headers)}
        if links:
            common["links"] = {name: _link(name) for name in links}
        answers: dict[int | str, Json] = {}
        for code, one in {status: ExtraResponse(HTTPStatus(status).phrase, example), **(also or {})}.items():
            answers[code] = {"description": one.why, **common}
            if one.example is not None:
                answers[code]["content"] = {media_type: {"schema": schema, "example": text_of(one.example)}}
        return answers | problem_responses(refusals)


def problem_responses(kinds: Sequence[ProblemType]) -> dict[int | str, Json]:
    """These problems as `responses`."""
    by_status: defaultdict[int, list[ProblemType]] = defaultdict(list)
    for kind in kinds:
        by_status[int(kind.status)].append(kind)
    return {
        status: {
            "description": " / ".join(kind.title for kind in alike),
            "headers": header_descriptions(_header_names(status, alike)),
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": REF.format(name=ProblemDocument.__name__)},
                    "examples": {kind.slug: {"value": _example(kind)} for kind in alike},
                }
            },
        }
        for status, alike in by_status.items()
    }


def _header_names(status: int, alike: Sequence[ProblemType]) -> list[str]:
    return ["Link", *OF_STATUS.get(status, ()), *(name for kind in alike for name in OF_KIND.get(kind, ()))]


def _example(kind: ProblemType) -> Json:
    return {
        "type": kind.uri,
        "title": kind.title,
        "status": int(kind.status),
        "detail": "for people, and may change",
        "instance": f"urn:headrace:request:{REQUEST}",
        **({"expected_offset": 12} if kind in WITH_OFFSET else {}),
    }


def _link(operation: str) -> Json:
    """An OpenAPI link from the id in a response to the operation of this name."""
    what = "session_id" if "session" in operation else "job_id"
    return {"operationId": operation, "parameters": {what: f"$response.body#/{what}"}}


def header_descriptions(names: Sequence[str]) -> Json:
    return {name: {"description": HEADERS[name], "schema": {"type": "string"}} for name in names}
