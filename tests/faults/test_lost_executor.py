"""A thousand jobs of twenty users on two executors, one of them killed half-way; judged by the log alone."""

import asyncio
import sys
from asyncio.subprocess import Process
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from headrace.local.nats_server import NatsServer, free_port
from shared.broker import Broker
from shared.events import Event, JobQueued, JobRunning, SourceFile
from shared.follow import Follower
from shared.log import Appended, Entry, Log
from shared.subjects import JOBS
from tests import builders

USERS = 20
JOBS_PER_USER = 50
PATIENCE_S = 30.0
TERMINAL = frozenset({"completed", "failed", "timeout", "cancelled"})


@dataclass
class Story:
    """What the log says of every job, in its order."""

    kinds: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    queued: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    first_running: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    attempts: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    executors: set[str] = field(default_factory=set)
    unfinished: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    overlaps: list[str] = field(default_factory=list)
    terminal: int = 0
    newest: Event | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self, batch: list[Entry]) -> None:
        for entry in batch:
            self._add(entry)
        self.changed.set()

    def _add(self, entry: Entry) -> None:
        event = entry.event()
        self.newest = event
        kind = entry.subject.rsplit(".", 1)[1]
        self.kinds[event.job_id].append(kind)
        if isinstance(event, JobQueued):
            self.queued[event.user_id].append(event.job_id)
        elif isinstance(event, JobRunning):
            self.executors.add(event.executor_id)
            if not self.attempts[event.job_id]:
                self.first_running[event.user_id].append(event.job_id)
            self.attempts[event.job_id].append(event.attempt)
            if self.unfinished[event.user_id] - {event.job_id}:
                self.overlaps.append(event.job_id)
            self.unfinished[event.user_id].add(event.job_id)
        elif kind in TERMINAL:
            self.unfinished[event.user_id].discard(event.job_id)
            self.terminal += 1

    async def until_begun_by(self, executor_id: str) -> None:
        """The newest event of the log is an attempt that this executor has just begun."""
        while self._newest_begun_by() != executor_id:
            self.changed.clear()
            await self.changed.wait()

    def _newest_begun_by(self) -> str | None:
        return self.newest.executor_id if isinstance(self.newest, JobRunning) else None

    async def until_terminal(self, count: int) -> None:
        while self.terminal < count:
            self.changed.clear()
            await self.changed.wait()


class Executors:
    """Executor processes over one log, ended by pid."""

    def __init__(self, nats_server: NatsServer, directory: Path) -> None:
        self._environment = nats_server.environment
        self._directory = directory
        self.processes: list[Process] = []

    async def start(self) -> Process:
        environment = {
            **self._environment,
            "HEADRACE_HEALTH_PORT": str(free_port()),
            "HEADRACE_EXECUTOR_ID": f"x{len(self.processes) + 1}",
            "HEADRACE_SLOTS": "4",
            "PATH": "/usr/bin:/bin",
        }
        with (self._directory / f"executor-{len(self.processes) + 1}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "services.executor", env=environment, stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    async def end(self) -> None:
        for process in self.processes:
            if process.returncode is None:
                process.kill()
            await process.wait()


@pytest.fixture
async def executors(nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[Executors]:
    started = Executors(nats_server, tmp_path)
    yield started
    await started.end()


@pytest.mark.timeout(300)
async def test_a_thousand_jobs_survive_the_loss_of_an_executor(
    broker: Broker, log: Log, executors: Executors
) -> None:
    story = Story()
    following = asyncio.create_task(Follower(broker, JOBS, story.follow, service="test").run())
    total = USERS * JOBS_PER_USER
    for _ in range(2):
        await executors.start()
    await asyncio.gather(*(_submit(log, f"user {number}") for number in range(USERS)))

    async with asyncio.timeout(240):
        await story.until_terminal(total // 2)
        await story.until_begun_by("x1")
        executors.processes[0].kill()
        await story.until_terminal(total)
    following.cancel()

    assert len(story.kinds) == total
    for job, kinds in story.kinds.items():
        assert kinds[0] == "queued"
        assert kinds.count("queued") == 1
        assert [kind for kind in kinds if kind in TERMINAL] == ["completed"]
        assert kinds[-1] == "completed"
        assert story.attempts[job] == list(range(1, len(story.attempts[job]) + 1))
    for user, queued in story.queued.items():
        assert story.first_running[user] == queued
    assert story.overlaps == []
    # The attack happened: both executors worked, and the killed one left attempts behind.
    assert story.executors == {"x1", "x2"}
    assert executors.processes[0].returncode == -9
    assert any(len(attempts) == 2 for attempts in story.attempts.values())


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
