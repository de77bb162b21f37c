"""Request bodies about the input of a job."""

import base64
import binascii
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StrictBool, model_validator

from services.api.http.openapi.json_schema import base64_if
from services.api.jobs.fields import LIMIT_MAX, AsNumber, RequestBody, Text
from shared.domain.enumerations import SignalName
from shared.domain.interaction import PIECE_BYTES_MAX
from shared.domain.job_input import NewPiece

BASE64_LENGTH_MAX = (PIECE_BYTES_MAX + 2) // 3 * 4
"""Characters of the longest piece as base64."""


class InputBody(RequestBody):
    """A piece of a job's input: at most 64 KiB."""

    model_config = ConfigDict(
        json_schema_extra={
            **base64_if("encoding", "content"),
            "else": {"properties": {"content": {"maxLength": PIECE_BYTES_MAX}}},
        }
    )

    offset: Annotated[int, Field(ge=0, le=LIMIT_MAX), AsNumber]
    """How many bytes of the input come before it. The same piece at the same offset is the same piece."""
    content: Annotated[Text, Field(max_length=BASE64_LENGTH_MAX)] = ""
    """The piece, as text or as base64."""
    encoding: Literal["utf-8", "base64"] = "utf-8"
    """`base64` for a piece that is not UTF-8."""
    end: StrictBool = False
    """Whether the input ends after it."""
    secret: StrictBool = False
    """Whether it is kept nowhere once the program has it: a password."""

    @cached_property
    def _bytes(self) -> bytes:
        if self.encoding == "base64":
            return base64.b64decode(self.content, validate=True)
        return self.content.encode()

    @model_validator(mode="after")
    def _decodable(self) -> Self:
        try:
            size = len(self._bytes)
        except (binascii.Error, ValueError) as error:
            raise ValueError("the content is not base64") from error
        if size > PIECE_BYTES_MAX:
            raise ValueError(f"a piece has at most {PIECE_BYTES_MAX} bytes, and this one has {size}")
        return self

    def to_piece(self) -> NewPiece:
        """The piece as a value."""
        return NewPiece(offset=self.offset, content=self._bytes, end=self.end, secret=self.secret)


class SignalBody(RequestBody):
    """A signal for a program."""

    signal: SignalName
    """Which one."""
