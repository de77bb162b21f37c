"""An executor that is told to leave gives back what it holds at once; nobody waits for its leases."""

import asyncio
import statistics

import pytest

from shared.jetstream.connection import Broker
from shared.jetstream.delivery import ACK_WAIT_S
from shared.jetstream.event_log import Log
from tests.faults.scaling.chronicle import Chronicle, submit
from tests.faults.scaling.executors import Executors
from tests.integration.test_scheduler import pending

pytestmark = pytest.mark.timeout(300)

MOMENT_S = ACK_WAIT_S / 2
"""How much longer than usual something may take on a busy machine, and still not have waited for a lease."""


async def everything_is_delivered(broker: Broker) -> None:
    """Whoever is there has taken every job once."""
    async with asyncio.timeout(60):
        while (await pending(broker))[1]:
            continue


@pytest.mark.full
async def test_a_lane_goes_on_elsewhere_where_it_was_left(
    broker: Broker, log: Log, executors: Executors, chronicle: Chronicle
) -> None:
    """All its jobs are held or sent away by the one that leaves; the other one has never seen them."""
    await executors.join("x1", held_max=20)
    lane = await submit(log, "alice", 200, seconds=0.05)
    await everything_is_delivered(broker)
    await executors.join("x2")
    executors.ask_to_leave("x1")
    await executors.left("x1")
    left = len([job for job in lane if chronicle.jobs[job].begun_at])
    await chronicle.until_ended(*lane)
    assert left < len(lane) - 20
    pauses = chronicle.pauses_s("alice")
    assert max(pauses) < statistics.median(pauses) + MOMENT_S
    assert all(chronicle.jobs[job].begun_by == ["x2"] for job in lane[left + 1 :])


@pytest.mark.full
async def test_running_programs_end_where_they_are(
    log: Log, executors: Executors, chronicle: Chronicle
) -> None:
    await executors.join("x1")
    running = await submit(log, "alice", 1, seconds=2)
    await chronicle.until_begun(*running)
    waiting = await submit(log, "alice", 3, seconds=0.05)
    executors.ask_to_leave("x1")
    await executors.join("x2")
    await executors.left("x1")
    await chronicle.until_ended(*running, *waiting)
    assert chronicle.jobs[running[0]].begun_by == ["x1"]
    assert all(chronicle.jobs[job].begun_by == ["x2"] for job in waiting)


@pytest.mark.full
async def test_nothing_is_lost_on_its_way_to_one_that_leaves(
    log: Log, executors: Executors, chronicle: Chronicle
) -> None:
    """Deliveries arrive all the time, also in the moment in which an executor stops to ask for them."""
    await executors.join("stays")

    async def one_after_another(user: str) -> None:
        while not done.is_set():
            await chronicle.until_ended(*await submit(log, user, seconds=0.01))

    done = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for user in range(8):
            group.create_task(one_after_another(f"user {user}"))
        for number in range(6):
            name = f"leaves {number}".replace(" ", "-")
            await executors.join(name)
            await chronicle.until(lambda name=name: len(chronicle.begun_by(name)) >= 5)  # type: ignore[misc]  # a default binds the name
            executors.ask_to_leave(name)
            await executors.left(name)
        done.set()
    waits = [told.wait_s for told in chronicle.jobs.values()]
    assert max(waits) < statistics.median(waits) + MOMENT_S
    assert all(len(told.begun_by) == 1 for told in chronicle.jobs.values())
