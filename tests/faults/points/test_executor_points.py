"""An executor dies at each of its points; another one finds the job, and the log tells what it must.

Each point has a log of its own. The points wait for redelivery (10 s) together.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from shared.broker import Broker
from shared.cancellations import Cancellations
from shared.events import JobQueued, SourceFile
from shared.job import Moment
from shared.log import Appended, Log
from shared.subjects import EXECUTOR_DURABLE, JOBS
from tests import builders
from tests.faults.points.executor_points import EXECUTOR_POINTS
from tests.faults.points.patience import until
from tests.faults.points.point import Point
from tests.faults.points.programs import Nursery, Victim, own_log
from tests.faults.points.runs import Runs, begun
from tests.faults.points.story import Story, followed
from tests.hosts import needs

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]

AT_ONCE = 4
PATIENCE_S = 90
PRINTS = "echo one; echo two >&2; sleep 0.2; echo three"
FILES = "head -c 300000 /dev/zero > large.bin; echo small > small.bin"
COMPILED = '#include <stdio.h>\nint main(void) { puts("one"); return 0; }\n'


@dataclass
class Stage:
    """What a scenario plays on."""

    broker: Broker
    log: Log
    story: Story
    jobs: list[str]

    async def submit(self, code: str = PRINTS, *, user: str = builders.USER, **changes: Any) -> str:  # noqa: ANN401 - fields of the event
        """A job in the log, as an api leaves it there."""
        job = builders.job_id()
        name = "main.c" if changes.get("language") == "c" else "main.sh"
        fields = {"language": "bash", "entrypoint": name, "files": (SourceFile(name=name, content=code),)}
        queued: JobQueued = builders.queued(job, user, **{**fields, **changes})
        self.jobs.append(job)
        assert isinstance(await self.log.append(queued, expected=0, patience_s=10), Appended)
        return job


async def start(stage: Stage) -> None:
    """The log has a job when the executor comes."""
    await stage.submit()


async def lost(stage: Stage) -> None:
    """It has one whose last executor is gone."""
    job = await stage.submit()
    await stage.story.until(job, "queued")
    running = builders.running(job, executor_id="gone")
    await stage.log.append(running, expected=stage.story.last_sequence(job), patience_s=10)


async def plain(stage: Stage, _: Victim) -> None:
    await stage.submit()


async def compiled(stage: Stage, _: Victim) -> None:
    await stage.submit(COMPILED, language="c")


async def files(stage: Stage, _: Victim) -> None:
    await stage.submit(FILES, artifacts=("*.bin",))


async def long(stage: Stage, _: Victim) -> None:
    """Longer than until the first heartbeat."""
    await stage.submit("sleep 4")


async def superseded(stage: Stage, _: Victim) -> None:
    """Somebody else begins another attempt while the first one runs."""
    job = await stage.submit("sleep 3")
    await stage.story.until(job, "running")
    running = builders.running(job, attempt=2, executor_id="other")
    await stage.log.append(running, expected=stage.story.last_sequence(job), patience_s=10)


async def cancelled(stage: Stage, _: Victim) -> None:
    job = await stage.submit("sleep 9")
    await stage.story.until(job, "running")
    moment = Moment(datetime.now(UTC), "the test")
    await Cancellations(stage.log, patience_s=10).cancel(builders.USER, job, moment)


async def stop(stage: Stage, dying: Victim) -> None:
    """It is told to stop while one job runs and another is held."""
    running = await stage.submit("sleep 1")
    await stage.story.until(running, "running")
    await stage.submit(user="bob")

    async def are_both_here() -> bool:
        return bool((await _consumer(stage.broker))["num_ack_pending"] == 2)

    await until(are_both_here)
    dying.terminate()


BEFORE: dict[str, Callable[[Stage], Awaitable[None]]] = {"start": start, "lost": lost}
AFTERWARDS: dict[str, Callable[[Stage, Victim], Awaitable[None]]] = {
    each.__name__: each for each in (plain, compiled, files, long, superseded, cancelled, stop)
}


async def run(point: Point, nursery: Nursery, turn: asyncio.Semaphore, directory: Path) -> None:
    """Let one executor die, and another go on."""
    async with turn, own_log(directory / "nats") as (server, broker), followed(broker) as story:
        stage = Stage(broker, Log(broker), story, [])
        environment = {
            **server.environment,
            "HEADRACE_SLOTS": "1",
            "HEADRACE_ATTEMPTS_MAX": "1" if point.scenario == "lost" else "3",
            "PATH": os.defpath,
        }
        async with asyncio.timeout(PATIENCE_S):
            if point.scenario in BEFORE:
                await BEFORE[point.scenario](stage)
            async with nursery.victim(point, environment, directory / "victim") as dying:
                if not point.from_start:
                    await dying.ready()
                    dying.arm()
                    await AFTERWARDS[point.scenario](stage, dying)
                await dying.dead()
        async with nursery.program(environment) as survivor:
            await survivor.ready()
            # From here on it is the server that is waited for.
            turn.release()
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await _judge(point, stage)
            finally:
                await turn.acquire()


async def _judge(point: Point, stage: Stage) -> None:
    for job, told in zip(stage.jobs, point.then.split(" / "), strict=True):
        await stage.story.until_ended(job)
        assert " ".join(stage.story.kinds(job)) in told.split(" | ")

    # A job that is terminal is acknowledged, whoever finds it so, and nothing else is delivered any more.
    async def is_nothing_left() -> bool:
        consumer = await _consumer(stage.broker)
        return (consumer["num_pending"], consumer["num_ack_pending"]) == (0, 0)

    await until(is_nothing_left)


async def _consumer(broker: Broker) -> dict[str, Any]:
    return await broker.api(f"CONSUMER.INFO.{JOBS}.{EXECUTOR_DURABLE}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Runs]:
    directory = tmp_path_factory.mktemp("executors")
    async with begun(request, directory, "executor", run, at_once=AT_ONCE) as runs:
        yield runs


@pytest.mark.parametrize(
    "point",
    [
        pytest.param(point, marks=needs("c") if point.scenario == "compiled" else ())
        for point in EXECUTOR_POINTS
    ],
    ids=str,
)
async def test_an_executor_that_dies_there_leaves_one_outcome(point: Point, runs: Runs) -> None:
    await runs[point.name]
