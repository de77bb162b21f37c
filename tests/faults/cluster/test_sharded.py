"""The sharded prototype on three servers: every racer has another server, and one of them wins."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from bench.sharded import story
from bench.sharded.layout import Layout, provision_shards
from bench.sharded.reader import reading
from shared.domain.events import Event, JobQueued
from shared.jetstream.connection import connect
from shared.jetstream.errors import UnreachableError
from shared.jetstream.event_log import Appended, Log
from shared.retry import retry
from shared.settings import BrokerSettings
from tests import builders
from tests.faults.cluster.servers import PASSWORD, USER, Cluster

FOUR = Layout(4)
USERS, JOBS_OF_A_USER = 12, 3


@asynccontextmanager
async def sharded_cluster(directory: Path) -> AsyncIterator[Cluster]:
    """Three servers with one mapping, and four streams of three replicas."""
    cluster = Cluster(directory)
    for server in cluster.servers:
        config = directory / server.name / "nats.conf"
        config.write_text(json.dumps({**json.loads(config.read_text()), "mappings": FOUR.mappings}))
    try:
        await cluster.start_all()
        await cluster.healthy()
        async with cluster.broker() as broker:
            provisioning = partial(provision_shards, broker, FOUR, replicas=3)
            await retry(provisioning, on=UnreachableError, within_s=60, pause_s=0.2)
        yield cluster
    finally:
        await asyncio.gather(*(server.kill() for server in cluster.servers))


async def race(logs: list[Log], queued: JobQueued) -> None:
    """Submit, begin and end one job; all try each step at once, and exactly one succeeds."""
    job, user, expected = queued.job_id, queued.user_id, 0
    steps: list[list[Event]] = [
        [queued, queued, queued],
        [builders.running(job, user, executor_id=name) for name in ("x1", "x2", "x3")],
        [builders.completed(job, user), builders.failed(job, user), builders.cancelled(job, user, 1)],
    ]
    for step in steps:
        results = await asyncio.gather(
            *(
                story.append(log, FOUR, event, expected=expected)
                for log, event in zip(logs, step, strict=True)
            )
        )
        (won,) = (result for result in results if isinstance(result, Appended))
        expected = won.sequence


@pytest.mark.full
async def test_one_of_three_servers_racers_wins_each_step(tmp_path: Path) -> None:
    async with asyncio.timeout(110), sharded_cluster(tmp_path) as cluster, AsyncExitStack() as connections:
        logs = []
        for server in cluster.servers:
            settings = BrokerSettings(nats_url=server.url, nats_user=USER, nats_password=PASSWORD)
            logs.append(Log(await connections.enter_async_context(connect(settings, service="test"))))
        for number in range(USERS * JOBS_OF_A_USER):
            await race(logs, builders.queued(builders.job_id(), f"user {number % USERS}"))
        async with reading(cluster.settings, FOUR, jobs=USERS * JOBS_OF_A_USER) as reader:
            await reader.read_all()
        assert reader.checker.violations(jobs=USERS * JOBS_OF_A_USER) == []
        assert len(reader.checker.users) == 4
