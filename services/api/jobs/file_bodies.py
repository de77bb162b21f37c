"""Files in request bodies: the content itself, or where it is stored already."""

import base64
import binascii
from typing import Annotated, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    TypeAdapter,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from services.api.http.openapi.json_schema import JOB_ID, base64_if, one_content
from services.api.jobs.fields import FileAddress, RelativePath, RequestBody, Text
from services.api.jobs.new_job import FileReference


class StoredBody(RequestBody):
    """A file that is stored already: one that was uploaded, or one that a job left."""

    model_config = ConfigDict(json_schema_extra=one_content())

    file: FileAddress | None = None
    """The address of an uploaded file (`PUT /v1/files`)."""
    job: Annotated[str, Field(pattern=JOB_ID)] | None = None
    """The id of a job of yours that has ended; with `path`."""
    path: RelativePath | None = None
    """The path of a file that the job left."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        self._check_one()
        return self

    def reference(self) -> FileReference:
        """Where the content is stored."""
        return FileReference(file=self.file, job=self.job, path=self.path)

    def _check_one(self, *contents: str | None) -> None:
        ways = [each is not None for each in (*contents, self.file)]
        by_job = {self.job is not None, self.path is not None}
        if by_job == {True, False}:
            raise ValueError("a file that a job left is named by job and path")
        if sum(ways) + (by_job == {True}) != 1:
            raise ValueError(
                "give one of content, file, or job and path" if contents else "give file, or job and path"
            )


_text = TypeAdapter[str](Text)


def _text_or_stored(value: object, _: ValidatorFunctionWrapHandler) -> object:
    """Validate one of the two, so that errors are named by their places alone."""
    if isinstance(value, dict | StoredBody):
        return StoredBody.model_validate(value)
    return _text.validate_python(value, strict=True)


Stdin = Annotated[Text | StoredBody, WrapValidator(_text_or_stored)]
"""The text itself, or where it is stored."""


class FileBody(StoredBody):
    """One file of the program."""

    model_config = ConfigDict(
        json_schema_extra={**base64_if("encoding", "content"), **one_content("content")}
    )

    name: RelativePath
    """Its path below the work directory, with `/` between the parts."""
    content: Text | None = None
    """The file, as text or as base64; or else where it is stored."""
    encoding: Literal["utf-8", "base64"] = "utf-8"
    """`base64` for a file that is not UTF-8."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        self._check_one(self.content)
        return self

    @property
    def is_stored(self) -> bool:
        """Whether the content is not in the request."""
        return self.content is None

    @model_validator(mode="after")
    def _decodable(self) -> Self:
        if self.encoding == "base64" and self.content is not None:
            try:
                base64.b64decode(self.content, validate=True)
            except (binascii.Error, ValueError) as error:
                raise ValueError("the content is not base64") from error
        return self
