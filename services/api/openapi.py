"""The OpenAPI document: what each route really answers, from the structs that are encoded.

Routes state their answers with `told`; `document` adds the schemas, the security scheme, and the problems
that every route may end in.
"""

from collections import defaultdict
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.api.shapes import ProblemDocument
from shared import problems
from shared.problems import MEDIA_TYPE, ProblemType

Json = dict[str, Any]

REF = "#/components/schemas/{name}"
JSON = "application/json"
EVERYWHERE = (
    problems.UNAUTHENTICATED,
    problems.FORBIDDEN,
    problems.TOO_MANY_REQUESTS,
    problems.INTERNAL,
    problems.UNAVAILABLE,
)
WITH_A_BODY = (problems.BAD_REQUEST, problems.TOO_LARGE)

HEADERS = {
    "Location": "Where the job or session is.",
    "ETag": "The version of what is answered; see `If-None-Match` and `If-Match`.",
    "Idempotency-Replayed": "`true` if the same request was accepted before.",
    "Preference-Applied": "The wait that was granted.",
    "Link": 'The next page, as `rel="next"`.',
    "Retry-After": "Seconds until it is worth trying again.",
    "WWW-Authenticate": "How to prove who is calling.",
    "RateLimit": "What is left of the quota.",
    "RateLimit-Policy": "The quota.",
    "X-Request-Id": "Finds the request in our logs.",
    "Headrace-Retention": "Seconds that jobs are kept after their end, and tombstones after that.",
    "Content-Disposition": "The name of the file; it is never shown by a browser.",
}
LINKS_OF_A_JOB = ("read_job", "read_job_events", "cancel_job", "list_artifacts")
LINKS_OF_A_SESSION = (
    "read_session",
    "save_session",
    "read_session_history",
    "run_session",
    "delete_session",
)
_OF_STATUS = {401: ["WWW-Authenticate"], 429: ["Retry-After"], 503: ["Retry-After"]}
_structs: dict[str, type] = {}


def told(
    body: type | None,
    *,
    status: int = 200,
    headers: Sequence[str] = (),
    media_type: str = JSON,
    refusals: Sequence[ProblemType] = (),
    also: dict[int, str] | None = None,
    links: Sequence[str] = (),
) -> dict[int | str, Json]:
    """The `responses` of a route: its answer, other statuses with a sentence each, and its own problems."""
    answer: Json = {"description": HTTPStatus(status).phrase, "headers": _headers(headers)}
    if links:
        answer["links"] = {name: _link(name) for name in links}
    if body is not None:
        _structs[body.__name__] = body
        answer["content"] = {media_type: {"schema": {"$ref": REF.format(name=body.__name__)}}}
    elif status != HTTPStatus.NO_CONTENT:
        answer["content"] = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    answers: dict[int | str, Json] = {status: answer}
    for other, why in (also or {}).items():
        answers[other] = {**answer, "description": why}
        if other == HTTPStatus.NOT_MODIFIED:
            del answers[other]["content"]
    return answers | _refusals(refusals)


def install(app: FastAPI) -> None:
    """Let the application show this document as its own."""
    made: Json = {}

    def document() -> Json:
        if not made:
            made.update(_document(app))
        return made

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way to replace it


def _document(app: FastAPI) -> Json:
    made: Json = get_openapi(
        title=app.title, version=app.version, routes=app.routes, description=app.description
    )
    schemas: Json = made.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    structs = [*_structs.values(), ProblemDocument]
    schemas |= msgspec.json.schema_components(structs, ref_template=REF)[1]
    made["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    for path, operations in made["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                _without_null(parameter["schema"])
            operation["security"] = [{"bearer": []}]
            kinds = [*EVERYWHERE]
            if "requestBody" in operation:
                kinds += WITH_A_BODY
            if "requestBody" in operation or operation.get("parameters") or "{" in path:
                kinds.append(problems.INVALID)
            _add(operation["responses"], _refusals(kinds))
            for answer in operation["responses"].values():
                answer["headers"] = answer.get("headers", {}) | _headers(("X-Request-Id",))
    return made


def _without_null(schema: Json) -> None:
    """A parameter may be left out, but it cannot be null."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1 and len(schema["anyOf"]) == 2:
        del schema["anyOf"]
        schema |= choices[0]
    elif choices:
        schema["anyOf"] = choices


def _add(answers: Json, more: dict[int | str, Json]) -> None:
    """Problems of one status are one answer with an example of each."""
    if "HTTPValidationError" in str(answers.get("422")):
        del answers["422"]
    for status, answer in more.items():
        known = answers.setdefault(str(status), answer)
        if known is not answer:
            known["content"][MEDIA_TYPE]["examples"] |= answer["content"][MEDIA_TYPE]["examples"]


def _refusals(kinds: Sequence[ProblemType]) -> dict[int | str, Json]:
    by_status: defaultdict[int, list[ProblemType]] = defaultdict(list)
    for kind in kinds:
        by_status[int(kind.status)].append(kind)
    return {
        status: {
            "description": " / ".join(kind.title for kind in alike),
            "headers": _headers(_OF_STATUS.get(status, ())),
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": REF.format(name=ProblemDocument.__name__)},
                    "examples": {kind.slug: {"value": _example(kind)} for kind in alike},
                }
            },
        }
        for status, alike in by_status.items()
    }


def _example(kind: ProblemType) -> Json:
    return {
        "type": kind.uri,
        "title": kind.title,
        "status": int(kind.status),
        "detail": "for people, and may change",
        "instance": "urn:headrace:request:0b1f7c2e5d3a4f6b8c9d0e1f2a3b4c5d",
    }


def _link(operation: str) -> Json:
    """Where the id of an answer leads: to the operation of this name."""
    what = "session_id" if "session" in operation else "job_id"
    return {"operationId": operation, "parameters": {what: f"$response.body#/{what}"}}


def _headers(names: Sequence[str]) -> Json:
    return {name: {"description": HEADERS[name], "schema": {"type": "string"}} for name in names}
