"""A log with a long history: three events of each of many finished jobs, stored as fast as can be."""

import uuid
from datetime import UTC, datetime
from typing import Any

import nats  # noqa: TID251 - publishing without waiting is what the broker has no call for

from headrace.local.nats_server import NatsServer
from shared.broker import Broker, connect
from shared.codec import encode
from shared.events import (
    EventBase,
    JobCompleted,
    JobQueued,
    JobRunning,
    Limits,
    Output,
    Result,
    SourceFile,
    StageReport,
    kind_of,
)
from shared.settings import BrokerSettings
from shared.streams import ProvisionSettings, provision
from shared.subjects import JOBS, job_event

EVENTS_PER_JOB = 3
USERS = 1_000
FLUSH_EVERY = 2_000


def settings_of(server: NatsServer) -> BrokerSettings:
    """How to reach the server."""
    return BrokerSettings(nats_url=server.url, nats_user=server.user, nats_password=server.password)


async def provisioned(server: NatsServer) -> None:
    """Make the streams."""
    async with connect(settings_of(server), service="bench") as broker:
        await provision(broker, ProvisionSettings())


async def fill(server: NatsServer, jobs: int) -> int:
    """Store so many finished jobs of many users; returns the last sequence. Waits until all are stored."""
    client = await nats.connect(server.url, user=server.user, password=server.password)
    async with connect(settings_of(server), service="bench") as broker:
        before = await last_sequence(broker)
        for number in range(jobs):
            for event in _life(f"user-{number % USERS}"):
                await client.publish(job_event(event.user_id, event.job_id, kind_of(event)), encode(event))
            if number % FLUSH_EVERY == 0:
                await client.flush()
        await client.flush()
        while (last := await last_sequence(broker)) < before + EVENTS_PER_JOB * jobs:
            continue
    await client.close()
    return last


async def last_sequence(broker: Broker) -> int:
    """Of the log."""
    return int((await broker.api(f"STREAM.INFO.{JOBS}", timeout_s=30))["state"]["last_seq"])


def _life(user_id: str) -> list[EventBase]:
    now = datetime.now(UTC)
    about: dict[str, Any] = {
        "job_id": str(uuid.uuid4()),
        "user_id": user_id,
        "time": now,
        "request_id": uuid.uuid4().hex,
    }
    printed = Output(content="hello, world\n" * 8, kept_bytes=104, total_bytes=104)
    stage = StageReport(name="run", wall_ms=4, cpu_ms=3, memory_peak_bytes=5_000_000, exit_code=0)
    return [
        JobQueued(
            **about,
            language="python",
            files=(SourceFile(name="main.py", content="print('hello, world')\n" * 8),),
            entrypoint="main.py",
            fingerprint="0" * 64,
            limits=Limits(),
            labels={"course": "cs101"},
        ),
        JobRunning(**about, attempt=1, executor_id="bench", queue_wait_ms=1, language_version="3.11"),
        JobCompleted(
            **about,
            attempt=1,
            result=Result(exit_code=0, stdout=printed, stages=(stage,), wall_ms=4, cpu_ms=3),
        ),
    ]
