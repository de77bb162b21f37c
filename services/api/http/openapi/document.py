"""The OpenAPI document: what each route really answers, from the structs that are encoded.

Routes state their answers with `told`; `document` adds the schemas, the security scheme, and the problems
that every route may end in.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.api.http.openapi.examples import COMPLETED, REQUEST, text_of
from services.api.http.openapi.field_descriptions import describe
from services.api.jobs.limit_policy import Maxima
from services.api.jobs.responses import ProblemDocument
from shared.contract import problems
from shared.contract.problems import MEDIA_TYPE, ProblemType

Json = dict[str, Any]

REF = "#/components/schemas/{name}"
JSON = "application/json"
EVERYWHERE = (
    problems.UNAUTHENTICATED,
    problems.FORBIDDEN,
    problems.TOO_MANY_REQUESTS,
    problems.TOO_MANY_BODIES,
    problems.INTERNAL,
    problems.UNAVAILABLE,
    problems.TOO_MANY_CONNECTIONS,
    problems.NEWER_EVENT,
)
WITH_A_BODY = (problems.BAD_REQUEST, problems.TOO_LARGE, problems.UNSUPPORTED_MEDIA)

SERVERS = [{"url": "/", "description": "Where this document is."}]
LICENSE = {"name": "Apache License 2.0", "identifier": "Apache-2.0"}
TAGS = {
    "jobs": "Programs to run: submit, list, read and cancel them. Each one's story is a list of events.",
    "sessions": "Documents that are being written, kept with their revisions, and run.",
    "artifacts": "Files that a job left, as far as its submission asked for them.",
    "audit": "Everything that happened to jobs, in log order. Others' jobs need the scope `audit:all`.",
    "languages": "What a program may be written in.",
    "usage": "What the caller holds of what users share, and may hold.",
    "operators": "Jobs whose executor was lost too often, and erasing a user. They need the scope `ops`.",
}
"""Every tag of a route, and what its routes are about."""
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
ACCEPTED_HEADERS = ("Location", "ETag", "Idempotency-Replayed", "Preference-Applied")
LINKS_OF_A_JOB = ("read_job", "read_job_events", "cancel_job", "list_artifacts")
LINKS_OF_A_SESSION = (
    "read_session",
    "save_session",
    "read_session_history",
    "run_session",
    "delete_session",
)
OF_STATUS = {
    401: ["WWW-Authenticate"],
    412: ["ETag"],
    429: ["Retry-After", "RateLimit", "RateLimit-Policy"],
    503: ["Retry-After"],
}
"""The fields that problems of a status bring along."""
answered: dict[str, type[msgspec.Struct]] = {}
"""Every struct that a route answers, by the name of its schema."""


@dataclass(frozen=True, slots=True)
class ExtraResponse:
    """Another status of the same answer, and why; without an example it has no body."""

    why: str
    example: object = None


NOT_MODIFIED = {304: ExtraResponse("The client has it already")}
ENDED_MEANWHILE = {200: ExtraResponse("`Prefer: wait` was given, and the job has ended", COMPLETED)}
NOTHING: dict[int | str, Json] = {204: {"description": HTTPStatus.NO_CONTENT.phrase}}
"""The answer of a route that answers nothing."""


def told(
    example: object,
    *,
    status: int = 200,
    headers: Sequence[str] = (),
    media_type: str = JSON,
    refusals: Sequence[ProblemType] = (),
    also: dict[int, ExtraResponse] | None = None,
    links: Sequence[str] = (),
) -> dict[int | str, Json]:
    """The `responses` of a route: its answer by an example of it, other statuses, and its own problems.

    The example is a struct, whose type is the answer's, or the content of a file.
    """
    if isinstance(example, msgspec.Struct):
        schema = {"$ref": REF.format(name=type(example).__name__)}
        answered[type(example).__name__] = type(example)
    else:
        schema = {"type": "string", "format": "binary"}
    common: Json = {"headers": _headers(headers)}
    if links:
        common["links"] = {name: _link(name) for name in links}
    answers: dict[int | str, Json] = {}
    for code, one in {status: ExtraResponse(HTTPStatus(status).phrase, example), **(also or {})}.items():
        answers[code] = {"description": one.why, **common}
        if one.example is not None:
            answers[code]["content"] = {media_type: {"schema": schema, "example": text_of(one.example)}}
    return answers | refused(refusals)


def install(app: FastAPI, maxima: Maxima) -> None:
    """Let the application show this document as its own, with what the operator chose as the most."""
    made: Json = {}

    def document() -> Json:
        if not made:
            made.update(_document(app, maxima))
        return made

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way to replace it


def _document(app: FastAPI, maxima: Maxima) -> Json:
    made: Json = get_openapi(
        title=app.title,
        version=app.version,
        routes=app.routes,
        description=app.description,
        license_info=LICENSE,
        servers=SERVERS,
        tags=[{"name": name, "description": words} for name, words in TAGS.items()],
    )
    schemas: Json = made.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    structs: list[type[msgspec.Struct]] = [*answered.values(), ProblemDocument]
    schemas |= msgspec.json.schema_components(structs, ref_template=REF)[1]
    describe(schemas, structs)
    for name, fields in maxima.items():
        for field, most in fields.items():
            _bound(schemas[name]["properties"][field], most)
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
            _read_examples(operation)
            _add(operation["responses"], refused(kinds))
            for answer in operation["responses"].values():
                answer["headers"] = answer.get("headers", {}) | _headers(("X-Request-Id",))
    return made


def _read_examples(operation: Json) -> None:
    """Those of requests and answers are text until here; those of problems are not."""
    for part in (operation.get("requestBody", {}), *operation["responses"].values()):
        for media_type, content in part.get("content", {}).items():
            if "example" in content:
                content["example"] = json.loads(content["example"])
            for example in content.get("examples", {}).values() if media_type != MEDIA_TYPE else ():
                example["value"] = json.loads(example["value"])


def _bound(schema: Json, most: int) -> None:
    """An integer, or nothing, is at most this."""
    for choice in schema["anyOf"]:
        if choice["type"] == "integer":
            choice["maximum"] = most


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


def refused(kinds: Sequence[ProblemType]) -> dict[int | str, Json]:
    """These problems as `responses`."""
    by_status: defaultdict[int, list[ProblemType]] = defaultdict(list)
    for kind in kinds:
        by_status[int(kind.status)].append(kind)
    return {
        status: {
            "description": " / ".join(kind.title for kind in alike),
            "headers": _headers(("Link", *OF_STATUS.get(status, ()))),
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
        "instance": f"urn:headrace:request:{REQUEST}",
    }


def _link(operation: str) -> Json:
    """Where the id of an answer leads: to the operation of this name."""
    what = "session_id" if "session" in operation else "job_id"
    return {"operationId": operation, "parameters": {what: f"$response.body#/{what}"}}


def _headers(names: Sequence[str]) -> Json:
    return {name: {"description": HEADERS[name], "schema": {"type": "string"}} for name in names}
