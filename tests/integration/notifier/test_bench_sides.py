"""The two sides of `bench.fanout` and `bench.resume` start, and deliver."""

import asyncio

import pytest

from bench.fanout_sides import Side, broadcast_side, client_processes, notifier_side
from headrace.local.nats_server import NatsServer
from shared.jetstream.connection import Broker

CLIENTS = 20


async def delivered(side: Side, count: int) -> int:
    """How many of so many clients are shown one event."""
    async with client_processes() as clients:
        await clients.connect(side, count)
        await clients.expect(count)
        await side.publish()
        return len(await clients.latencies_ms())


@pytest.mark.full
async def test_each_side_of_the_benchmark_delivers(nats_server: NatsServer, broker: Broker) -> None:
    async with notifier_side(nats_server, broker) as ours, broadcast_side() as bare, asyncio.timeout(100):
        assert await delivered(ours, CLIENTS) == CLIENTS
        assert await delivered(bare, CLIENTS) == CLIENTS
