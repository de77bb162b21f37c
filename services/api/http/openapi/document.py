"""Builds the OpenAPI document, with the schemas of the structs that routes really encode.

Routes declare their responses with `DocumentedRouter.responses_for`. This module adds the schemas, the
security scheme, and the problems that every route may return.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.api.http.openapi.field_descriptions import describe
from services.api.http.openapi.responses import (
    REF,
    Json,
    Maxima,
    ProblemDocument,
    header_descriptions,
    problem_responses,
)
from shared.contract import problems
from shared.contract.problems import MEDIA_TYPE

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


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an operator's settings add to schemas of request bodies, by their names.

    `maxima` are of single fields; each of `rules` is a schema that the whole body must fulfil besides.
    """

    maxima: Maxima
    rules: Mapping[str, Json]


def install(
    app: FastAPI, structs: Mapping[str, type[msgspec.Struct]], bounds: Bounds, tags: Mapping[str, str]
) -> None:
    """Make this the application's OpenAPI document.

    `structs` are the response types by schema name; `tags` describes each tag.
    """
    made: Json = {}

    def document() -> Json:
        if not made:
            made.update(_document(app, structs, bounds, tags))
        return made

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way to replace it


def _document(
    app: FastAPI, structs: Mapping[str, type[msgspec.Struct]], bounds: Bounds, tags: Mapping[str, str]
) -> Json:
    made: Json = get_openapi(
        title=app.title,
        version=app.version,
        routes=app.routes,
        description=app.description,
        license_info=LICENSE,
        servers=SERVERS,
        tags=[{"name": name, "description": words} for name, words in tags.items()],
    )
    schemas: Json = made.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    struct_types: list[type[msgspec.Struct]] = [*structs.values(), ProblemDocument]
    schemas |= msgspec.json.schema_components(struct_types, ref_template=REF)[1]
    describe(schemas, struct_types)
    _add_bounds(schemas, bounds)
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
            _add(operation["responses"], problem_responses(kinds))
            for answer in operation["responses"].values():
                answer["headers"] = answer.get("headers", {}) | header_descriptions(("X-Request-Id",))
    return made


def _read_examples(operation: Json) -> None:
    """Decode the examples of requests and responses, which are text until here; those of problems are not."""
    for part in (operation.get("requestBody", {}), *operation["responses"].values()):
        for media_type, content in part.get("content", {}).items():
            if "example" in content:
                content["example"] = json.loads(content["example"])
            for example in content.get("examples", {}).values() if media_type != MEDIA_TYPE else ():
                example["value"] = json.loads(example["value"])


def _add_bounds(schemas: Json, bounds: Bounds) -> None:
    for name, fields in bounds.maxima.items():
        for field, most in fields.items():
            _bound(schemas[name]["properties"][field], most)
    for name, rule in bounds.rules.items():
        schemas[name].setdefault("allOf", []).append(rule)


def _bound(schema: Json, most: int) -> None:
    """Add a maximum to an integer schema, nullable or not."""
    for choice in schema["anyOf"]:
        if choice["type"] == "integer":
            choice["maximum"] = most


def _without_null(schema: Json) -> None:
    """Remove null from a parameter's schema: a parameter may be absent, but cannot be null."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1 and len(schema["anyOf"]) == 2:
        del schema["anyOf"]
        schema |= choices[0]
    elif choices:
        schema["anyOf"] = choices


def _add(answers: Json, more: dict[int | str, Json]) -> None:
    """Merge responses: problems of one status become one response with an example of each."""
    if "HTTPValidationError" in str(answers.get("422")):
        del answers["422"]
    for status, answer in more.items():
        known = answers.setdefault(str(status), answer)
        if known is not answer:
            known["content"][MEDIA_TYPE]["examples"] |= answer["content"][MEDIA_TYPE]["examples"]
