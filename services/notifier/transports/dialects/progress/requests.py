"""What a client may send: a type and the id of a job; and why it is answered by an error. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

RequestType: TypeAlias = Literal["subscribe", "cancel_job", "request_status"]
TYPES: tuple[RequestType, ...] = get_args(RequestType)

Code: TypeAlias = Literal[
    "INVALID_MESSAGE",
    "JOB_NOT_FOUND",
    "JOB_ALREADY_COMPLETED",
    "SERVICE_UNAVAILABLE",
    "RATE_LIMIT_EXCEEDED",
]

ID_LENGTH_MAX = 128
"""Longest text of a `job_id` that an error repeats, in characters."""


@dataclass(frozen=True, slots=True)
class Request:
    """A message that can be answered."""

    type: RequestType
    job_id: str


class RequestError(Exception):
    """The message is answered by an error, and nothing else is done. The text is for people."""

    def __init__(self, code: Code, message: str, details: Mapping[str, object] | None = None) -> None:
        """`details` are fields of the error's own."""
        super().__init__(message)
        self.code: Code = code
        self.details = details


def parse_request(message: Mapping[str, Any]) -> Request:
    """The request in a client's message. `action` is read where there is no `type`. Raises RequestError."""
    name = message["type"] if "type" in message else message.get("action")
    for known in TYPES:
        if name == known:
            break
    else:
        raise RequestError("INVALID_MESSAGE", f"type is one of {', '.join(TYPES)}")
    job_id = message.get("job_id")
    if not isinstance(job_id, str) or not job_id:
        raise RequestError("INVALID_MESSAGE", "job_id is a text that is not empty")
    return Request(known, job_id)


def job_id_of(message: Mapping[str, Any]) -> str | None:
    """The job that a message names, if an error may repeat it."""
    job_id = message.get("job_id")
    return job_id if isinstance(job_id, str) and 0 < len(job_id) <= ID_LENGTH_MAX else None
