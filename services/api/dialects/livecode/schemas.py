"""Request bodies; unknown fields are ignored."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from services.api.dialects.bodies import Program

SESSION_ID_MAX = 256
LANGUAGE_MAX = 64


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain a NUL character")
    return text


Language = Annotated[str, Field(min_length=1, max_length=LANGUAGE_MAX)]
OwnSessionId = Annotated[str, Field(max_length=SESSION_ID_MAX), AfterValidator(_without_nul)]


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, use_attribute_docstrings=True)


class ExecutionBody(_Body):
    """A program to run."""

    session_id: OwnSessionId | None = None
    """The client's own word: executions of one session run in order. It need not name a code session."""
    language: Language
    """A language or its alias."""
    code: Program
    """The program."""


class NewSessionBody(_Body):
    """A new code session; it may be left out whole."""

    language: Language = "python"
    """A language or its alias."""
    source_code: str | None = None
    """The program so far; nothing by default."""
    code: str = ""
    """The same by another name."""

    @property
    def source(self) -> str:
        """The program so far."""
        return self.code if self.source_code is None else self.source_code


class SavedSourceBody(_Body):
    """What changes of a code session; what is left out stays."""

    source_code: str | None = None
    """The program so far."""
    code: str | None = None
    """The same by another name."""
    language: Language | None = None
    """A language or its alias."""

    @model_validator(mode="after")
    def _names_something(self) -> "SavedSourceBody":
        if self.source is None and self.language is None:
            raise ValueError("must have sourceCode, code or language")
        return self

    @property
    def source(self) -> str | None:
        """The program so far, if it changes."""
        return self.code if self.source_code is None else self.source_code
