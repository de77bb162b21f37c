"""compose.cluster.yaml: three servers of the log and two of each service, lost one by one under load."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.containers.crowd import busy
from tests.containers.stack import Stack, running

SERVERS = ("nats-1", "nats-2", "nats-3")


@pytest.fixture(scope="module")
def cluster(images: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All of it."""
    stack = Stack(
        tmp_path_factory.mktemp("cluster"), name="headrace-test-cluster", file="compose.cluster.yaml"
    )
    with running(stack) as started:
        yield started


def test_there_are_three_servers_and_two_of_each_service(cluster: Stack) -> None:
    services = Counter(
        each["Config"]["Labels"]["com.docker.compose.service"] for each in cluster.containers()
    )
    assert services == dict.fromkeys(SERVERS, 1) | dict.fromkeys(
        ("api", "notifier", "projector", "executor"), 2
    ) | {"proxy": 1}


def test_nobody_is_privileged_or_root_there_either(cluster: Stack) -> None:
    for each in cluster.containers():
        assert not each["HostConfig"]["Privileged"]
        assert each["HostConfig"]["CapDrop"] == ["ALL"]
        assert each["HostConfig"]["ReadonlyRootfs"]
        assert int(each["Config"]["User"].partition(":")[0]) > 10_000


async def test_any_server_of_the_log_and_one_of_each_service_may_be_lost(cluster: Stack) -> None:
    async with busy(cluster, "ann", "bob", "carol") as crowd:
        await crowd.more()
        for server in SERVERS:
            await asyncio.to_thread(cluster.crash, server)
            await asyncio.to_thread(cluster.up, "--no-recreate", server)
            await crowd.more()
        for service in ("api", "notifier", "projector", "executor"):
            await asyncio.to_thread(cluster.crash, service)
            await crowd.more()
