"""Request bodies of /v1/sessions."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from services.api.http.openapi.json_schema import ENV_NAME, base64_if, keys_like
from services.api.jobs.fields import CommandWord, RequestBody, Text, Word
from services.api.jobs.file_bodies import Stdin
from services.api.jobs.new_job import LimitsPolicy
from services.api.jobs.schemas import ARGS_MAX, ENV_MAX, LimitsBody, SubmissionBody
from shared.domain.allowed_words import WORDS_MAX


class RunBody(RequestBody):
    """What a run of a session brings along; what is left out is as in the document."""

    model_config = ConfigDict(json_schema_extra=base64_if("stdin_encoding", "stdin", "object"))

    stdin: Stdin | None = None
    """Instead of the document's standard input: the text, or where it is stored. An interactive program has
    none."""
    stdin_encoding: Literal["utf-8", "base64"] = "utf-8"
    """`base64` for a standard input that is not UTF-8."""
    args: tuple[Word, ...] = Field((), max_length=ARGS_MAX)
    """Instead of the document's arguments."""
    env: dict[Annotated[str, Field(pattern=ENV_NAME)], Word] = Field(
        {}, max_length=ENV_MAX, json_schema_extra=keys_like(ENV_NAME)
    )
    """Instead of the document's environment."""
    limits: LimitsBody = LimitsBody()
    """Instead of the document's limits."""
    limits_policy: LimitsPolicy = "refuse"
    """As in a submission, for these limits; the document's own policy is for the document's limits."""
    compiler_args: tuple[CommandWord, ...] = Field((), max_length=WORDS_MAX)
    """Instead of the document's words for the compiler."""
    interpreter_args: tuple[CommandWord, ...] = Field((), max_length=WORDS_MAX)
    """Instead of the document's words for the interpreter."""


class SessionBody(SubmissionBody):
    """A document that is being written: a submission, and its title."""

    title: Annotated[Text, Field(max_length=256)] = ""
    """What lists show of it."""
