"""A thousand cut connections while a hundred jobs print; killed notifiers; a killed nats-server.

Every subscription's events, laid together over all its connections, are what log and feed hold: nothing
lost, nothing twice, nothing out of order.
"""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from headrace.local.supervisor import Stack
from tests.faults.resume_checker import check
from tests.faults.resume_socket import Place
from tests.faults.resume_stack import Notifiers, User, of_job, printing_stack
from tests.faults.resume_watchers import Cuts, Watcher
from tests.feed_file import cut_the_feeds_end

pytestmark = pytest.mark.timeout(180)

SLOTS = 10
JOB_BYTES = 10_000
"""What is sent of one job, about: its cuts are spread over as much."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many users run how many jobs each, and how often a subscription is cut."""

    users: int
    jobs: int
    cuts_of_a_job: int
    cuts_of_a_user: int
    seed: int
    notifiers: int = 1
    feed_is_whole: bool = True

    @property
    def cuts(self) -> int:
        return self.users * (self.jobs * self.cuts_of_a_job + self.cuts_of_a_user)


Disturb = Callable[[Stack, Notifiers, Cuts], Awaitable[None]]


async def run(plan: Plan, directory: Path, disturb: Disturb | None = None) -> Cuts:
    """Run the jobs, cut the connections, and judge what every subscription was shown."""
    chance = random.Random(plan.seed)  # noqa: S311 - where to cut, not a secret
    cuts = Cuts()
    watchers: dict[User, list[Watcher]] = {}
    async with (
        printing_stack(directory, notifiers=plan.notifiers, slots=SLOTS) as (stack, notifiers),
        asyncio.timeout(120),
    ):
        users = [User(stack, f"user {number}") for number in range(plan.users)]
        async with asyncio.TaskGroup() as group:
            disturbing = disturb and group.create_task(_run(disturb(stack, notifiers, cuts)))
            for user in users:
                group.create_task(_run_user(user, plan, chance, watchers, notifiers, cuts))
        assert disturbing is None or disturbing.done()
        for user in users:
            truth = await user.truth(stack, feed_is_whole=plan.feed_is_whole)
            assert sum(event["type"] == "job.completed.v1" for event in truth.log) == plan.jobs
            for watcher in watchers[user]:
                found = check(watcher.shown, of_job(truth, watcher.job_id))
                assert found == [], f"seed {plan.seed}, {user.name}, {watcher.job_id}: {found[:5]}"
    assert cuts.gaps == []
    assert cuts.count == plan.cuts
    return cuts


async def _run(disturbing: Awaitable[None]) -> None:
    await disturbing


async def _run_user(
    user: User,
    plan: Plan,
    chance: random.Random,
    watchers: dict[User, list[Watcher]],
    notifiers: Notifiers,
    cuts: Cuts,
) -> None:
    """One user's jobs, each with a subscription of its own, and one of all of them."""
    watchers[user] = [
        Watcher(
            user.token,
            "*",
            cuts=plan.cuts_of_a_user,
            event_bytes=2 * JOB_BYTES * plan.jobs // plan.cuts_of_a_user,
            chance=random.Random(chance.random()),  # noqa: S311
            ends=plan.jobs,
        )
    ]
    for job_id in await user.submit(plan.jobs):
        watchers[user].append(
            Watcher(
                user.token,
                job_id,
                cuts=plan.cuts_of_a_job,
                event_bytes=2 * JOB_BYTES // plan.cuts_of_a_job,
                chance=random.Random(chance.random()),  # noqa: S311
            )
        )
    async with asyncio.TaskGroup() as group:
        for watcher in watchers[user]:
            group.create_task(watcher.watch(notifiers.replicas, cuts))


@pytest.mark.full
@pytest.mark.alone
async def test_a_thousand_cuts_while_a_hundred_jobs_print(tmp_path: Path) -> None:
    plan = Plan(users=10, jobs=10, cuts_of_a_job=8, cuts_of_a_user=20, seed=1)
    cuts = await run(plan, tmp_path / "data")
    assert cuts.count == 1_000
    # The attack happened: connections were cut in every place, and most while events were coming.
    assert cuts.places[Place.HANDSHAKE] > 0
    assert cuts.places[Place.SUBSCRIBING] > 0
    assert cuts.places[Place.IN_A_FRAME] > 300
    assert cuts.ended == 0, "nobody else may have ended a connection"


@pytest.mark.full
async def test_killed_notifiers(tmp_path: Path) -> None:
    plan = Plan(users=8, jobs=3, cuts_of_a_job=6, cuts_of_a_user=8, seed=2)

    async def kill(_: Stack, notifiers: Notifiers, cuts: Cuts) -> None:
        for round_number in range(1, 5):
            await cuts.reach(plan.cuts * round_number // 6)
            await notifiers.kill(0)
            await notifiers.start(0)

    cuts = await run(plan, tmp_path / "data", kill)
    assert cuts.ended > plan.users, "the killed notifiers must have had connections"


@pytest.mark.full
async def test_a_killed_nats_server(tmp_path: Path) -> None:
    plan = Plan(users=8, jobs=3, cuts_of_a_job=6, cuts_of_a_user=8, seed=3, feed_is_whole=False)

    async def kill(stack: Stack, _: Notifiers, cuts: Cuts) -> None:
        for round_number in range(1, 4):
            await cuts.reach(plan.cuts * round_number // 5)
            assert stack.nats.process.returncode is None
            await stack.nats.kill()
            await stack.ready()

    await run(plan, tmp_path / "data", kill)


@pytest.mark.full
@pytest.mark.parametrize("lost_bytes", [3_000, 1_000_000], ids=["end", "all"])
async def test_a_nats_server_that_loses_the_feeds_end(tmp_path: Path, lost_bytes: int) -> None:
    """It uses sequences again, while terminal events name those of either."""
    plan = Plan(users=8, jobs=3, cuts_of_a_job=6, cuts_of_a_user=8, seed=5, feed_is_whole=False)

    async def kill(stack: Stack, _: Notifiers, cuts: Cuts) -> None:
        for round_number in range(1, 4):
            await cuts.reach(plan.cuts * round_number // 5)
            stack.nats.process.send_signal(signal.SIGSTOP)
            cut_the_feeds_end(stack.directory / "nats", lost_bytes)
            await stack.nats.kill()
            await stack.ready()

    await run(plan, tmp_path / "data", kill)


@pytest.mark.full
async def test_clients_hop_between_two_notifiers_and_one_is_killed(tmp_path: Path) -> None:
    plan = Plan(users=8, jobs=3, cuts_of_a_job=6, cuts_of_a_user=8, seed=4, notifiers=2)

    async def kill(_: Stack, notifiers: Notifiers, cuts: Cuts) -> None:
        for round_number in range(1, 4):
            await cuts.reach(plan.cuts * round_number // 5)
            await notifiers.kill(round_number % 2)
            await notifiers.start(round_number % 2)

    cuts = await run(plan, tmp_path / "data", kill)
    assert cuts.ended > plan.users, "the killed notifiers must have had connections"
