"""JSON Schema for the validators of `schemas`, as far as it can express them."""

from pydantic.config import JsonDict

ENV_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"
JOB_ID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
FILE_ADDRESS = r"^sha256:[0-9a-f]{64}$"
LABEL_NAME = r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$"

NO_NUL: JsonDict = {"pattern": r"^[^\u0000]*$"}

ONE_SOURCE: JsonDict = {
    "oneOf": [
        {"required": ["code"], "properties": {"code": {"type": "string"}, "files": {"type": "null"}}},
        {"required": ["files"], "properties": {"files": {"type": "array"}, "code": {"type": "null"}}},
    ]
}

INTERACTIVE: JsonDict = {
    "if": {"properties": {"interactive": {"const": True}}, "required": ["interactive"]},
    "then": {"properties": {"stdin": {"type": "null"}}},
    "else": {"properties": {"terminal": {"type": "null"}, "idle_s": {"type": "null"}}},
}
"""An interactive program has no standard input of its own, and only such a program has the other fields."""

STORED_NAMES = ("file", "job", "path")


def one_content(*contents: str) -> JsonDict:
    """Either one of these fields, or the address of a stored file, or a job and a path of it."""

    def only(*used: str) -> JsonDict:
        others = [name for name in (*contents, *STORED_NAMES) if name not in used]
        properties: JsonDict = {name: {"type": "string"} for name in used}
        properties.update({name: {"type": "null"} for name in others})
        return {"required": list(used), "properties": properties}

    return {"oneOf": [*(only(name) for name in contents), only("file"), only("job", "path")]}


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


def base64_if(encoding: str, content: str, *others: str) -> JsonDict:
    """Text of the field `content` is base64 if the field `encoding` says so; `others` are its other types."""
    return {
        "if": {"properties": {encoding: {"const": "base64"}}, "required": [encoding]},
        "then": {
            "properties": {
                content: {
                    "type": ["string", "null", *others],
                    "pattern": "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
                }
            }
        },
    }
