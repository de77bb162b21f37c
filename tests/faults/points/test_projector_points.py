"""A projector dies at each of its points; started again on the same file, it ends with the view of the log.

Each point has a log and a view of its own. What the view must be is made from the log afterwards.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import msgspec
import pytest
import pytest_asyncio

from services.projector.rebuild import rebuild_view
from shared.contract.subjects import VIEW_JOB, VIEW_JOBS
from shared.contract.view_api import JobQuestion, JobsQuestion
from shared.domain.events import Event
from shared.jetstream.connection import Broker
from shared.jetstream.errors import BrokerError
from shared.jetstream.event_log import Appended, Log
from tests import builders
from tests.faults.points.patience import until
from tests.faults.points.point import Point
from tests.faults.points.programs import Nursery, Victim, own_log
from tests.faults.points.projector_points import PROJECTOR_POINTS
from tests.faults.points.runs import Runs, begun, cases
from tests.faults.points.story import Story, followed
from tests.integration.projector.asking import ask_stats, rows_in
from tests.integration.projector.test_sweeper import (
    kinds_in,
    life,
    put_files,
    stored_files,
    swept_of,
)
from tests.unit.projector.histories import Rows, random_history

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]

AT_ONCE = 4
PATIENCE_S = 240
EARLIER, LATER = 120, 150


@dataclass
class Stage:
    """What a scenario plays on: a log, its story, and the view's file."""

    broker: Broker
    story: Story
    view: Path
    seed: int
    old: Rows | None = None
    due: str | None = None

    async def happen(self, count: int) -> None:
        """So many more events of new jobs."""
        self.seed += 1
        await self.record(*random_history(Random(self.seed), count))  # noqa: S311 - a history, not a secret

    async def record(self, *events: Event) -> None:
        """Append, as often as a busy machine needs."""
        log, last = Log(self.broker), dict[str, int]()
        for event in events:
            expected = last.get(event.job_id, 0)
            result = await log.append(event, expected=expected, patience_s=PATIENCE_S)
            assert isinstance(result, Appended)
            last[event.job_id] = result.sequence

    async def job(self) -> str:
        """Some job that the view is asked for."""
        event = builders.queued(builders.job_id())
        await self.record(event)
        await self.story.until(event.job_id, "queued")
        return event.job_id


async def new(_: Stage) -> None:
    """There is no view yet."""


async def rebuild(stage: Stage) -> None:
    """The view is older than the log."""
    await rebuild_view(stage.broker, stage.view, whole=True)
    stage.old = await rows_in(stage.view)
    await stage.happen(LATER)


async def damaged(stage: Stage) -> None:
    """The view is no database."""
    stage.view.write_bytes(b"neither rows nor tables" * 1_000)


async def events(stage: Stage, _: Victim) -> None:
    await stage.happen(LATER)


async def stop(_: Stage, dying: Victim) -> None:
    dying.terminate()


async def question(stage: Stage, _: Victim) -> None:
    job = await stage.job()
    await _ask(stage.broker, VIEW_JOB, JobQuestion(user_id=builders.USER, job_id=job))


async def questions(stage: Stage, _: Victim) -> None:
    await stage.job()
    await _ask(stage.broker, VIEW_JOBS, JobsQuestion(user_id=builders.USER))


async def sweep(stage: Stage, _: Victim) -> None:
    """A job ends whose time is over then, with files."""
    stage.due = builders.job_id()
    await put_files(stage.broker, Log(stage.broker), stage.due)
    await stage.record(*life(stage.due, files=3))


BEFORE: dict[str, Callable[[Stage], Awaitable[None]]] = {
    each.__name__: each for each in (new, rebuild, damaged)
}
AFTERWARDS: dict[str, Callable[[Stage, Victim], Awaitable[None]]] = {
    each.__name__: each for each in (events, stop, question, questions, sweep)
}


async def run(point: Point, nursery: Nursery, turn: asyncio.Semaphore, directory: Path) -> None:
    """Let a projector die, start it again, and judge the view."""
    async with (
        turn,
        own_log(directory / "nats") as (server, broker),
        followed(broker) as story,
        asyncio.timeout(PATIENCE_S),
    ):
        stage = Stage(broker, story, directory / "view.sqlite", seed=len(point.name))
        environment = {
            **server.environment,
            "HEADRACE_VIEW_PATH": str(stage.view),
            "HEADRACE_SWEEP_S": "0.1",
        }
        await stage.happen(EARLIER)
        if point.scenario in BEFORE:
            await BEFORE[point.scenario](stage)
        async with nursery.victim(point, environment, directory / "victim") as dying:
            if not point.from_start:
                await dying.ready()
                dying.arm()
                await AFTERWARDS[point.scenario](stage, dying)
            await dying.dead()
        await _judge_at_rest(point, stage, directory)
        job = await stage.job()
        async with nursery.program(environment) as again:
            await again.ready()
            if stage.due is not None:
                await story.until(stage.due, "expired")
                await until(lambda: _is_swept(stage))
            await story.until_viewed(job)
            await until(lambda: _has_reached_the_end(broker))
        assert await rows_in(stage.view) == await _made_anew(stage, directory)


async def _judge_at_rest(point: Point, stage: Stage, directory: Path) -> None:
    """What the dead one left: the old view until the new one is in its place."""
    if stage.old is None:
        return
    rows = await rows_in(stage.view)
    assert rows == (stage.old if point.then == "old" else await _made_anew(stage, directory))
    assert rows["jobs"]


async def _is_swept(stage: Stage) -> bool:
    """Nothing is left of the job that is due but its tombstone."""
    assert stage.due is not None
    if await kinds_in(stage.broker, builders.USER, stage.due) != ["expired"]:
        return False
    await swept_of(stage.view, stage.due)
    assert await stored_files(stage.broker) == 0
    return True


async def _has_reached_the_end(broker: Broker) -> bool:
    last = await Log(broker).last_sequence()
    return (await ask_stats(broker)).checkpoint >= last


async def _made_anew(stage: Stage, directory: Path) -> Rows:
    """The view that the log makes now."""
    path = directory / "anew.sqlite"
    await rebuild_view(stage.broker, path, whole=True)
    return await rows_in(path)


async def _ask(broker: Broker, subject: str, asked: msgspec.Struct) -> None:
    """A question whose answer may never come."""
    with suppress(BrokerError):
        await broker.request(subject, msgspec.json.encode(asked))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Runs]:
    directory = tmp_path_factory.mktemp("projectors")
    async with begun(request, directory, "projector", run, at_once=AT_ONCE) as runs:
        yield runs


@pytest.mark.parametrize("point", cases(PROJECTOR_POINTS))
async def test_a_projector_that_dies_there_comes_back_with_the_view_of_the_log(
    point: Point, runs: Runs
) -> None:
    await runs[point.name]
