"""One replica becomes three in place, while somebody reads: the log goes on, and then survives its leader."""

import asyncio
import json
from pathlib import Path

import pytest

from shared.contract.subjects import FEED, JOBS, feed_note
from shared.jetstream.connection import Broker
from shared.jetstream.errors import BrokerError
from shared.jetstream.event_log import Log
from shared.jetstream.follower import Follower
from shared.jetstream.stored_message import Entry
from shared.jetstream.stream_config import ProvisionSettings, durables, streams
from shared.provision import provision
from tests import builders
from tests.faults.cluster.servers import PAUSE_S, cluster_of_three

PATIENCE_S = 30.0
GROWN = ProvisionSettings(replicas=3)


@pytest.mark.full
async def test_one_replica_becomes_three(tmp_path: Path) -> None:
    seen: list[int] = []

    async def handle(batch: list[Entry]) -> None:
        seen.extend(entry.sequence for entry in batch)

    async with (
        asyncio.timeout(100),
        cluster_of_three(tmp_path, replicas=1) as cluster,
        cluster.broker() as broker,
    ):
        log = Log(broker)
        follower = Follower(broker, JOBS, handle, service="test")
        following = asyncio.create_task(follower.run())
        await _append(log, 20)
        await _tell(broker)
        await provision(broker, GROWN)
        await _append(log, 20)
        for name in (stream["name"] for stream in streams(GROWN)):
            await _until_replicated(broker, f"STREAM.INFO.{name}")
        for durable in durables():
            await _until_replicated(broker, f"CONSUMER.INFO.{durable.stream}.{durable.config['name']}")
        assert (await broker.api(f"STREAM.INFO.{FEED}"))["config"]["storage"] == "memory"
        await (await cluster.leader()).kill()
        await _append(log, 20)
        await _tell(broker)
        await follower.wait_for(60)
        following.cancel()
        # Provisioning again changes nothing.
        await provision(broker, GROWN)
        assert await log.last_sequence() == 60
    assert seen == list(range(1, 61))


async def _append(log: Log, count: int) -> None:
    for _ in range(count):
        await log.append(builders.queued(builders.job_id()), expected=0, patience_s=PATIENCE_S)


async def _tell(broker: Broker) -> None:
    """Put a note into the feed, as soon as it takes one."""
    while True:
        try:
            answer = await broker.request(feed_note(builders.USER, builders.JOB, "output"), b"{}")
        except BrokerError:
            continue
        assert json.loads(answer.data)["stream"] == FEED
        return


async def _until_replicated(broker: Broker, question: str) -> None:
    """Until a stream or a consumer has two replicas; just after it grew, it may tell of no cluster at all."""
    while True:
        try:
            answer = await broker.api(question)
        except BrokerError:
            continue
        replicas = answer.get("cluster", {}).get("replicas", [])
        if [one["current"] for one in replicas] == [True, True]:
            return
        await asyncio.sleep(PAUSE_S)
