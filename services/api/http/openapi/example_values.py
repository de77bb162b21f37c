"""Values used by the examples of several features."""

from datetime import UTC, datetime

import msgspec
from fastapi.openapi.models import Example
from pydantic import BaseModel

REQUEST = "0b1f7c2e5d3a4f6b8c9d0e1f2a3b4c5d"
VERSION, ENTRYPOINT = "3.13.5", "main.py"
"""Version and entrypoint of the example programs' language."""
NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
"""Start time of the example events."""


def requests(*bodies: BaseModel) -> dict[str, Example]:
    """Examples of a request's body, as text, because FastAPI drops null values from its document."""
    return {
        f"example {number}": Example(value=body.model_dump_json(exclude_unset=True))
        for number, body in enumerate(bodies, start=1)
    }


def text_of(answer: object) -> str:
    """A response's JSON, as text for the same reason."""
    return msgspec.json.encode(answer).decode()
