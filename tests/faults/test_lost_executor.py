"""A thousand jobs of twenty users on two executors, one of them killed half-way; judged by the log alone."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shared.contract.subjects import JOBS
from shared.domain.events import Event, JobRunning, SourceFile
from shared.jetstream.event_log import Appended, Log
from shared.jetstream.follower import Follower
from shared.jetstream.stored_message import Entry
from tests import builders
from tests.faults.ending import stored_log
from tests.faults.fleet import Fleet, Size, fleet_of
from tests.faults.history_file import Recorder
from tests.faults.rules.jobs import check_jobs
from tests.faults.rules.lanes import check_lanes
from tests.faults.rules.story import TERMINAL, Story, story_of
from tests.system.conftest import broker_of

USERS = 20
JOBS_PER_USER = 50
PATIENCE_S = 30.0
SIZE = Size(apis=0, executors=2, projectors=0, notifiers=0, slots=4)


@dataclass
class Progress:
    """How far the log has come."""

    terminal: int = 0
    newest: Event | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self, batch: list[Entry]) -> None:
        for entry in batch:
            self.newest = entry.event()
            self.terminal += isinstance(self.newest, TERMINAL)
        self.changed.set()

    async def until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            self.changed.clear()
            await self.changed.wait()

    def has_just_begun(self, executor_id: str) -> bool:
        return isinstance(self.newest, JobRunning) and self.newest.executor_id == executor_id


@pytest.mark.full
@pytest.mark.timeout(300)
async def test_a_thousand_jobs_survive_the_loss_of_an_executor(tmp_path: Path) -> None:
    with Recorder(tmp_path / "history.jsonl") as recorder:
        async with fleet_of(tmp_path / "data", SIZE, recorder) as fleet:
            await _in_the_log(fleet, _run_and_kill)
            story = story_of(await stored_log(fleet))
    _assert_sound(story)
    # The attack happened: both executors worked, and the killed one left attempts behind.
    attempts = {job_id: story.attempts(job_id) for job_id in story.of_job}
    worked = {running.executor_id for told in attempts.values() for _, running in told}
    assert worked == {"executor-1-1", "executor-2-1"}
    assert any(len(told) == 2 for told in attempts.values())


async def _in_the_log(fleet: Fleet, work: Callable[[Fleet, Log, Progress], Awaitable[None]]) -> None:
    """Do it while the log is followed."""
    async with broker_of(fleet.stack) as broker:
        progress = Progress()
        following = asyncio.create_task(Follower(broker, JOBS, progress.follow, service="test").run())
        async with asyncio.timeout(240):
            await work(fleet, Log(broker), progress)
        following.cancel()


async def _run_and_kill(fleet: Fleet, log: Log, progress: Progress) -> None:
    total = USERS * JOBS_PER_USER
    victim = fleet.of("executor")[0]
    await asyncio.gather(*(_submit(log, f"user {number}") for number in range(USERS)))
    await progress.until(lambda: progress.terminal >= total // 2)
    await progress.until(lambda: progress.has_just_begun(victim.life))
    await victim.stop(signal.SIGKILL)
    await progress.until(lambda: progress.terminal == total)


def _assert_sound(story: Story) -> None:
    assert [*check_jobs(story), *check_lanes(story)] == []
    assert len(story.of_job) == USERS * JOBS_PER_USER
    assert {record.status for record in story.newest.values()} == {"completed"}


async def _submit(log: Log, user: str) -> None:
    for _ in range(JOBS_PER_USER):
        queued = builders.queued(
            builders.job_id(),
            user,
            language="bash",
            entrypoint="main.sh",
            files=(SourceFile(name="main.sh", content="sleep 0.05"),),
        )
        assert isinstance(await log.append(queued, expected=0, patience_s=PATIENCE_S), Appended)
