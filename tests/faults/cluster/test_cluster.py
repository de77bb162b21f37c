"""Twenty users' jobs while servers of the log are killed, frozen, deposed: nothing is lost or repeated.

Each test disturbs the cluster in the middle of its own load, and is judged by everything in the log.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults.cluster.fleet import Fleet, fleet_of
from tests.faults.cluster.judge import judge, judge_views
from tests.faults.cluster.load import load_of
from tests.faults.cluster.servers import PAUSE_S, Cluster, Server, cluster_of_three

pytestmark = [pytest.mark.timeout(480), pytest.mark.asyncio(loop_scope="module")]

USERS = 20
PULLS_A_SECOND_MAX = 4
"""One each half second, and one more at either end; a server that leaves may end a pull twice."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """One cluster and one fleet for all tests: each leaves them whole."""
    directory = tmp_path_factory.mktemp("cluster")
    async with cluster_of_three(directory) as cluster, fleet_of(cluster, directory) as started:
        yield started


@pytest.mark.full
async def test_one_server_after_the_other_is_deposed_killed_and_frozen(fleet: Fleet) -> None:
    """Two of three go on, so nobody has to wait for the third."""
    cluster = fleet.cluster
    async with load_of(fleet, users=USERS, prefix="one") as load:
        await load.goes_on(40)
        first = await cluster.leader()
        await cluster.depose()
        second = await _another_leader(cluster, first)
        await load.goes_on(40)
        await second.kill()
        await _another_leader(cluster, second)
        await load.goes_on(40)
        await _all_are_up(cluster)
        third = await cluster.leader()
        third.freeze()
        await _another_leader(cluster, third)
        await load.goes_on(60)
        third.thaw()
        await load.goes_on(40)
        await _all_are_up(cluster)
    await judge(fleet, load)
    await fleet.until_ready()


@pytest.mark.full
async def test_without_a_quorum_nothing_is_accepted_and_nothing_is_lost(
    fleet: Fleet, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """First two are killed, then all three."""
    cluster = fleet.cluster
    async with load_of(fleet, users=USERS, prefix="two") as load:
        await load.goes_on(40)
        for server in cluster.others(await cluster.leader()):
            await server.kill()
        load.more()
        await load.refused(USERS)
        # At first no quorum, then no leader either.
        await fleet.until_every_one_says("quorum", "JOBS has")
        await _all_are_up(cluster)
        await load.goes_on(40)
        await asyncio.gather(*(server.kill() for server in cluster.servers))
        await fleet.until_every_one_says("broker", "no connection to NATS")
        await _all_are_up(cluster)
        await load.goes_on(40)
    for executor in fleet.of("executor"):
        # Without a leader every pull is refused at once, and must not be repeated at once.
        assert most_in_a_second(executor.log, "pull_ended") <= PULLS_A_SECOND_MAX
    for answer in load.refusals:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) > 0
    await judge(fleet, load)
    await judge_views(fleet, tmp_path_factory.mktemp("view"))
    await fleet.until_ready()


def most_in_a_second(log: Path, event: str) -> int:
    """How many lines of this event one second of the log has at most."""
    lines = (json.loads(line) for line in log.read_text().splitlines() if f'"{event}"' in line)
    return max(Counter(line["timestamp"][:19] for line in lines).values(), default=0)


async def _all_are_up(cluster: Cluster) -> None:
    await cluster.start_all()
    await cluster.healthy()


async def _another_leader(cluster: Cluster, than: Server) -> Server:
    """Wait until JOBS is led by somebody else."""
    while (found := await cluster.leader()) is than:  # noqa: ASYNC110 - each question waits for its answer
        await asyncio.sleep(PAUSE_S)
    return found
