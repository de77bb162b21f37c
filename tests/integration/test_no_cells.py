"""A job that gets no cell loses nothing: no attempt of it is recorded, and it waits for a host that can."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from services.executor.attempts.live_input import LiveInputs
from services.executor.attempts.runner import Attempts
from services.executor.languages.catalogue import Offered, load_languages
from services.executor.sandbox.cold.sandbox import TRIAL
from services.executor.sandbox.interface import CellError
from services.executor.sandbox.settings import SandboxSettings
from services.executor.sandbox.warm.sandbox import WarmSandbox, open_warm_sandbox
from services.executor.scheduling.actions import Ack, Nak
from services.executor.scheduling.cell_supply import CellSupply
from services.executor.scheduling.execution import Execution
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from services.executor.settings import ExecutorSettings
from shared.domain.events import JobCompleted, JobFailed, JobQueued, SourceFile
from shared.domain.job import Finished, JobState, Queued
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Appended, Log
from tests import builders
from tests.cells_held_up import no_new_cells
from tests.hosts import needs_cgroups

pytestmark = [needs_cgroups, pytest.mark.asyncio]


@dataclass
class Executor:
    """Its parts, without a scheduler."""

    log: Log
    sandbox: WarmSandbox
    supply: CellSupply
    attempts: Attempts

    async def perform(self, queued: JobQueued) -> object:
        return await self.attempts.perform(Execution(queued))

    async def state(self, queued: JobQueued) -> JobState:
        return (await self.log.read_job(queued.user_id, queued.job_id)).state

    async def use_up(self) -> None:
        """Take the cells that are ready already."""
        with contextlib.suppress(CellError):
            while True:
                await (await self.sandbox.reserve(TRIAL)).release()

    async def until_open(self) -> None:
        """Wait until a trial has failed."""
        opened = asyncio.Event()
        self.supply.listen(lambda: opened.set() if self.supply.health.is_open else None)
        async with asyncio.timeout(30):
            while not self.supply.health.is_open:
                await opened.wait()


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[WarmSandbox]:
    async with open_warm_sandbox(SandboxSettings(cells_ready=1), early=()) as opened:
        yield opened


def executor(broker: Broker, log: Log, sandbox: WarmSandbox, *, patience_s: float) -> Executor:
    settings = ExecutorSettings(executor_id="x1", cell_patience_s=patience_s)
    supply = CellSupply(sandbox, patience_s=patience_s)
    offered = {"python": Offered(load_languages()["python"], "3")}
    attempts = Attempts(broker, log, sandbox, offered, UnfinishedJobs(), supply, LiveInputs(log), settings)
    return Executor(log, sandbox, supply, attempts)


async def accepted(log: Log) -> JobQueued:
    queued = builders.queued(files=(SourceFile(name="main.py", content="print(42)"),))
    assert isinstance(await log.append(queued, expected=0, patience_s=5), Appended)
    return queued


async def test_it_is_given_back_unbegun_and_completes_in_its_first_attempt(
    broker: Broker, log: Log, sandbox: WarmSandbox
) -> None:
    here, queued = executor(broker, log, sandbox, patience_s=60.0), await accepted(log)
    with no_new_cells(os.getpid()):
        await here.use_up()
        delays = []
        for _ in range(4):
            answer = await here.perform(queued)
            assert isinstance(answer, Nak)
            delays.append(answer.delay_s)
        assert sum(delays) > 7.5, "so often within a second, attempts would be gone"
        assert not here.supply.health.may_start
        assert isinstance(await here.state(queued), Queued)
    assert await here.perform(queued) == Ack()
    state = await here.state(queued)
    assert isinstance(state, Finished)
    assert isinstance(state.outcome, JobCompleted)
    assert state.outcome.attempt == 1


async def test_trials_find_out_when_cells_can_be_made_again(
    broker: Broker, log: Log, sandbox: WarmSandbox
) -> None:
    here = executor(broker, log, sandbox, patience_s=60.0)
    trials = asyncio.create_task(here.supply.run())
    with no_new_cells(os.getpid()):
        await here.use_up()
        await here.perform(await accepted(log))
        await here.until_open()
        why = here.supply.unready_reason()
        assert why is not None
        assert "a cell could not be made" in why
    assert await here.supply.wait_until_recovered(asyncio.Event(), within_s=30)
    assert here.supply.unready_reason() is None
    trials.cancel()


async def test_it_ends_with_the_reason_where_no_host_can_for_too_long(
    broker: Broker, log: Log, sandbox: WarmSandbox
) -> None:
    here, queued = executor(broker, log, sandbox, patience_s=0.0), await accepted(log)
    trials = asyncio.create_task(here.supply.run())
    with no_new_cells(os.getpid()):
        await here.use_up()
        here.supply.report_failure("a job before it got no cell")
        await here.until_open()
        assert await here.perform(queued) == Ack()
    state = await here.state(queued)
    assert isinstance(state, Finished)
    assert isinstance(state.outcome, JobFailed)
    assert (state.outcome.reason, state.outcome.attempt) == ("sandbox_error", 1)
    assert "no host could make a cell" in (state.outcome.detail or "")
    trials.cancel()
