"""Containers are killed, added and replaced while clients are at work: nothing is lost, nothing missed."""

import asyncio

import pytest

from tests.containers.commands import told
from tests.containers.crowd import busy
from tests.containers.stack import DEPLOY, SERVICES, Stack


@pytest.mark.parametrize("service", SERVICES)
async def test_a_container_is_killed_and_comes_back_and_nothing_is_lost(stack: Stack, service: str) -> None:
    before = stack.containers(service)
    async with busy(stack, f"{service}-ann", f"{service}-bob") as crowd:
        await crowd.more()
        await asyncio.to_thread(stack.crash, service)
        await asyncio.to_thread(stack.up, "--no-recreate", service)
        await crowd.more()
    after = stack.containers(service)
    assert [each["Id"] for each in after] == [each["Id"] for each in before]
    restarts = [
        (each["RestartCount"], then["RestartCount"]) for each, then in zip(after, before, strict=True)
    ]
    assert all(now > then for now, then in restarts), restarts


async def test_three_executors_share_the_work_and_one_may_be_lost(stack: Stack) -> None:
    async with busy(stack, "carol", "dave", "erin", "frank") as crowd:
        await asyncio.to_thread(stack.up, "--no-recreate", "--scale", "executor=3", "executor")
        async with asyncio.timeout(120):
            while len(crowd.executors()) < 3:
                await crowd.more(1)
        lost = stack.containers("executor")[0]["Id"]
        await asyncio.to_thread(told, "docker", "rm", "--force", "--volumes", lost)
        await crowd.more(24)
        await asyncio.to_thread(stack.up, "--no-recreate", "--scale", "executor=1", "executor")
        await crowd.more()


@pytest.mark.parametrize("service", ["api", "notifier", "projector", "executor"])
async def test_a_service_is_rolled_to_a_rebuilt_image_under_load(stack: Stack, service: str) -> None:
    [before] = stack.containers(service)
    stack.compose("build", "--quiet", "--build-arg", f"REVISION=rolled-{service}", service)
    async with busy(stack, f"{service}-grace", f"{service}-heidi") as crowd:
        await crowd.more()
        await asyncio.to_thread(
            told, str(DEPLOY / "roll.sh"), service, *stack.docker_compose_command()[2:], within=DEPLOY
        )
        await crowd.more()
    [after] = stack.containers(service)
    assert after["Id"] != before["Id"]
    assert after["Image"] != before["Image"]
    assert after["Config"]["Labels"]["org.opencontainers.image.revision"] == f"rolled-{service}"
