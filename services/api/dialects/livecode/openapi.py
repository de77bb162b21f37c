"""OpenAPI document of the dialect."""

from typing import Any

from pydantic.json_schema import models_json_schema

from services.api.dialects.livecode.answers import STATUSES
from services.api.dialects.livecode.schemas import ExecutionBody, NewSessionBody, SavedSourceBody
from shared.version import VERSION

Json = dict[str, Any]

REF = "#/components/schemas/"
ID = {"type": "string", "format": "uuid"}
TEXT = {"type": "string"}
TIME = {"type": "string", "format": "date-time"}
STATUS = {"type": "string", "enum": list(dict.fromkeys(STATUSES.values()))}

ACCEPTED = {"executionId": ID, "status": STATUS}
SESSION = {"session_id": ID, "sessionId": ID, "status": {"const": "ACTIVE"}}
ENDED = {"output": TEXT, "error": TEXT}


def _or_null(schema: Json) -> Json:
    return {**schema, "type": [schema["type"], "null"]}


def _object(properties: Json, optional: Json | None = None) -> Json:
    return {
        "type": "object",
        "properties": {**properties, **(optional or {})},
        "required": list(properties),
    }


ANSWERS: dict[str, Json] = {
    "AcceptedExecution": _object(ACCEPTED),
    "AcceptedRun": _object({"execution_id": ID, **ACCEPTED}),
    "Execution": _object(
        {
            "id": ID,
            **ACCEPTED,
            "stdout": _or_null(TEXT),
            "stderr": _or_null(TEXT),
            "executionTimeMs": {"type": ["integer", "null"], "minimum": 0},
            "createdAt": TIME,
            "startedAt": _or_null(TIME),
            "finishedAt": _or_null(TIME),
        },
        ENDED,
    ),
    "CodeSession": _object(SESSION),
    "CodeSessionWithSource": _object({**SESSION, "language": TEXT, "sourceCode": TEXT}),
    "Error": _object(
        {
            "statusCode": {"type": "integer"},
            "message": {"oneOf": [TEXT, {"type": "array", "items": TEXT}]},
            "error": TEXT,
        }
    ),
}


def document(*, needs_token: bool) -> Json:
    """The document; its server is the folder that it is in, so that it fits every address of the dialect."""
    _, bodies = models_json_schema(
        [(model, "validation") for model in (ExecutionBody, NewSessionBody, SavedSourceBody)],
        ref_template=REF + "{model}",
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Headrace: live coding", "version": VERSION},
        "servers": [{"url": "."}],
        "security": [{"bearer": []}, *([] if needs_token else [{}])],
        "paths": {
            "/executions": {
                "post": _operation(
                    "executions", "Create an execution", 201, "AcceptedExecution", body="ExecutionBody"
                )
            },
            "/executions/{id}": {
                "parameters": [_id_of("execution")],
                "get": _operation("executions", "Read an execution", 200, "Execution"),
            },
            "/code-sessions": {
                "post": _operation(
                    *("code-sessions", "Create a code session", 201, "CodeSession"),
                    body="NewSessionBody",
                    is_body_required=False,
                )
            },
            "/code-sessions/{id}": {
                "parameters": [_id_of("code session")],
                "get": _operation("code-sessions", "Read a code session", 200, "CodeSessionWithSource"),
                "patch": _operation(
                    "code-sessions", "Save a code session", 200, "CodeSession", body="SavedSourceBody"
                ),
            },
            "/code-sessions/{id}/run": {
                "parameters": [_id_of("code session")],
                "post": _operation("code-sessions", "Run a code session", 201, "AcceptedRun"),
            },
        },
        "components": {
            "schemas": {**ANSWERS, **bodies["$defs"]},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _id_of(what: str) -> Json:
    return {
        "name": "id",
        "in": "path",
        "required": True,
        "schema": TEXT,
        "description": f"Id of the {what}.",
    }


def _operation(
    tag: str,
    summary: str,
    status: int,
    answer: str,
    *,
    body: str | None = None,
    is_body_required: bool = True,
) -> Json:
    operation: Json = {
        "tags": [tag],
        "summary": summary,
        "operationId": summary.lower().replace(" ", "_"),
        "responses": {
            str(status): {"description": "It is so.", "content": _json(answer)},
            "default": {"description": "It is not.", "content": _json("Error")},
        },
    }
    if body is not None:
        operation["requestBody"] = {"required": is_body_required, "content": _json(body)}
    return operation


def _json(schema: str) -> Json:
    return {"application/json": {"schema": {"$ref": REF + schema}}}
