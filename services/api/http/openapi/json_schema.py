"""JSON Schema for the validators of `schemas`, as far as it can express them."""

from pydantic.config import JsonDict

ENV_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"
LABEL_NAME = r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$"

NO_NUL: JsonDict = {"pattern": r"^[^\u0000]*$"}

ONE_SOURCE: JsonDict = {
    "oneOf": [
        {"required": ["code"], "properties": {"code": {"type": "string"}, "files": {"type": "null"}}},
        {"required": ["files"], "properties": {"files": {"type": "array"}, "code": {"type": "null"}}},
    ]
}


def path_schema(length_max: int) -> JsonDict:
    """A relative path without empty, `.` or `..` parts, and without control characters."""
    return {
        "type": "string",
        "pattern": r"^(?!/)(?!(?:.*/)?\.{0,2}(?:/|$))(?!.*[^/]{256})[^\u0000-\u001f\u007f]+$",
        "maxLength": length_max,
    }


def keys_like(pattern: str) -> JsonDict:
    """An object whose keys all match a pattern."""
    return {"propertyNames": {"pattern": pattern}, "additionalProperties": False}


def base64_if(encoding: str, content: str) -> JsonDict:
    """The field `content` is base64 if the field `encoding` says so."""
    return {
        "if": {"properties": {encoding: {"const": "base64"}}, "required": [encoding]},
        "then": {
            "properties": {
                content: {
                    "type": ["string", "null"],
                    "pattern": "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
                }
            }
        },
    }
