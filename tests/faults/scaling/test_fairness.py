"""One user's two thousand jobs are his own affair: others begin as if he were not there.

Each test compares light users' waits with those of the same users alone, in the same run: they may be 100 ms
longer, and a few times as long, because the machine may be busier by then. Waiting for a twentieth of the
heavy user's jobs, or for a lease, is more than that.
"""

import asyncio
import statistics

import pytest

from shared.jetstream.delivery import ACK_WAIT_S
from shared.jetstream.event_log import Log
from tests.faults.scaling.chronicle import Chronicle, submit
from tests.faults.scaling.executors import Executors

pytestmark = pytest.mark.timeout(300)

HEAVY_JOBS = 2_000
JOB_S = 0.05
ADDED_S = 0.1
BUSIER = 5
LEASE_S = ACK_WAIT_S / 2


async def light_waits(log: Log, chronicle: Chronicle, name: str) -> list[float]:
    """Thirty light users come one after another, each with one job; how long each waited."""
    waits = []
    for number in range(30):
        (job,) = await submit(log, f"{name} {number}", seconds=0.01)
        await chronicle.until_ended(job)
        waits.append(chronicle.jobs[job].wait_s)
    return waits


@pytest.mark.full
@pytest.mark.parametrize("count", [1, 2])
async def test_heavy_first_then_light(
    log: Log, executors: Executors, chronicle: Chronicle, count: int
) -> None:
    for number in range(count):
        await executors.join(f"x{number}")
    alone = await light_waits(log, chronicle, "alone")
    heavy = await submit(log, "heavy", HEAVY_JOBS, seconds=JOB_S)
    beside = await light_waits(log, chronicle, "beside")
    begun = [job for job in heavy if chronicle.jobs[job].begun_at is not None]
    assert 0 < len(begun) < HEAVY_JOBS // 2
    assert statistics.median(beside) < BUSIER * statistics.median(alone) + ADDED_S
    assert max(beside) < BUSIER * max(alone) + LEASE_S


@pytest.mark.full
@pytest.mark.parametrize("count", [1, 2])
async def test_light_first_then_heavy(
    log: Log, executors: Executors, chronicle: Chronicle, count: int
) -> None:
    """The light users are there all the time; the heavy one comes, and is not kept out either."""
    for number in range(count):
        await executors.join(f"x{number}")
    alone = await light_waits(log, chronicle, "alone")
    coming = asyncio.create_task(light_waits(log, chronicle, "beside"))
    heavy = await submit(log, "heavy", HEAVY_JOBS, seconds=JOB_S)
    beside = await coming
    await chronicle.until_begun(heavy[0])
    assert chronicle.jobs[heavy[0]].wait_s < BUSIER * max(alone) + LEASE_S
    assert statistics.median(beside) < BUSIER * statistics.median(alone) + ADDED_S
    assert max(beside) < BUSIER * max(alone) + LEASE_S


@pytest.mark.full
async def test_a_heavy_user_whose_jobs_are_mostly_sent_away_is_served_without_pauses(
    log: Log, executors: Executors, chronicle: Chronicle
) -> None:
    await executors.join("x1", held_max=50)
    heavy = await submit(log, "heavy", HEAVY_JOBS, seconds=0.001)
    await chronicle.until_ended(*heavy[:200])
    pauses = chronicle.pauses_s("heavy")
    assert max(pauses) < statistics.median(pauses) + LEASE_S
