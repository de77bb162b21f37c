"""Twenty users' jobs while servers of the log are killed, frozen, deposed: nothing is lost or repeated.

Each test disturbs the cluster in the middle of its own load, and is judged by everything in the log.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from shared.subjects import JOBS
from tests.faults.cluster.fleet import Fleet, fleet_of
from tests.faults.cluster.judge import judge, judge_views
from tests.faults.cluster.load import load_of
from tests.faults.cluster.servers import Cluster, cluster_of_three

pytestmark = [pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="module")]

USERS = 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """One cluster and one fleet for all tests: each leaves them whole."""
    directory = tmp_path_factory.mktemp("cluster")
    async with cluster_of_three(directory) as cluster, fleet_of(cluster, directory) as started:
        yield started


async def _whole_again(fleet: Fleet) -> None:
    await fleet.cluster.start_all()
    await fleet.cluster.healthy()
    await fleet.until_ready()


async def _another_leader(cluster: Cluster, than: str) -> str:
    """Wait until JOBS is led by somebody else."""
    while (found := (await cluster.leader()).name) == than:  # noqa: ASYNC110 - each question waits
        await asyncio.sleep(0.05)
    return found


async def test_the_leader_is_deposed_and_then_killed(fleet: Fleet) -> None:
    cluster = fleet.cluster
    async with load_of(fleet, users=USERS, prefix="killed") as load:
        await load.goes_on(40)
        first = await cluster.leader()
        async with cluster.broker() as broker:
            await broker.api(f"STREAM.LEADER.STEPDOWN.{JOBS}")
        await _another_leader(cluster, first.name)
        await load.goes_on(40)
        second = await cluster.leader()
        await second.kill()
        assert await _another_leader(cluster, second.name) != second.name
        await load.goes_on(40)
        await _whole_again(fleet)
        await load.goes_on(20)
    await judge(fleet, load)


async def test_the_leader_is_frozen_while_the_others_go_on(fleet: Fleet) -> None:
    cluster = fleet.cluster
    async with load_of(fleet, users=USERS, prefix="frozen") as load:
        await load.goes_on(40)
        leader = await cluster.leader()
        leader.freeze()
        await _another_leader(cluster, leader.name)
        await load.goes_on(100)
        leader.thaw()
        await load.goes_on(40)
        await _whole_again(fleet)
    await judge(fleet, load)


async def test_without_a_quorum_nothing_is_accepted_and_nothing_lost(fleet: Fleet) -> None:
    cluster = fleet.cluster
    async with load_of(fleet, users=USERS, prefix="two") as load:
        await load.goes_on(40)
        leader = await cluster.leader()
        one, two = cluster.others(leader)
        await one.kill()
        await two.kill()
        refused = len(load.refusals)
        await fleet.until_every_one_says("quorum", "JOBS has no quorum")
        await load.refused(refused + USERS)
        await _whole_again(fleet)
        await load.goes_on(40)
    for answer in load.refusals:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) > 0
    await judge(fleet, load)


async def test_all_three_restart_at_once(fleet: Fleet) -> None:
    cluster = fleet.cluster
    async with load_of(fleet, users=USERS, prefix="all") as load:
        await load.goes_on(40)
        await asyncio.gather(*(server.kill() for server in cluster.servers))
        await fleet.until_every_one_says("broker", "no connection to NATS")
        await _whole_again(fleet)
        await load.goes_on(40)
    await judge(fleet, load)


async def test_every_view_is_the_fold_of_the_log(
    fleet: Fleet, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """After all of the above."""
    await judge_views(fleet, tmp_path_factory.mktemp("view"))
