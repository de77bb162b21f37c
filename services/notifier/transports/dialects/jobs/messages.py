"""Messages of `jobs`, both ways. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from shared.dialects.results import result_of, word_of
from shared.dialects.times import iso_time
from shared.domain.record import JobRecord

Message: TypeAlias = dict[str, Any]

PONG: Message = {"type": "pong"}
NOT_YOURS = "you have no such job"


@dataclass(frozen=True, slots=True)
class Subscribe:
    """The client asks how one job stands."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Ping:
    """The client asks for a pong."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The client has sent a message that there is not; `why` is for people."""

    why: str


def parse(message: Mapping[str, Any]) -> Subscribe | Ping | Unknown:
    """What a client has sent."""
    match message.get("action"):
        case "subscribe":
            job_id = message.get("job_id")
            return Subscribe(job_id) if isinstance(job_id, str) else Unknown("job_id must be a string")
        case "ping":
            return Ping()
        case _:
            return Unknown("action must be subscribe or ping")


def job_status(job_id: str, began_at: datetime) -> Message:
    """The job runs since then."""
    return {
        "type": "job.status",
        "job_id": job_id,
        "status": "running",
        "timestamp": iso_time(began_at),
    }


def job_result(job: JobRecord) -> Message:
    """The job has ended: the same result as is polled."""
    return {"type": "job.result", "job_id": job.job_id, "status": word_of(job), "result": result_of(job)}


def error(why: str) -> Message:
    """Something that the client sent cannot be answered."""
    return {"type": "error", "message": why}
