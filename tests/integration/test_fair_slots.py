"""Who gets a slot when many want one: nobody's turn is passed over, and no slot is idle meanwhile.

Real log, real schedulers, several in one process; the work only writes events and ends when a test lets it.
"""

import asyncio
from itertools import pairwise

from services.executor.scheduling.delayed_deliveries import DELAY_MIN_S
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from tests.integration.test_scheduler import Worker, delivered, submit, working


async def all_begun(*workers: Worker, count: int) -> None:
    """So many attempts have begun on all of them together."""
    async with asyncio.timeout(30):
        while sum(len(worker.started) for worker in workers) < count:
            waits = [asyncio.ensure_future(worker.until_count(len(worker.started) + 1)) for worker in workers]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()


def longest_pause_s(*workers: Worker) -> float:
    """Between two starts after the first. What was sent away and is not called back takes DELAY_MIN_S."""
    starts = sorted(at for worker in workers for at in worker.started_at)[1:]
    return max(after - before for before, after in pairwise(starts))


async def test_two_users_whose_jobs_are_held_do_not_keep_a_third_out(broker: Broker, log: Log) -> None:
    """Both lanes refill the only slot from what is held; the third user's job was never delivered yet."""
    for user in ("alice", "bob"):
        await submit(log, user, 30)
    (third,) = await submit(log, "carol")
    async with working(broker, log, slots=1) as worker:
        for place in range(6):
            await worker.until_count(place + 1)
            worker.end(worker.started[place])
        assert third in worker.started


async def test_whoever_runs_least_comes_first(broker: Broker, log: Log) -> None:
    """One user may have eight at a time and came first; another's only job does not wait for all of them."""
    many = await submit(log, "alice", 32, concurrency=8)
    (light,) = await submit(log, "bob")
    async with working(broker, log, slots=2) as worker:
        await worker.until_started(*many[:2])
        await delivered(broker)
        worker.end(many[0])
        await worker.until_count(3)
        assert worker.started[2] == light


async def test_one_users_k_jobs_spread_over_two_executors(broker: Broker, log: Log) -> None:
    jobs = await submit(log, "alice", 100, concurrency=4)
    async with working(broker, log, slots=2) as first:
        await first.until_count(2)
        async with working(broker, log, slots=2) as second:
            await all_begun(first, second, count=4)
            assert set(first.started) | set(second.started) == set(jobs[:4])


async def test_an_idle_executor_gets_what_waits_for_a_slot_elsewhere(broker: Broker, log: Log) -> None:
    """Quick jobs teach the first executor to keep some at hand; long ones must not lie there."""
    async with working(broker, log, slots=2) as busy:
        busy.end_all = True
        await submit(log, "quick", 40)
        await busy.until_count(40)
        busy.end_all = False
        for user in range(4):
            await submit(log, f"user {user}")
        await busy.until_count(42)
        async with working(broker, log, slots=2) as idle:
            await idle.until_count(2)
            assert len(busy.started) == 42


async def test_a_burst_of_users_fills_every_slot_of_two_executors(broker: Broker, log: Log) -> None:
    async with working(broker, log, slots=3) as first, working(broker, log, slots=3) as second:
        for user in range(100):
            await submit(log, f"user {user}")
        await all_begun(first, second, count=6)
        for worker in (first, second):
            worker.end_all = True
            for job in list(worker.started):
                worker.end(job)
        await all_begun(first, second, count=100)
        assert not set(first.started) & set(second.started)
        assert min(len(first.started), len(second.started)) > 20


async def test_a_lane_far_longer_than_what_is_held_goes_on_without_pauses(broker: Broker, log: Log) -> None:
    """Given back for ten seconds, jobs are called back before their lane needs them."""
    jobs = await submit(log, "alice", 60)
    async with working(broker, log, slots=2, held_max=10) as worker:
        await worker.until_count(1)
        await delivered(broker)
        worker.end_all = True
        worker.end(jobs[0])
        await worker.until_count(60)
        assert longest_pause_s(worker) < DELAY_MIN_S / 2
    assert worker.started == jobs


async def test_the_two_ends_of_a_lane_on_two_executors(broker: Broker, log: Log) -> None:
    """Each executor has sent away jobs that the other's next ones wait for."""
    jobs = await submit(log, "alice", 60)
    async with (
        working(broker, log, slots=1, held_max=5) as first,
        working(broker, log, slots=1, held_max=5) as second,
    ):
        await delivered(broker)
        for worker in (first, second):
            worker.end_all = True
            for job in list(worker.started):
                worker.end(job)
        await all_begun(first, second, count=60)
        assert longest_pause_s(first, second) < DELAY_MIN_S / 2
    assert set(first.started) | set(second.started) == set(jobs)


async def test_what_a_leaving_executor_had_sent_away_is_back_at_once(broker: Broker, log: Log) -> None:
    await submit(log, "alice", 60)
    async with working(broker, log, slots=2, held_max=10) as leaving:
        await leaving.until_count(1)
        await delivered(broker)
        leaving.end(leaving.started[0])
        await leaving.scheduler.drain(grace_s=10)
        async with working(broker, log, slots=1) as heir:
            heir.end_all = True
            await heir.until_count(59)
            assert longest_pause_s(heir) < DELAY_MIN_S / 2
