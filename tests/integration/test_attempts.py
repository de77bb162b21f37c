"""An attempt begins and ends although the log does not answer one question.

Found in a run under faults: a job was let go for that, and waited until it was delivered again.
"""

from typing import cast

import pytest

from services.executor.attempts.runner import Attempts, StartedAttempt
from services.executor.languages.catalogue import Offered, load_languages
from services.executor.sandbox.interface import Sandbox
from services.executor.scheduling.actions import Abandon, Ack
from services.executor.scheduling.cell_supply import CellSupply
from services.executor.scheduling.execution import Execution
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from services.executor.settings import ExecutorSettings
from shared.domain.events import Event, Isolation
from shared.domain.job import Finished
from shared.jetstream.connection import Broker
from shared.jetstream.errors import UnreachableError
from shared.jetstream.event_log import Appended, Log
from shared.jetstream.job_history import History, NewerEventError
from tests import builders


class OnceSilentLog(Log):
    """The log, but for its first answer about a job, which does not come."""

    was_silent = False

    async def read_job(self, user_id: str, job_id: str, *, at_least: int | None = None) -> History:
        if not self.was_silent:
            self.was_silent = True
            raise UnreachableError("no answer")
        return await super().read_job(user_id, job_id, at_least=at_least)


class NoSandbox:
    """Says what it would isolate."""

    isolation = Isolation()


@pytest.fixture
def silent(broker: Broker) -> OnceSilentLog:
    return OnceSilentLog(broker)


@pytest.fixture
async def attempts(broker: Broker, silent: OnceSilentLog) -> Attempts:
    """No program is run here."""
    settings = ExecutorSettings(executor_id="x1")
    offered = {"python": Offered(load_languages()["python"], "3")}
    sandbox = cast("Sandbox", NoSandbox())
    supply = CellSupply(sandbox, patience_s=60.0)
    return Attempts(broker, silent, sandbox, offered, UnfinishedJobs(), supply, settings)


def execution() -> Execution:
    return Execution(builders.queued())


async def write(log: Log, *events: Event) -> None:
    expected = 0
    for event in events:
        result = await log.append(event, expected=expected, patience_s=5)
        assert isinstance(result, Appended)
        expected = result.sequence


async def test_a_job_that_was_delivered_is_not_let_go(
    attempts: Attempts, log: Log, silent: OnceSilentLog
) -> None:
    await write(log, builders.queued(), builders.running(), builders.completed())
    assert await attempts.perform(execution()) == Ack()
    assert silent.was_silent


async def test_a_result_is_not_given_up(attempts: Attempts, log: Log, silent: OnceSilentLog) -> None:
    """Its user asks for the end meanwhile, so the append is refused and the job is read."""
    await write(log, builders.queued(), builders.running(), builders.cancel_requested())
    ended = await attempts._finish(execution(), StartedAttempt(builders.running(), 2), builders.completed())  # noqa: SLF001 - the end alone
    assert ended == Ack()
    assert silent.was_silent
    assert isinstance((await log.read_job(builders.USER, builders.JOB)).state, Finished)


async def test_nothing_is_begun_or_ended_behind_an_event_of_a_newer_version(
    broker: Broker, attempts: Attempts, log: Log
) -> None:
    """The job is let go, for an executor that knows the event; so is one whose program has run."""
    await write(log, builders.queued(), builders.running())
    await broker.request(*builders.newer())
    assert await attempts.perform(execution()) == Abandon()
    with pytest.raises(NewerEventError):
        await attempts._finish(execution(), StartedAttempt(builders.running(), 2), builders.completed())  # noqa: SLF001 - the end alone
    assert await log.last_sequence() == 3
