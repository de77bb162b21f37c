"""An executor that joins takes work at once, however much of it another one has in its hands."""

import pytest

from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from tests.faults.scaling.chronicle import Chronicle, submit
from tests.faults.scaling.executors import Executors
from tests.integration.test_scheduler import pending

pytestmark = pytest.mark.timeout(300)

JOB_S = 0.4


@pytest.mark.full
async def test_one_joins_another_that_holds_everything(
    broker: Broker, log: Log, executors: Executors, chronicle: Chronicle
) -> None:
    await executors.join("x1")
    for user in range(6):
        await submit(log, f"user {user}", 20, seconds=JOB_S)
    await chronicle.until(lambda: len(chronicle.begun_by("x1")) >= 4)
    await executors.join("x2")
    before = len(chronicle.begun_by("x1"))
    await chronicle.until(lambda: len(chronicle.begun_by("x2")) >= 8)
    # Work that stays with its holder would reach the newcomer after 10 s, some fifty jobs, or never.
    assert len(chronicle.begun_by("x1")) - before < 24


@pytest.mark.full
async def test_one_user_whose_jobs_are_all_held_elsewhere_uses_both(
    broker: Broker, log: Log, executors: Executors, chronicle: Chronicle
) -> None:
    """K = 4 on two executors with two slots each: the second pair begins before the first has ended."""
    await executors.join("x1")
    jobs = await submit(log, "alice", 4, seconds=55, concurrency=4)
    await chronicle.until_begun(*jobs[:2])
    await executors.join("x2")
    await chronicle.until_begun(*jobs)
    assert all(chronicle.jobs[job].ended_at is None for job in jobs)
    assert len(chronicle.begun_by("x2")) == 2


@pytest.mark.full
async def test_four_share_what_one_began(
    broker: Broker, log: Log, executors: Executors, chronicle: Chronicle
) -> None:
    """1 → 2 → 4; each newcomer works before the next one comes, and then all of them to the end."""
    await executors.join("x1")
    for user in range(12):
        await submit(log, f"user {user}", 60, seconds=JOB_S)
    for name in ("x2", "x3", "x4"):
        await executors.join(name)
        await chronicle.until(lambda name=name: len(chronicle.begun_by(name)) >= 4)  # type: ignore[misc]  # a default binds the name
    names = ["x1", "x2", "x3", "x4"]
    before = {name: len(chronicle.begun_by(name)) for name in names}
    total = sum(before.values())
    await chronicle.until(lambda: sum(len(chronicle.begun_by(name)) for name in names) >= total + 80)
    shares = {name: len(chronicle.begun_by(name)) - before[name] for name in names}
    assert min(shares.values()) >= 8, shares


@pytest.mark.full
async def test_one_that_finds_two_thousand_jobs_before_a_light_users(
    broker: Broker, log: Log, executors: Executors, chronicle: Chronicle
) -> None:
    """Nothing was delivered yet: the newcomer reads through the whole queue before it has it."""
    heavy = await submit(log, "heavy", 2_000, seconds=0.02)
    (light,) = await submit(log, "light", seconds=0.02)
    await executors.join("x1")
    await chronicle.until_begun(light)
    begun = [job for job in heavy if chronicle.jobs[job].begun_at is not None]
    assert len(begun) < 100
    assert (await pending(broker))[1] == 0
