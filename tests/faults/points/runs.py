"""Many points at the same time: each run waits mostly, so the whole table takes as long as a few of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from _pytest.mark import ParameterSet

from headrace.local.supervisor import Stack, StackOptions, run_stack
from tests.faults.points.point import Point
from tests.faults.points.programs import Nursery, nursery
from tests.faults.points.story import Story, followed
from tests.faults.points.table import REPRESENTATIVES
from tests.system.conftest import broker_of

Run: TypeAlias = Callable[[Point, Nursery, asyncio.Semaphore, Path], Awaitable[None]]
Runs: TypeAlias = dict[str, asyncio.Task[None]]


@asynccontextmanager
async def begun(
    request: pytest.FixtureRequest, directory: Path, service: str, run: Run, *, at_once: int
) -> AsyncIterator[Runs]:
    """The runs of all points that were asked for, by name, each in a directory of its own.

    A run holds the semaphore while it does what is heavy.
    """
    turn = asyncio.Semaphore(at_once)
    async with nursery(service, directory) as processes:
        tasks = {
            point.name: asyncio.ensure_future(run(point, processes, turn, directory / point.name))
            for point in asked_for(request)
        }
        try:
            yield tasks
        finally:
            await _cancel({task for task in tasks.values() if not task.done()})


@asynccontextmanager
async def begun_on_one_stack(
    request: pytest.FixtureRequest,
    directory: Path,
    service: str,
    run: Callable[[Point, Nursery, asyncio.Semaphore, Path, Stack, Story], Awaitable[None]],
    *,
    at_once: int,
    environment: dict[str, str],
) -> AsyncIterator[Runs]:
    """The same for a service of which other replicas go on: all points share their stack and its log."""
    options = StackOptions(sync="fast", environment=environment)
    async with (
        run_stack(directory / "data", options) as stack,
        broker_of(stack) as broker,
        followed(broker) as story,
    ):

        async def on_this_stack(
            point: Point, nursery: Nursery, turn: asyncio.Semaphore, directory: Path
        ) -> None:
            await run(point, nursery, turn, directory, stack, story)

        async with begun(request, directory, service, on_this_stack, at_once=at_once) as runs:
            yield runs


def cases(points: Iterable[Point], *marks: tuple[str, pytest.MarkDecorator]) -> list[ParameterSet]:
    """The points as parameters of a test, those that represent no row left out of the small tier.

    `marks` are those of points of a scenario.
    """
    return [
        pytest.param(
            point,
            id=point.name,
            marks=[
                *(mark for scenario, mark in marks if scenario == point.scenario),
                *(() if point.name in REPRESENTATIVES else (pytest.mark.full,)),
            ],
        )
        for point in points
    ]


async def _cancel(tasks: set[asyncio.Task[None]]) -> None:
    """End all of them. Asks again each second, because a call into the client may lose a cancellation."""
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=1)


def asked_for(request: pytest.FixtureRequest) -> list[Point]:
    """The points of this module's tests, as far as they were selected."""
    found: list[Point] = []
    for item in request.session.items:
        if isinstance(item, pytest.Function) and item.path == request.path and hasattr(item, "callspec"):
            point = item.callspec.params.get("point")
            assert isinstance(point, Point)
            found.append(point)
    return found
