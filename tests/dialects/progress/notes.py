"""Notes of progress as an executor writes them, and what a socket is told."""

import json
from typing import Any

from shared.contract.codec import encode
from shared.contract.subjects import feed_note
from shared.domain.events import JobProgress
from shared.jetstream.connection import Broker
from tests import builders
from tests.builders import JOB, NOON
from tests.dialects.clients import Socket

LAST = frozenset({"job_complete", "job_failed", "job_cancelled"})


async def write_note(
    broker: Broker,
    stage: str,
    percent: int,
    message: str,
    *,
    job: str = JOB,
    attempt: int = 1,
    remaining_s: float | None = None,
) -> int:
    """Publish it; returns its sequence in the feed."""
    note = JobProgress(
        job_id=job,
        user_id=builders.USER,
        time=NOON,
        request_id="req-1",
        attempt=attempt,
        stage=stage,
        percent=percent,
        message=message,
        remaining_s=remaining_s,
    )
    answer = await broker.request(feed_note(builders.USER, job, "progress"), encode(note))
    return int(json.loads(answer.data)["seq"])


async def subscribe(socket: Socket, job: str = JOB) -> dict[str, Any]:
    """Subscribe, and return the confirmation."""
    await socket.send({"type": "subscribe", "job_id": job})
    confirmed = await socket.next()
    assert confirmed["type"] == "subscribed", confirmed
    return confirmed


async def until_end(socket: Socket) -> list[dict[str, Any]]:
    """All messages up to the end of a job."""
    messages = [await socket.next()]
    while messages[-1]["type"] not in LAST:
        messages.append(await socket.next())
    return messages


async def code_of(socket: Socket, message: object) -> str:
    """The code of the error that answers a message."""
    await socket.send(message)
    answer = await socket.next()
    assert answer["type"] == "error", answer
    return str(answer["code"])
