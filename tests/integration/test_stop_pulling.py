"""Who stops to pull answers for everything that the server had sent by then: for a while nobody else can."""

import asyncio

from shared.jetstream.connection import Broker
from shared.jetstream.delivery import ACK_WAIT_S
from shared.jetstream.event_log import Log
from shared.jetstream.message import Message
from tests.integration.test_consumer import append_jobs, working

COUNT = 600
SOON_S = ACK_WAIT_S / 2
"""What was lost on its way comes again only when its answer is overdue; all else at once."""


async def test_what_the_server_has_sent_is_handled_before_a_subscription_ends(broker: Broker) -> None:
    """The server takes these and the end one after the other."""
    for _ in range(20):
        got: list[bytes] = []

        async def take(message: Message, got: list[bytes] = got) -> None:
            got.append(message.data)

        inbox = broker.inbox()
        subscription = await broker.subscribe(inbox, take)
        for number in range(COUNT):
            await broker.publish(inbox, b"%d" % number)
        await subscription.drain()
        assert got == [b"%d" % number for number in range(COUNT)]


async def test_what_is_on_its_way_arrives_before_pulling_has_stopped(broker: Broker, log: Log) -> None:
    await append_jobs(log, COUNT)
    async with working(broker, want=COUNT) as worker:
        await worker.until(lambda: len(worker.got) > 0)
        await worker.consumer.stop_pulling()
        stopped_with = len(worker.got)
        async with working(broker, want=COUNT) as other, asyncio.timeout(SOON_S):
            await other.until(lambda: len(worker.got) + len(other.got) >= COUNT)
        assert len(worker.got) == stopped_with
    assert len({delivery.sequence for delivery in worker.got + other.got}) == COUNT
