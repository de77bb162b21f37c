"""The scheduler on a real log, with work that only writes events: who starts when, and what is given back."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from services.executor.sandbox.interface import Sandbox
from services.executor.scheduling.actions import Ack, Disposition
from services.executor.scheduling.cell_supply import CellSupply
from services.executor.scheduling.execution import Execution
from services.executor.scheduling.prefetch import SLOT_WAIT_S
from services.executor.scheduling.scheduler import Scheduler
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from services.executor.settings import ExecutorSettings
from shared.contract.subjects import EXECUTOR_DURABLE, JOBS
from shared.domain.events import SourceFile
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Appended, Log
from shared.jetstream.follower import Follower
from shared.observability import metrics
from tests import builders

PATIENCE_S = 20.0
ROUNDS = 10


class Worker:
    """An executor without a sandbox: each job lasts until the test lets it end."""

    def __init__(self, broker: Broker, log: Log, **settings: int) -> None:
        self._log = log
        self._changed = asyncio.Event()
        self.started: list[str] = []
        self.started_at: list[float] = []
        self.stopped: dict[str, str] = {}
        self.may_end: dict[str, asyncio.Event] = {}
        self.end_all = False
        unfinished = UnfinishedJobs()
        self.unfinished = unfinished
        options = ExecutorSettings(**settings)  # type: ignore[arg-type]  # a test names real settings
        self.supply = CellSupply(cast("Sandbox", None), patience_s=60.0)
        self.scheduler = Scheduler(
            broker, options, unfinished, self._work, lambda name: name == "python", self.supply
        )
        self.follower = Follower(broker, JOBS, self.scheduler.follow, service="test")

    async def _work(self, execution: Execution) -> Disposition:
        queued = execution.queued
        known = self.unfinished.get(queued.job_id)
        assert known is not None
        begun = await self._log.append(
            builders.running(queued.job_id, queued.user_id),
            expected=known.last_sequence,
            patience_s=PATIENCE_S,
        )
        assert isinstance(begun, Appended)
        execution.set_attempt(1)
        self.started.append(queued.job_id)
        self.started_at.append(asyncio.get_running_loop().time())
        self._changed.set()
        allowed = self.may_end.setdefault(queued.job_id, asyncio.Event())
        if not self.end_all:
            ends = [asyncio.ensure_future(one.wait()) for one in (allowed, execution.stop)]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for end in ends:
                end.cancel()
        if execution.stop_reason is not None:
            self.stopped[queued.job_id] = execution.stop_reason
        known = self.unfinished.get(queued.job_id)
        await self._log.append(
            builders.completed(queued.job_id, queued.user_id),
            expected=max(begun.sequence, known.last_sequence if known else 0),
            patience_s=PATIENCE_S,
        )
        return Ack()

    def end(self, job_id: str) -> None:
        self.may_end.setdefault(job_id, asyncio.Event()).set()

    async def until_count(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.started) < count:
                self._changed.clear()
                await self._changed.wait()

    async def until_started(self, *job_ids: str) -> None:
        async with asyncio.timeout(30):
            while not set(job_ids) <= set(self.started):
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def working(broker: Broker, log: Log, **settings: int) -> AsyncIterator[Worker]:
    """One that knows the log as it is now before its first delivery, so that a test's turns are certain."""
    worker = Worker(broker, log, **settings)
    tasks = [asyncio.create_task(worker.follower.run())]
    last = (await broker.api(f"STREAM.INFO.{JOBS}"))["state"]["last_seq"]
    async with asyncio.timeout(30):
        await worker.follower.wait_for(last)
    tasks.append(asyncio.create_task(worker.scheduler.run()))
    try:
        yield worker
    finally:
        worker.end_all = True
        for job_id in list(worker.may_end):
            worker.end(job_id)
        await worker.scheduler.drain(grace_s=10)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def submit(log: Log, user: str, count: int = 1, **changes: object) -> list[str]:
    jobs = [builders.job_id() for _ in range(count)]
    for job in jobs:
        await log.append(builders.queued(job, user, **changes), expected=0, patience_s=PATIENCE_S)
    return jobs


async def pending(broker: Broker) -> tuple[int, int]:
    info = await broker.api(f"CONSUMER.INFO.{JOBS}.{EXECUTOR_DURABLE}")
    return int(info["num_ack_pending"]), int(info["num_pending"])


async def delivered(broker: Broker, *, all_but: int = 0) -> None:
    """Every job but so many has been delivered once."""
    async with asyncio.timeout(30):
        while (await pending(broker))[1] > all_but:
            continue


async def test_one_users_thousand_jobs_do_not_hide_anothers(broker: Broker, log: Log) -> None:
    """More jobs wait in one lane than may be held at all; the other user's only job still starts at once."""
    heavy = await submit(log, "heavy", 100)
    (light,) = await submit(log, "light")
    async with working(broker, log, slots=2, held_max=10) as worker:
        await worker.until_started(heavy[0], light)
        assert worker.started == [heavy[0], light]


async def test_large_programs_are_held_by_their_size(broker: Broker, log: Log) -> None:
    source = (SourceFile(name="main.py", content="x" * 100_000),)
    heavy = await submit(log, "heavy", 20, files=source)
    (light,) = await submit(log, "light")
    async with working(broker, log, slots=2, held_bytes_max=300_000) as worker:
        await worker.until_started(heavy[0], light)


async def test_a_lane_goes_on_as_its_jobs_end(broker: Broker, log: Log) -> None:
    jobs = await submit(log, "alice", 20)
    async with working(broker, log, slots=4) as worker:
        for job in jobs:
            await worker.until_started(job)
            worker.end(job)
    assert worker.started == jobs


async def test_slots_go_round_the_users(broker: Broker, log: Log) -> None:
    alice = await submit(log, "alice", 16, concurrency=4)
    bob = await submit(log, "bob", 4, concurrency=4)
    async with working(broker, log, slots=4) as worker:
        await worker.until_started(*alice[:4])
        await delivered(broker, all_but=3)
        worker.end(alice[0])
        await worker.until_count(5)
        # In the order of the log all of alice's would have come first.
        assert worker.started[4] == bob[0]


async def test_a_cancelled_waiting_job_is_acknowledged_without_running(broker: Broker, log: Log) -> None:
    first, second, third = await submit(log, "alice", 3)
    async with working(broker, log, slots=2) as worker:
        await worker.until_started(first)
        known = await log.read_job("alice", second)
        await log.append(
            builders.cancelled(second, "alice"), expected=known.last_sequence, patience_s=PATIENCE_S
        )
        worker.end(first)
        await worker.until_started(third)
        worker.end(third)
    assert worker.started == [first, third]
    async with asyncio.timeout(20):
        while await pending(broker) != (0, 0):
            continue


async def test_a_cancel_request_reaches_the_running_program(broker: Broker, log: Log) -> None:
    (job,) = await submit(log, "alice")
    async with working(broker, log, slots=1) as worker:
        await worker.until_started(job)
        known = await log.read_job("alice", job)
        await log.append(
            builders.cancel_requested(job, "alice"), expected=known.last_sequence, patience_s=PATIENCE_S
        )
        async with asyncio.timeout(20):
            while worker.unfinished.get(job) is not None:
                await broker.api(f"STREAM.INFO.{JOBS}")
        assert worker.stopped == {job: "cancelled"}


async def test_another_executors_attempt_stops_ours(broker: Broker, log: Log) -> None:
    (job,) = await submit(log, "alice")
    async with working(broker, log, slots=1) as worker:
        await worker.until_started(job)
        known = await log.read_job("alice", job)
        newer = builders.running(job, "alice", attempt=2, executor_id="other")
        await log.append(newer, expected=known.last_sequence, patience_s=PATIENCE_S)
        async with asyncio.timeout(20):
            while job not in worker.stopped:
                await broker.api(f"STREAM.INFO.{JOBS}")
        assert worker.stopped == {job: "superseded"}


async def test_a_job_that_another_executor_holds_too_is_left_to_who_began_it(
    broker: Broker, log: Log
) -> None:
    """Found in a run under faults: after the server was killed two executors held a job, and both ran it."""
    async with working(broker, log, slots=2) as worker:
        first, held = await submit(log, "alice", 2)
        (bob,) = await submit(log, "bob")
        await worker.until_started(first, bob)
        await delivered(broker)
        known = await log.read_job("alice", held)
        other = builders.running(held, "alice", executor_id="other")
        await log.append(other, expected=known.last_sequence, patience_s=PATIENCE_S)
        worker.end(first)
        (carol,) = await submit(log, "carol")
        await worker.until_started(carol)
        assert set(worker.started) == {first, bob, carol}
        # Its delivery is open, and kept alive by who began it alone.
        assert (await pending(broker))[0] == len({bob, carol, held})
        assert held not in worker.scheduler.core.held


async def test_a_job_that_nobody_can_start_does_not_go_round(broker: Broker, log: Log) -> None:
    """A busy executor leaves it to others for a moment now and then; it came back 400 times a second once."""
    async with working(broker, log, slots=1) as worker:
        (busy,) = await submit(log, "bob")
        await worker.until_started(busy)
        before, began_at = given_back(), time.monotonic()
        await submit(log, "alice")
        async with asyncio.timeout(30):
            while given_back() < before + ROUNDS:  # noqa: ASYNC110 - a metric counts them
                await asyncio.sleep(0)
        assert time.monotonic() - began_at > (ROUNDS - 2) * SLOT_WAIT_S


def given_back() -> float:
    (family,) = metrics.GIVEN_BACK.collect()
    return sum(
        one.value
        for one in family.samples
        if one.labels.get("why") == "slots" and one.name.endswith("_total")
    )


async def test_a_language_of_another_host_is_left_to_it(broker: Broker, log: Log) -> None:
    (strange,) = await submit(log, "alice", language="cobol")
    (known,) = await submit(log, "bob")
    async with working(broker, log, slots=1) as worker:
        await worker.until_started(known)
        assert strange not in worker.started
    assert (await pending(broker))[0] >= 1


async def test_an_idle_executor_gets_what_a_busy_one_cannot_start(broker: Broker, log: Log) -> None:
    """One executor has pulled every lane's jobs; as lanes move on it keeps only what its slots need."""
    async with working(broker, log, slots=1) as busy:
        for user in range(6):
            await submit(log, f"user {user}", 10)
        await busy.until_count(1)
        async with working(broker, log, slots=4) as idle:
            await idle.until_count(4)
            assert len(busy.started) == 1
            assert not set(idle.started) & set(busy.started)
