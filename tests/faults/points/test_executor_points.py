"""An executor dies at each of its points; another one finds the job, and the log tells what it must.

Each point has a log of its own. The points wait for redelivery (10 s) together.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from shared.contract.subjects import EXECUTOR_DURABLE, INPUT, JOBS
from shared.domain.decisions import CommandContext
from shared.domain.events import JobQueued, Limits, SourceFile
from shared.domain.job_input import InputEnd, NewPiece
from shared.jetstream.cancel import Cancellations
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Appended, Log
from shared.jetstream.input_log import InputLog
from tests import builders
from tests.faults.points.executor_points import EXECUTOR_POINTS
from tests.faults.points.patience import patiently, until
from tests.faults.points.point import Point
from tests.faults.points.programs import Nursery, Victim, own_log
from tests.faults.points.runs import Runs, begun, cases
from tests.faults.points.story import Story, followed
from tests.faults.points.talk import LINE, READS, assert_read_once
from tests.hosts import needs

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]

AT_ONCE = 4
PATIENCE_S = 240
PRINTS = "echo one; echo two >&2; sleep 0.2; echo three"
FILES = "head -c 300000 /dev/zero > large.bin; echo small > small.bin"
COMPILED = '#include <stdio.h>\nint main(void) { puts("one"); return 0; }\n'


@dataclass
class Stage:
    """What a scenario plays on."""

    broker: Broker
    log: Log
    story: Story
    group: asyncio.TaskGroup
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

    async def submit_lasting(self, *, attempts: int | None = None) -> str:
        """A job that runs until it is cancelled: when so many attempts have begun, if that is said."""
        job = await self.submit("sleep 120", limits=Limits(wall_ms=120_000))

        async def cancel() -> None:
            await self.story.until_attempt(job, attempts or 0)
            await self.cancel(job)

        if attempts is not None:
            self.group.create_task(cancel())
        return job

    async def cancel(self, job: str) -> None:
        """As a user does."""
        moment = CommandContext(datetime.now(UTC), "the test")
        await patiently(lambda: Cancellations(self.log, patience_s=10).cancel(builders.USER, job, moment))


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


async def talk(stage: Stage, _: Victim) -> None:
    """A program that reads what it is given while it runs."""
    live = SourceFile(name="stdin", content="", encoding="live")
    job = await stage.submit(READS, interactive=builders.INTERACTION, stdin=live)
    inputs = InputLog(stage.broker, stage.log, patience_s=10)
    for piece in (NewPiece(0, LINE.encode()), NewPiece(len(LINE), b"", end=True)):
        moment = CommandContext(datetime.now(UTC), "the test")
        stored = await patiently(lambda: inputs.add(builders.USER, job, piece, moment))  # noqa: B023 - awaited
        assert isinstance(stored, InputEnd), stored


async def files(stage: Stage, _: Victim) -> None:
    await stage.submit(FILES, artifacts=("*.bin",))


async def long(stage: Stage, _: Victim) -> None:
    """Longer than until the first heartbeat; ended when it was begun again."""
    await stage.submit_lasting(attempts=2)


async def superseded(stage: Stage, _: Victim) -> None:
    """Somebody else begins another attempt while the first one runs."""
    job = await stage.submit_lasting(attempts=3)
    await stage.story.until(job, "running")
    running = builders.running(job, attempt=2, executor_id="other")
    await stage.log.append(running, expected=stage.story.last_sequence(job), patience_s=10)


async def cancelled(stage: Stage, _: Victim) -> None:
    await stage.submit_lasting(attempts=1)


async def stop(stage: Stage, dying: Victim) -> None:
    """It is told to stop while one job runs and another is at hand."""
    job = await stage.submit_lasting(attempts=2)
    await _tell_to_stop(stage, dying, job)


async def drain(stage: Stage, dying: Victim) -> None:
    """The same, and the job that runs ends within the grace period."""
    job = await stage.submit_lasting()
    await _tell_to_stop(stage, dying, job)
    await stage.cancel(job)


async def _tell_to_stop(stage: Stage, dying: Victim, job: str) -> None:
    await stage.story.until(job, "running")
    # One of the others is kept at hand for as long as another one waits; or it was given back already.
    await stage.submit(user="bob")
    await stage.submit(user="carol")

    async def is_one_at_hand() -> bool:
        return dying.is_over or "headrace_jobs_held 2.0" in await dying.metrics()

    await until(is_one_at_hand)
    dying.terminate()


BEFORE: dict[str, Callable[[Stage], Awaitable[None]]] = {"start": start, "lost": lost}
AFTERWARDS: dict[str, Callable[[Stage, Victim], Awaitable[None]]] = {
    each.__name__: each for each in (plain, compiled, talk, files, long, superseded, cancelled, stop, drain)
}


async def run(point: Point, nursery: Nursery, turn: asyncio.Semaphore, directory: Path) -> None:
    """Let one executor die, and another go on; its turn is over when there is nothing to do but wait."""
    async with AsyncExitStack() as opened:
        async with turn, asyncio.timeout(PATIENCE_S):
            server, broker = await opened.enter_async_context(own_log(directory / "nats"))
            story = await opened.enter_async_context(followed(broker))
            group = await opened.enter_async_context(asyncio.TaskGroup())
            stage = Stage(broker, Log(broker), story, group, [])
            environment = {
                **server.environment,
                "HEADRACE_SLOTS": "1",
                "HEADRACE_GRACE_S": str(PATIENCE_S),
                "HEADRACE_ATTEMPTS_MAX": "1" if point.scenario == "lost" else "3",
                "PATH": os.defpath,
            }
            if point.scenario in BEFORE:
                await BEFORE[point.scenario](stage)
            async with nursery.victim(point, environment, directory / "victim") as dying:
                if not point.from_start:
                    await dying.ready()
                    dying.arm()
                    await AFTERWARDS[point.scenario](stage, dying)
                await dying.dead()
            survivor = await opened.enter_async_context(nursery.program(environment))
            await survivor.ready()
        async with asyncio.timeout(PATIENCE_S):
            await _judge(point, stage)


async def _judge(point: Point, stage: Stage) -> None:
    for job, told in zip(stage.jobs, point.then.split(" / "), strict=True):
        end = await stage.story.until_ended(job)
        assert " ".join(stage.story.kinds(job)) in told.split(" | ")
        if point.scenario == "talk":
            assert_read_once(end)

    # A job that is terminal is acknowledged, whoever finds it so, and nothing else is delivered any more.
    async def is_nothing_left() -> bool:
        consumer = await _consumer(stage.broker)
        return (consumer["num_pending"], consumer["num_ack_pending"]) == (0, 0)

    await until(is_nothing_left)
    # An acknowledged job has left no input.
    assert (await stage.broker.api(f"STREAM.INFO.{INPUT}"))["state"]["messages"] == 0


async def _consumer(broker: Broker) -> dict[str, Any]:
    return await broker.api(f"CONSUMER.INFO.{JOBS}.{EXECUTOR_DURABLE}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Runs]:
    directory = tmp_path_factory.mktemp("executors")
    async with begun(request, directory, "executor", run, at_once=AT_ONCE) as runs:
        yield runs


@pytest.mark.parametrize("point", cases(EXECUTOR_POINTS, ("compiled", needs("c"))))
async def test_an_executor_that_dies_there_leaves_one_outcome(point: Point, runs: Runs) -> None:
    await runs[point.name]
