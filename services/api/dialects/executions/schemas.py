"""What clients of the dialect `executions` send, and what they are answered."""

from typing import Annotated

from pydantic import BaseModel, Field

from services.api.dialects.bodies import Program
from shared.dialects.executions import Word
from shared.domain.contract_struct import ContractStruct

LANGUAGE_MAX = 64
"""Characters of a language's name: no language has one that is longer, and the answer repeats it."""


class ExecuteBody(BaseModel):
    """The body of `POST /api/v1/executions/execute`."""

    code: Program
    language: Annotated[str, Field(max_length=LANGUAGE_MAX)] = "python"
    input_data: str = ""
    """The program's standard input."""


class Accepted(ContractStruct, frozen=True, kw_only=True):
    """The execution is stored."""

    execution_id: str
    status: Word
    message: str


class ExecutionStatus(ContractStruct, frozen=True, kw_only=True):
    """An execution: thirteen fields, each always there. Times have milliseconds and `Z`."""

    execution_id: str
    user_id: str
    code: str
    language: str
    """By the name that was sent."""
    input_data: str
    status: Word
    output: str
    error_output: str
    execution_time: str | None
    memory_usage: str | None
    created_at: str
    updated_at: str
    """The time of its last event."""
    completed_at: str | None


class Health(ContractStruct, frozen=True, kw_only=True):
    """The api answers."""

    status: str
    service: str
    timestamp: str


class Readiness(ContractStruct, frozen=True, kw_only=True):
    """Whether the api can do its work."""

    status: str
