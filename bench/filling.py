"""A log full of finished jobs, written as fast as the server takes them: many publishes under way at once."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

from headrace.local.nats_server import NatsServer
from shared.contract.codec import encode
from shared.contract.subjects import job_event
from shared.domain.events import Event, JobCompleted, JobQueued, JobRunning, Limits, SourceFile, kind_of
from shared.domain.result import Output, Result, StageReport
from shared.jetstream.connection import Broker, connect
from shared.jetstream.message import Message
from shared.jetstream.stream_config import ProvisionSettings
from shared.provision import provision
from shared.settings import BrokerSettings

UNDER_WAY = 2_000
EVENTS_OF_A_JOB = 3
USERS = 1_000


def finished_job(user_id: str) -> tuple[Event, ...]:
    """What the log holds of a job that printed a line, about 1,650 bytes in three events."""
    about = {
        "job_id": str(uuid.uuid4()),
        "user_id": user_id,
        "time": datetime.now(UTC),
        "request_id": uuid.uuid4().hex,
    }
    kept = Output(content="42\n", kept_bytes=3, total_bytes=3)
    stage = StageReport(name="run", wall_ms=12, cpu_ms=9, memory_peak_bytes=9_000_000, exit_code=0)
    result = Result(
        exit_code=0, stdout=kept, stages=(stage,), wall_ms=12, cpu_ms=9, memory_peak_bytes=9_000_000
    )
    return (
        JobQueued(
            **about,  # type: ignore[arg-type]  # the fields of every event
            language="python",
            files=(SourceFile(name="main.py", content="print(6 * 7)\n"),),
            entrypoint="main.py",
            fingerprint="f" * 64,
            limits=Limits(),
        ),
        JobRunning(**about, attempt=1, executor_id="x1", queue_wait_ms=3),  # type: ignore[arg-type]  # as above
        JobCompleted(**about, attempt=1, result=result),  # type: ignore[arg-type]  # as above
    )


async def fill(broker: Broker, jobs: Iterator[tuple[Event, ...]]) -> int:
    """Store all events of the jobs in order; returns how many. Raises RuntimeError if one was refused."""
    stored = sent = 0
    refused: list[bytes] = []
    moved = asyncio.Event()

    async def on_answer(message: Message) -> None:
        nonlocal stored
        stored += 1
        if b'"error"' in message.data:
            refused.append(message.data)
        moved.set()

    inbox = broker.inbox()
    subscription = await broker.subscribe(inbox, on_answer)

    async def until_at_most(count: int) -> None:
        while sent - stored > count:
            moved.clear()
            async with asyncio.timeout(30):
                await moved.wait()

    for job in jobs:
        for event in job:
            subject = job_event(event.user_id, event.job_id, kind_of(event))
            await broker.publish(subject, encode(event), reply=inbox)
            sent += 1
        await until_at_most(UNDER_WAY)
    await until_at_most(0)
    await subscription.unsubscribe()
    if refused:
        raise RuntimeError(json.loads(refused[0])["error"]["description"])
    return stored


def settings_of(server: NatsServer) -> BrokerSettings:
    """How to reach the server."""
    return BrokerSettings(nats_url=server.url, nats_user=server.user, nats_password=server.password)


async def fill_anew(server: NatsServer, jobs: int) -> int:
    """Make the streams, and store so many jobs of many users; returns how many events that are."""
    async with connect(settings_of(server), service="bench") as broker:
        await provision(broker, ProvisionSettings())
        return await fill(broker, (finished_job(f"user-{number % USERS}") for number in range(jobs)))
