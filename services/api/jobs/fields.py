"""The kinds of values that request bodies hold, each with the rule that it must keep by itself.

File names, labels and arguments are data: never a path of this host, never a subject.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from services.api.http.openapi.json_schema import FILE_ADDRESS, NO_NUL, path_schema
from shared.domain.allowed_words import WORD_LENGTH_MAX

PATH_BYTES_MAX = 1_024
PATH_PART_BYTES_MAX = 255
PATH_DEPTH_MAX = 16
PATTERN_BYTES_MAX = 256
WORD_BYTES_MAX = 32 * 1024
LABEL_VALUE_LENGTH_MAX = 256

LIMIT_MAX = 2**53 - 1
"""The highest number of a limit, whatever becomes of it: every JSON reader has it exactly (RFC 8259, 6)."""


def _encodable(text: str) -> str:
    """Reject lone surrogates: JSON can escape them, but they are no characters and cannot be stored."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("must not contain lone surrogates") from error
    return text


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain a NUL character")
    return text


def _relative_path(path: str) -> str:
    """Check that a path stays inside the work directory in every reading (adversarial program 16)."""
    _without_nul(path)
    parts = path.split("/")
    if path.startswith("/"):
        raise ValueError("must be relative")
    if any(part in {"", ".", ".."} for part in parts):
        raise ValueError("must not have empty, '.' or '..' parts")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in path):
        raise ValueError("must not contain control characters")
    if len(path.encode()) > PATH_BYTES_MAX or any(len(part.encode()) > PATH_PART_BYTES_MAX for part in parts):
        raise ValueError(f"is longer than {PATH_BYTES_MAX} bytes, or a part than {PATH_PART_BYTES_MAX}")
    if len(parts) > PATH_DEPTH_MAX:
        raise ValueError(f"is deeper than {PATH_DEPTH_MAX} folders")
    return path


def _pattern(pattern: str) -> str:
    """Check that a glob matches only inside the work directory; bounded, as every file is matched with it."""
    if len(pattern.encode()) > PATTERN_BYTES_MAX:
        raise ValueError(f"is longer than {PATTERN_BYTES_MAX} bytes")
    return _relative_path(pattern)


def _not_spelled(number: object) -> object:
    """Reject a number in quotes, and a boolean."""
    if isinstance(number, str | bool):
        raise ValueError("must be a number")
    return number


AsNumber = BeforeValidator(_not_spelled)
"""Must follow the bounds of a number, or JSON Schema would lack them."""
Text = Annotated[str, AfterValidator(_encodable)]
RelativePath = Annotated[Text, AfterValidator(_relative_path), WithJsonSchema(path_schema(PATH_BYTES_MAX))]
Pattern = Annotated[
    Text,
    AfterValidator(_pattern),
    WithJsonSchema(path_schema(PATTERN_BYTES_MAX)),
]
Word = Annotated[
    Text, Field(max_length=WORD_BYTES_MAX, json_schema_extra=NO_NUL), AfterValidator(_without_nul)
]
CommandWord = Annotated[
    Text, Field(max_length=WORD_LENGTH_MAX, json_schema_extra=NO_NUL), AfterValidator(_without_nul)
]
"""A word of a command line; the language says which ones it allows."""
FileAddress = Annotated[str, Field(pattern=FILE_ADDRESS)]
LabelValue = Annotated[
    Text,
    Field(max_length=LABEL_VALUE_LENGTH_MAX, json_schema_extra=NO_NUL),
    AfterValidator(_without_nul),
]


class RequestBody(BaseModel):
    """Base of request bodies; unknown fields are errors.

    The docstring below a field is its description in the OpenAPI document.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
