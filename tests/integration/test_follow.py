"""The follower on a real server: every message once and in order, whatever restarts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from headrace.local.nats_server import NatsServer
from shared.contract.subjects import FEED, JOBS, QUEUED_SUBJECTS, events_of_kind, feed_note
from shared.domain.events import Event
from shared.jetstream.connection import Broker
from shared.jetstream.errors import UnreachableError
from shared.jetstream.event_log import Log
from shared.jetstream.follower import GATHERED, Follower
from shared.jetstream.stored_message import Entry
from tests import builders
from tests.feed_file import cut_the_feeds_end

PATIENCE_S = 20.0
UNDER_LOAD = 30


class Seen(list[Entry]):
    """What a follower handed over, and a way to wait for how much."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = asyncio.Condition()

    async def handle(self, batch: list[Entry]) -> None:
        async with self._changed:
            self.extend(batch)
            self._changed.notify_all()

    async def payloads(self, payload: bytes, count: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: sum(entry.payload == payload for entry in self) >= count)

    def in_order(self) -> bool:
        return all(one.stored_at <= two.stored_at for one, two in pairwise(self))


@asynccontextmanager
async def following(
    broker: Broker, stream: str, seen: Seen, after: int = 0, told: list[int | str] | None = None
) -> AsyncIterator[Follower]:
    """A follower that runs; `told` gets "break" where it stops, and where it goes on."""
    told = [] if told is None else told
    follower = Follower(
        broker,
        stream,
        seen.handle,
        after=after,
        on_break=lambda: told.append("break"),
        on_resume=told.append,
        service="test",
    )
    task = asyncio.create_task(follower.run())
    try:
        yield follower
    finally:
        task.cancel()


async def append_jobs(log: Log, count: int) -> None:
    for _ in range(count):
        await log.append(builders.queued(builders.job_id()), expected=0, patience_s=PATIENCE_S)


async def test_reads_what_is_there_and_what_comes(broker: Broker, log: Log) -> None:
    seen = Seen()
    await append_jobs(log, 1_200)
    async with following(broker, JOBS, seen) as follower, asyncio.timeout(20):
        await follower.caught_up.wait()
        await append_jobs(log, 5)
        await follower.wait_for(1_205)
    assert [entry.sequence for entry in seen] == list(range(1, 1_206))


async def test_resumes_after_a_position(broker: Broker, log: Log) -> None:
    seen = Seen()
    await append_jobs(log, 10)
    async with following(broker, JOBS, seen, after=7) as follower, asyncio.timeout(30):
        await follower.wait_for(10)
    assert [entry.sequence for entry in seen] == [8, 9, 10]


async def test_an_empty_stream_is_caught_up_at_once(broker: Broker) -> None:
    async with following(broker, JOBS, Seen()) as follower, asyncio.timeout(30):
        await follower.caught_up.wait()


async def _goes_on_across(
    restart: Callable[[], Awaitable[None]], broker: Broker, log: Log, nats_server: NatsServer
) -> None:
    seen = Seen()
    async with following(broker, JOBS, seen) as follower, asyncio.timeout(60):
        for round_number in range(1, 4):
            await append_jobs(log, 40)
            appending = asyncio.create_task(append_jobs(log, 40))
            await restart()
            await nats_server.start()
            await appending
            await follower.wait_for(round_number * 80)
    assert [entry.sequence for entry in seen] == list(range(1, 241))
    assert len({entry.event_id for entry in seen}) == 240


async def test_neither_gap_nor_repeat_across_a_killed_server(
    broker: Broker, log: Log, nats_server: NatsServer
) -> None:
    await _goes_on_across(nats_server.kill, broker, log, nats_server)


@pytest.mark.full
async def test_neither_gap_nor_repeat_across_a_stopped_server(
    broker: Broker, log: Log, nats_server: NatsServer
) -> None:
    await _goes_on_across(nats_server.stop, broker, log, nats_server)


async def test_a_feed_that_lost_its_end_begins_anew(
    broker: Broker, nats_server: NatsServer, tmp_path: Path
) -> None:
    """The feed is not synced: after a crash its sequences are used again, and must not be taken for old."""
    seen = Seen()
    subject = feed_note(builders.USER, builders.JOB, "output")
    told: list[int | str] = []
    async with following(broker, FEED, seen, told=told) as follower, asyncio.timeout(30):
        for _ in range(50):
            await broker.request(subject, b"before")
        await follower.wait_for(50)
        await nats_server.kill()
        cut_the_feeds_end(tmp_path / "nats", 1_000)
        await nats_server.start()
        for _ in range(60):
            await _request_until_answered(broker, subject)
        await seen.payloads(b"after", 60)
    assert seen.in_order()
    assert [entry.payload for entry in seen].count(b"before") == 50
    assert told[0] == "break", "it has begun, which is no going on"
    assert told[-1] == 0, "the number of a message before says nothing of those that come"


async def test_a_feed_that_lost_nothing_goes_on_after_the_last_message(
    broker: Broker, nats_server: NatsServer
) -> None:
    seen = Seen()
    subject = feed_note(builders.USER, builders.JOB, "output")
    told: list[int | str] = []
    async with following(broker, FEED, seen, told=told) as follower, asyncio.timeout(30):
        for _ in range(5):
            await broker.request(subject, b"before")
        await follower.wait_for(5)
        await nats_server.stop()
        await nats_server.start()
        await _request_until_answered(broker, subject)
        await seen.payloads(b"after", 1)
    assert (told[0], told[-1]) == ("break", 5)


async def _request_until_answered(broker: Broker, subject: str) -> None:
    while True:
        with suppress(UnreachableError):
            await broker.request(subject, b"after")
            return


async def test_follows_only_what_it_asked_for_and_no_payloads(broker: Broker, log: Log) -> None:
    seen = Seen()
    job = builders.job_id()
    events: tuple[Event, ...] = (builders.queued(job), builders.running(job), builders.completed(job))
    for number, event in enumerate(events):
        await log.append(event, expected=number, patience_s=PATIENCE_S)
    follower = Follower(
        broker,
        JOBS,
        seen.handle,
        subjects=(QUEUED_SUBJECTS, events_of_kind("completed")),
        without_payloads=True,
        service="test",
    )
    task = asyncio.create_task(follower.run())
    async with asyncio.timeout(30):
        await follower.wait_for(3)
    task.cancel()
    assert [(entry.sequence, entry.payload) for entry in seen] == [(1, b""), (3, b"")]
    assert [entry.subject.rpartition(".")[2] for entry in seen] == ["queued", "completed"]


async def test_is_in_step_when_what_was_to_come_has_been_purged(broker: Broker, log: Log) -> None:
    """Jobs leave with retention while somebody reads towards them."""
    await append_jobs(log, 1_200)
    first = asyncio.Event()
    go_on = asyncio.Event()

    async def handle(_: list[Entry]) -> None:
        first.set()
        await go_on.wait()

    follower = Follower(broker, JOBS, handle, service="test")
    task = asyncio.create_task(follower.run())
    async with asyncio.timeout(PATIENCE_S):
        await first.wait()
        await broker.api(f"STREAM.PURGE.{JOBS}", {"keep": 0})
        go_on.set()
        await follower.caught_up.wait()
    assert follower.position < 1_200, "everything was delivered before it was purged"
    task.cancel()


@pytest.mark.full
async def test_says_how_far_it_is_behind_while_its_handler_is_stuck(broker: Broker, log: Log) -> None:
    go_on = asyncio.Event()

    async def handle(_: list[Entry]) -> None:
        await go_on.wait()

    follower = Follower(broker, JOBS, handle, service="test")
    task = asyncio.create_task(follower.run())
    async with asyncio.timeout(30):
        await follower.caught_up.wait()
        assert follower.progress.unready_reason() is None
        await append_jobs(log, 1)
        while (why := follower.progress.unready_reason()) is None:  # noqa: ASYNC110 - it is a matter of time
            await asyncio.sleep(0.05)
        assert why.startswith("last in step with JOBS 5 s ago")
        go_on.set()
        await follower.wait_for(1)
        while follower.progress.unready_reason():  # noqa: ASYNC110 - the follower tells nobody
            await asyncio.sleep(0.05)
    task.cancel()


async def test_a_message_larger_than_a_pull_comes_in_its_place_and_alone(broker: Broker) -> None:
    """A reader holds little, and whatever the log took comes all the same."""
    sizes = [10, 200_000, 10, 10, 300_000, 300_000, 10]
    for number, size in enumerate(sizes):
        job = builders.job_id()
        subject = f"jobs.alice.{job}.queued"
        await broker.request(subject, bytes([number]) * size)
    batches: list[list[int]] = []

    async def handle(batch: list[Entry]) -> None:
        batches.append([len(entry.payload) for entry in batch])

    follower = Follower(broker, JOBS, handle, bytes_max=100_000, service="test")
    task = asyncio.create_task(follower.run())
    async with asyncio.timeout(PATIENCE_S):
        await follower.wait_for(len(sizes))
    task.cancel()
    assert [size for batch in batches for size in batch] == sizes
    assert all(sum(batch[:-1]) < 100_000 for batch in batches)


async def test_a_batch_is_bounded_however_much_came_while_its_reader_was_busy(broker: Broker) -> None:
    """Once half of the first pull is handled a second one is under way, and both may come at once."""
    begun, size, bytes_max = 600, 30_000, 1_000_000
    batches: list[list[int]] = []
    go_on = asyncio.Event()

    async def store(payload: bytes) -> None:
        await broker.request(f"jobs.alice.{builders.job_id()}.queued", payload)

    async def handle(batch: list[Entry]) -> None:
        batches.append([len(entry.payload) for entry in batch])
        if batch[-1].sequence > begun:
            await go_on.wait()

    async def left() -> int:
        """Messages that the server has not sent to the follower yet."""
        names = (await broker.api(f"CONSUMER.NAMES.{JOBS}"))["consumers"]
        (name,) = [name for name in names if name.startswith("test-")]
        return int((await broker.api(f"CONSUMER.INFO.{JOBS}.{name}"))["num_pending"])

    follower = Follower(broker, JOBS, handle, bytes_max=bytes_max, service="test")
    task = asyncio.create_task(follower.run())
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(begun // 100):
            await asyncio.gather(*(store(b"x") for _ in range(100)))
        await follower.wait_for(begun)
        for _ in range(1 + 50):
            await store(b"x" * size)
        while await left():
            pass
        go_on.set()
        await follower.wait_for(begun + 51)
    task.cancel()
    assert max(map(sum, batches)) > bytes_max // 2, "they came one by one, so nothing was tried"
    assert all(sum(batch[:-1]) < bytes_max for batch in batches)


async def test_a_follower_that_gathers_takes_what_comes_meanwhile_with_it(broker: Broker, log: Log) -> None:
    batches: list[int] = []

    async def handle(batch: list[Entry]) -> None:
        batches.append(len(batch))

    follower = Follower(broker, JOBS, handle, gather_s=1.0, service="test")
    task = asyncio.create_task(follower.run())
    async with asyncio.timeout(PATIENCE_S):
        await follower.caught_up.wait()
        await append_jobs(log, 5)
        await follower.wait_for(5)
        assert len(batches) < 5, "each came alone"
        await append_jobs(log, GATHERED)
        await follower.wait_for(5 + GATHERED)
    task.cancel()
    assert sum(batches) == 5 + GATHERED


async def test_is_in_step_under_a_load_that_never_ends(broker: Broker, log: Log) -> None:
    """While a message is handled the next one comes, so that there is always one more to handle."""
    handled = 0
    in_step_at: list[float] = []
    is_done = asyncio.Event()

    async def handle(batch: list[Entry]) -> None:
        nonlocal handled
        handled += len(batch)
        in_step_at.append(follower.progress.in_step_at)
        if handled < UNDER_LOAD:
            await append_jobs(log, 1)
        else:
            is_done.set()

    await append_jobs(log, 1)
    follower = Follower(broker, JOBS, handle, after=0, service="test")
    task = asyncio.create_task(follower.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await is_done.wait()
    finally:
        task.cancel()
    # The first batches may come before the consumer has a pull under way.
    assert all(later > earlier for earlier, later in pairwise(in_step_at[2:]))


class Impaired(Broker):
    """The connection to a server whose answers to the creation of consumers are late or lost."""

    def __init__(self, broker: Broker, *, needs_s: float = 0.0, loses: int = 0, leads: bool = True) -> None:
        """To create a consumer takes `needs_s`, as over millions of messages. The first answers get lost."""
        self.__dict__.update(broker.__dict__)
        self.needs_s, self.loses, self.leads = needs_s, loses, leads
        self.waits_s = list[float]()
        self.asked = asyncio.Semaphore(0)

    async def api(self, operation: str, body: object = None, *, timeout_s: float = 2.0) -> dict[str, Any]:
        if operation.startswith("CONSUMER.CREATE"):
            self.waits_s.append(timeout_s)
            self.asked.release()
            if len(self.waits_s) <= self.loses:
                await asyncio.Event().wait()
            if timeout_s < self.needs_s:
                raise UnreachableError("no answer")
        elif not self.leads:
            raise UnreachableError("no leader")
        return await super().api(operation, body, timeout_s=timeout_s)


async def test_a_slow_server_is_given_more_time(broker: Broker, log: Log) -> None:
    await append_jobs(log, 3)
    slow = Impaired(broker, needs_s=12.0)
    async with following(slow, JOBS, Seen()) as follower, asyncio.timeout(PATIENCE_S):
        await follower.wait_for(3)
    assert slow.waits_s == [2.0, 4.0, 8.0, 16.0]


async def test_a_stream_without_a_leader_is_asked_again_as_soon(broker: Broker) -> None:
    leaderless = Impaired(broker, needs_s=3.0, leads=False)
    async with following(leaderless, JOBS, Seen()), asyncio.timeout(PATIENCE_S):
        for _ in range(4):
            await leaderless.asked.acquire()
    assert set(leaderless.waits_s) == {2.0}


async def test_a_reconnection_ends_the_wait_for_a_lost_answer(
    broker: Broker, log: Log, nats_server: NatsServer
) -> None:
    await append_jobs(log, 3)
    losing = Impaired(broker, loses=1)
    async with following(losing, JOBS, Seen()) as follower, asyncio.timeout(PATIENCE_S):
        await losing.asked.acquire()
        await nats_server.kill()
        await nats_server.start()
        await follower.wait_for(3)
    assert losing.waits_s == [2.0, 2.0]
