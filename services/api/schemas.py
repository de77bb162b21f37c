"""What clients may send, with every rule that needs no knowledge of the rest of the system.

File names, labels and arguments are data: never a path of this host, never a subject. A broken rule is
answered with 422 and the place where it was broken.
"""

import base64
import binascii
import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from services.api.json_schema import (
    ENV_NAME,
    LABEL_NAME,
    NO_NUL,
    ONE_SOURCE,
    base64_if,
    keys_like,
    path_schema,
)

FILES_MAX = 64
BATCH_MAX = 100
PATH_BYTES_MAX = 1_024
PATH_PART_BYTES_MAX = 255
PATH_DEPTH_MAX = 16
ARGS_MAX = 256
ENV_MAX = 64
LABELS_MAX = 16
PATTERNS_MAX = 16
PATTERN_BYTES_MAX = 256
TTL_S_MIN = 60
WORD_BYTES_MAX = 32 * 1024


def _encodable(text: str) -> str:
    """JSON can escape half of a surrogate pair, which is no character and cannot be stored."""
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
    """A path that stays inside the work directory however it is read (adversarial program 16)."""
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
    """A glob that can only match inside the work directory; bounded, because each file is matched with it."""
    if len(pattern.encode()) > PATTERN_BYTES_MAX:
        raise ValueError(f"is longer than {PATTERN_BYTES_MAX} bytes")
    return _relative_path(pattern)


def _not_spelled(number: object) -> object:
    """A number in quotes, or a truth, is a mistake and not a number."""
    if isinstance(number, str | bool):
        raise ValueError("must be a number")
    return number


AsNumber = BeforeValidator(_not_spelled)
"""Comes after the bounds of a number, or JSON Schema would not be told of them."""
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
LabelValue = Annotated[Text, Field(max_length=256, json_schema_extra=NO_NUL), AfterValidator(_without_nul)]


class _Request(BaseModel):
    """A body in which an unknown field is a mistake worth telling."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FileBody(_Request):
    """One file of the program; `content` is text, or base64 where it is not UTF-8."""

    model_config = ConfigDict(json_schema_extra=base64_if("encoding", "content"))

    name: RelativePath
    content: Text
    encoding: Literal["utf-8", "base64"] = "utf-8"

    @model_validator(mode="after")
    def _decodable(self) -> Self:
        if self.encoding == "base64":
            try:
                base64.b64decode(self.content, validate=True)
            except (binascii.Error, ValueError) as error:
                raise ValueError("the content is not base64") from error
        return self


class LimitsBody(_Request):
    """Limits for the run stage; what is left out keeps the language's default."""

    wall_ms: Annotated[int, Field(ge=1), AsNumber] | None = None
    cpu_ms: Annotated[int, Field(ge=1), AsNumber] | None = None
    memory_bytes: Annotated[int, Field(ge=1024 * 1024), AsNumber] | None = None
    processes: Annotated[int, Field(ge=1), AsNumber] | None = None
    disk_bytes: Annotated[int, Field(ge=4096), AsNumber] | None = None
    output_bytes: Annotated[int, Field(ge=0), AsNumber] | None = None
    files_open: Annotated[int, Field(ge=8), AsNumber] | None = None
    stack_bytes: Annotated[int, Field(ge=1024 * 1024), AsNumber] | None = None


class SubmissionBody(_Request):
    """A program to run: `code` for one file, or `files`; `artifacts` are patterns of files to keep.

    `ttl_s` is for how long the job is kept after its end.
    """

    model_config = ConfigDict(json_schema_extra={**ONE_SOURCE, **base64_if("stdin_encoding", "stdin")})

    language: Text = Field(min_length=1, max_length=64)
    code: Text | None = None
    files: Annotated[tuple[FileBody, ...], Field(min_length=1, max_length=FILES_MAX)] | None = None
    entrypoint: RelativePath | None = None
    stdin: Text | None = None
    stdin_encoding: Literal["utf-8", "base64"] = "utf-8"
    args: tuple[Word, ...] = Field((), max_length=ARGS_MAX)
    env: dict[Annotated[str, Field(pattern=ENV_NAME)], Word] = Field(
        {}, max_length=ENV_MAX, json_schema_extra=keys_like(ENV_NAME)
    )
    limits: LimitsBody = LimitsBody()
    labels: dict[Annotated[str, Field(pattern=LABEL_NAME)], LabelValue] = Field(
        {}, max_length=LABELS_MAX, json_schema_extra=keys_like(LABEL_NAME)
    )
    artifacts: tuple[Pattern, ...] = Field((), max_length=PATTERNS_MAX)
    ttl_s: Annotated[int, Field(ge=TTL_S_MIN), AsNumber] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.code is None) == (self.files is None):
            raise ValueError("give either code or files")
        return self

    @model_validator(mode="after")
    def _distinct_files(self) -> Self:
        names = [file.name for file in self.files or ()]
        folders = {name[: match.start()] for name in names for match in re.finditer("/", name)}
        if len(set(names)) != len(names):
            raise ValueError("two files have the same name")
        if folders & set(names):
            raise ValueError(f"{min(folders & set(names))!r} is both a file and a folder")
        return self

    @model_validator(mode="after")
    def _decodable_stdin(self) -> Self:
        if self.stdin is not None and self.stdin_encoding == "base64":
            try:
                base64.b64decode(self.stdin, validate=True)
            except (binascii.Error, ValueError) as error:
                raise ValueError("the standard input is not base64") from error
        return self


class RunBody(_Request):
    """What a run of a session brings along; what is left out is as in the document."""

    model_config = ConfigDict(json_schema_extra=base64_if("stdin_encoding", "stdin"))

    stdin: Text | None = None
    stdin_encoding: Literal["utf-8", "base64"] = "utf-8"
    args: tuple[Word, ...] = Field((), max_length=ARGS_MAX)
    env: dict[Annotated[str, Field(pattern=ENV_NAME)], Word] = Field(
        {}, max_length=ENV_MAX, json_schema_extra=keys_like(ENV_NAME)
    )
    limits: LimitsBody = LimitsBody()


class SessionBody(SubmissionBody):
    """A document that is being written: a submission, and its title."""

    title: Annotated[Text, Field(max_length=256)] = ""


class BatchBody(_Request):
    """Several submissions. Each is checked by itself: one that is wrong does not refuse the others."""

    jobs: tuple[Any, ...] = Field(min_length=1, max_length=BATCH_MAX)
