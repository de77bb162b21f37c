"""The durable pull loop on a real server: nothing is lost, nothing is repeated that was acknowledged."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from headrace.local.nats_server import NatsServer
from shared.contract.subjects import DEAD, EXECUTOR_DURABLE, JOBS
from shared.jetstream.connection import Broker
from shared.jetstream.delivery import Delivery
from shared.jetstream.event_log import Log
from shared.jetstream.message import Message
from shared.jetstream.pull_consumer import PULSE_S, Consumer
from tests import builders

PATIENCE_S = 20.0


class Worker:
    """Takes deliveries as an executor would, and lets a test wait for them."""

    def __init__(self, broker: Broker, want: int = 100) -> None:
        self.got: list[Delivery] = []
        self.forgotten: list[Delivery] = []
        self.wanted = want
        self._changed = asyncio.Event()
        self.consumer = Consumer(
            broker,
            stream=JOBS,
            durable=EXECUTOR_DURABLE,
            fetch_count=lambda: self.wanted - len(self.consumer),
            deliver=self._deliver,
            on_lost=self.forgotten.append,
        )

    def _deliver(self, delivery: Delivery, _: bytes) -> None:
        self.got.append(delivery)
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def working(broker: Broker, want: int = 100) -> AsyncIterator[Worker]:
    worker = Worker(broker, want)
    task = asyncio.create_task(worker.consumer.run())
    try:
        yield worker
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def append_jobs(log: Log, count: int) -> None:
    for _ in range(count):
        await log.append(builders.queued(builders.job_id()), expected=0, patience_s=PATIENCE_S)


async def pending(broker: Broker) -> tuple[int, int]:
    info = await broker.api(f"CONSUMER.INFO.{JOBS}.{EXECUTOR_DURABLE}")
    return int(info["num_ack_pending"]), int(info["num_pending"])


async def nothing_pending(broker: Broker) -> None:
    """The server counts acknowledgements a moment after they arrive."""
    async with asyncio.timeout(20):
        while await pending(broker) != (0, 0):
            continue


async def test_delivers_only_queued_events_and_acks_end_them(broker: Broker, log: Log) -> None:
    first = await log.append(builders.queued(), expected=0, patience_s=PATIENCE_S)
    await log.append(builders.running(), expected=first.sequence, patience_s=PATIENCE_S)  # type: ignore[union-attr]  # it was appended
    async with working(broker) as worker:
        await worker.until(lambda: len(worker.got) == 1)
        assert worker.got[0].subject.endswith(".queued")
        await worker.consumer.ack(worker.got[0])
        await nothing_pending(broker)


async def test_asks_for_no_more_than_is_wanted(broker: Broker, log: Log) -> None:
    await append_jobs(log, 10)
    async with working(broker, want=3) as worker:
        await worker.until(lambda: len(worker.got) == 3)
        assert await pending(broker) == (3, 7)
        await worker.consumer.ack(worker.got[0])
        await worker.until(lambda: len(worker.got) == 4)
        async with asyncio.timeout(20):
            while await pending(broker) != (3, 6):
                continue


async def test_what_is_given_back_goes_to_somebody_else_at_once(broker: Broker, log: Log) -> None:
    await append_jobs(log, 1)
    async with working(broker) as first:
        await first.until(lambda: len(first.got) == 1)
        await first.consumer.stop_pulling()
        async with working(broker) as second:
            await first.consumer.give_back(first.got[0])
            await second.until(lambda: len(second.got) == 1)
            assert second.got[0].delivered == 2


@pytest.mark.full
async def test_a_delivery_is_kept_alive_beyond_the_acknowledgement_wait(broker: Broker, log: Log) -> None:
    """With a wait of 4 s, three heartbeats 3 s apart prove that it would have run out twice."""
    config = (await broker.api(f"CONSUMER.INFO.{JOBS}.{EXECUTOR_DURABLE}"))["config"]
    shorter = {"stream_name": JOBS, "config": {**config, "ack_wait": int(4e9)}}
    await broker.api(f"CONSUMER.CREATE.{JOBS}.{EXECUTOR_DURABLE}.{config['filter_subject']}", shorter)
    await append_jobs(log, 1)
    async with working(broker) as holder:
        await holder.until(lambda: len(holder.got) == 1)
        await holder.consumer.stop_pulling()
        async with working(broker) as other, asyncio.timeout(20):
            await heartbeats(broker, holder, 3)
            assert other.got == []


async def heartbeats(broker: Broker, holder: Worker, count: int) -> None:
    """Wait until so many heartbeats of the holder were seen on their way to the server."""
    seen = asyncio.Semaphore(0)

    async def notice(_: Message) -> None:
        seen.release()

    subscription = await broker.subscribe(holder.got[0].reply, notice)
    for _ in range(count):
        await seen.acquire()
    await subscription.unsubscribe()


@pytest.mark.full
async def test_a_lost_worker_s_delivery_comes_again(broker: Broker, log: Log) -> None:
    await append_jobs(log, 1)
    async with working(broker) as lost:
        await lost.until(lambda: len(lost.got) == 1)
    async with working(broker) as heir:
        await heir.until(lambda: len(heir.got) == 1)
        assert heir.got[0].delivered == 2


async def test_a_terminated_message_is_gone_and_leaves_its_reason(broker: Broker, log: Log) -> None:
    await append_jobs(log, 1)
    async with working(broker) as worker:
        await worker.until(lambda: len(worker.got) == 1)
        await worker.consumer.terminate(worker.got[0], "it is poison")
        advisories: list[bytes] = []
        async with asyncio.timeout(30):
            while not advisories:
                advisories = [
                    entry.payload
                    async for entry in log.replay("$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>", stream=DEAD)
                ]
        assert b"it is poison" in advisories[0]
        await nothing_pending(broker)


async def test_goes_on_after_a_server_restart(broker: Broker, log: Log, nats_server: NatsServer) -> None:
    async with working(broker) as worker:
        await append_jobs(log, 3)
        await worker.until(lambda: len(worker.got) == 3)
        await nats_server.kill()
        await nats_server.start()
        await append_jobs(log, 3)
        await worker.until(lambda: len({delivery.sequence for delivery in worker.got}) == 6)
        for sequence in range(1, 7):
            last = [delivery for delivery in worker.got if delivery.sequence == sequence][-1]
            await worker.consumer.ack(last)
        await nothing_pending(broker)


async def asked_of(broker: Broker, described: str, pulls: int) -> list[float]:
    """When each pull came to a server that ends all of them so at once, for a consumer that is woken all the
    while.
    """
    clock, times = asyncio.get_running_loop().time, list[float]()
    enough = asyncio.Event()

    async def end(message: Message) -> None:
        times.append(clock())
        if len(times) == pulls:
            enough.set()
        await broker.publish(message.reply, b"", headers={"Status": "409", "Description": described})

    subscription = await broker.subscribe(f"$JS.API.CONSUMER.MSG.NEXT.{JOBS}.nobody", end)
    consumer = Consumer(
        broker,
        stream=JOBS,
        durable="nobody",
        fetch_count=lambda: 1,
        deliver=lambda *_: None,
        on_lost=lambda _: None,
    )
    running = asyncio.create_task(consumer.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not enough.is_set():
                consumer.refetch()
                await asyncio.sleep(0)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await subscription.unsubscribe()
    return times


async def test_a_refused_pull_is_not_repeated_at_once_however_often_it_is_woken(broker: Broker) -> None:
    """Without a leader every pull is refused at once."""
    times = await asked_of(broker, "Leadership Change", 4)
    assert all(later - earlier >= PULSE_S for earlier, later in itertools.pairwise(times))


async def test_a_pull_that_has_brought_all_it_may_is_followed_at_once(broker: Broker) -> None:
    times = await asked_of(broker, "Batch Completed", 41)
    assert times[-1] - times[0] < 40 * PULSE_S / 4
