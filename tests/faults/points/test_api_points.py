"""An api dies at each of its points; clients repeat at another one, and nothing is lost or done twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from headrace.client.endpoint import issue
from headrace.local.supervisor import Stack
from tests.faults.points.api_points import API_POINTS
from tests.faults.points.api_scenarios import SCENARIOS, Stage
from tests.faults.points.balanced import Client
from tests.faults.points.point import Point
from tests.faults.points.programs import Nursery
from tests.faults.points.runs import Runs, begun_on_one_stack, cases
from tests.faults.points.story import Story
from tests.http_client import http_client

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]

AT_ONCE = 4
PATIENCE_S = 240
OPERATOR = frozenset({"jobs", "ops"})


async def run(
    point: Point, nursery: Nursery, turn: asyncio.Semaphore, directory: Path, stack: Stack, story: Story
) -> None:
    """Let an api die while a scenario goes on; the scenario judges."""
    async with (
        turn,
        asyncio.timeout(PATIENCE_S),
        nursery.victim(point, stack.environment_of("api"), directory) as dying,
        http_client(timeout=PATIENCE_S) as http,
    ):
        if not point.from_start:
            await dying.ready()
            dying.arm()
        kept = stack.address.api_url
        stage = Stage(
            stack=stack,
            story=story,
            user=point.name,
            client=Client(dying.url, kept, issue(stack.directory, point.name), http),
            operator=Client(dying.url, kept, issue(stack.directory, "olga", scopes=OPERATOR), http),
            dying=dying,
        )
        await SCENARIOS[point.scenario](stage)
        await dying.dead()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Runs]:
    directory = tmp_path_factory.mktemp("apis")
    environment = {"HEADRACE_SLOTS": "8", "HEADRACE_SWEEP_S": "0.2"}
    async with begun_on_one_stack(
        request, directory, "api", run, at_once=AT_ONCE, environment=environment
    ) as runs:
        yield runs


@pytest.mark.parametrize("point", cases(API_POINTS))
async def test_whoever_asked_an_api_that_died_there_repeats_and_has_what_he_asked_for(
    point: Point, runs: Runs
) -> None:
    await runs[point.name]
