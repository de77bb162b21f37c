"""An attempt begins and ends although the log does not answer one question.

Found in a run under faults: a job was let go for that, and waited until it was delivered again.
"""

from typing import cast

import pytest

from services.executor.attempts.artifact_quota import Allowances
from services.executor.attempts.artifacts import Artifacts
from services.executor.attempts.job_reader import JobStanding
from services.executor.attempts.live_input import LiveInputs
from services.executor.attempts.recorder import AttemptRecorder, StartedAttempt
from services.executor.attempts.runner import Attempts
from services.executor.languages.catalogue import Offered, load_languages
from services.executor.sandbox.interface import Sandbox
from services.executor.scheduling.actions import Abandon, Ack
from services.executor.scheduling.cell_supply import CellSupply
from services.executor.scheduling.execution import Execution
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from services.executor.settings import ExecutorSettings
from shared.contract.subjects import ARTIFACTS
from shared.domain.decisions import AttemptStart
from shared.domain.events import Event, Isolation
from shared.domain.job import Finished, Queued, Running
from shared.jetstream.connection import Broker
from shared.jetstream.errors import UnreachableError
from shared.jetstream.event_log import Appended, Log
from shared.jetstream.job_history import History, NewerEventError
from shared.jetstream.object_store import Objects
from tests import builders


class OnceSilentLog(Log):
    """The log, but for its first answer about a job, which does not come."""

    was_silent = False

    async def read_job(self, user_id: str, job_id: str, *, min_sequence: int | None = None) -> History:
        if not self.was_silent:
            self.was_silent = True
            raise UnreachableError("no answer")
        return await super().read_job(user_id, job_id, min_sequence=min_sequence)


class NoSandbox:
    """Says what it would isolate."""

    isolation = Isolation()


SETTINGS = ExecutorSettings(executor_id="x1")
STARTER = AttemptStart("x1", Isolation(), "3", attempts_max=3)


@pytest.fixture
def silent(broker: Broker) -> OnceSilentLog:
    return OnceSilentLog(broker)


@pytest.fixture
async def attempts(broker: Broker, silent: OnceSilentLog) -> Attempts:
    """No program is run here."""
    offered = {"python": Offered(load_languages()["python"], "3")}
    sandbox = cast("Sandbox", NoSandbox())
    supply = CellSupply(sandbox, patience_s=60.0)
    return Attempts(broker, silent, sandbox, offered, UnfinishedJobs(), supply, LiveInputs(silent), SETTINGS)


@pytest.fixture
def unfinished() -> UnfinishedJobs:
    return UnfinishedJobs()


@pytest.fixture
async def recorder(broker: Broker, silent: OnceSilentLog, unfinished: UnfinishedJobs) -> AttemptRecorder:
    artifacts = Artifacts(Objects(broker, silent, ARTIFACTS), Allowances(broker, SETTINGS))
    return AttemptRecorder(silent, unfinished, artifacts)


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


async def test_a_result_is_not_given_up(recorder: AttemptRecorder, log: Log, silent: OnceSilentLog) -> None:
    """Its user asks for the end meanwhile, so the append is refused and the job is read."""
    await write(log, builders.queued(), builders.running(), builders.cancel_requested())
    ended = await recorder.finish(execution(), StartedAttempt(builders.running(), 2), builders.completed())
    assert ended == Ack()
    assert silent.was_silent
    assert isinstance((await log.read_job(builders.USER, builders.JOB)).state, Finished)


async def test_nothing_is_begun_or_ended_behind_an_event_of_a_newer_version(
    broker: Broker, attempts: Attempts, recorder: AttemptRecorder, log: Log
) -> None:
    """The job is let go, for an executor that knows the event; so is one whose program has run."""
    await write(log, builders.queued(), builders.running())
    await broker.request(*builders.newer())
    assert await attempts.perform(execution()) == Abandon()
    with pytest.raises(NewerEventError):
        await recorder.finish(execution(), StartedAttempt(builders.running(), 2), builders.completed())
    assert await log.last_sequence() == 3


async def test_what_the_follower_knows_is_not_read_again(
    recorder: AttemptRecorder, unfinished: UnfinishedJobs, log: Log, silent: OnceSilentLog
) -> None:
    """Neither append of an attempt reads the job, and the second one follows a request to stop."""
    await write(log, builders.queued())
    unfinished.apply(1, builders.queued())
    started = await recorder.start(builders.queued(), await recorder.known(builders.queued()), STARTER)
    assert isinstance(started, StartedAttempt)
    unfinished.apply(started.sequence, started.running)
    request = await log.append(builders.cancel_requested(), expected=started.sequence, patience_s=5)
    assert isinstance(request, Appended)
    unfinished.apply(request.sequence, builders.cancel_requested())
    assert await recorder.finish(execution(), started, builders.completed()) == Ack()
    assert not silent.was_silent
    assert await log.last_sequence() == 4


@pytest.mark.parametrize(
    ("meanwhile", "disposition"),
    [
        ([builders.running()], Abandon()),
        ([builders.running(), builders.cancel_requested()], Abandon()),
        ([builders.running(), builders.completed()], Ack()),
        ([builders.cancelled()], Ack()),
    ],
)
async def test_what_happened_before_an_attempt_is_recorded_decides_again(
    recorder: AttemptRecorder, log: Log, meanwhile: list[Event], disposition: Abandon | Ack
) -> None:
    """The follower lags: the job is known as queued, and the log has more of it."""
    await write(log, builders.queued(), *meanwhile)
    known = JobStanding(Queued(builders.queued()), 1)
    assert await recorder.start(builders.queued(), known, STARTER) == disposition
    assert await log.last_sequence() == 1 + len(meanwhile)


async def test_an_outcome_is_dropped_unread_where_a_later_attempt_is_known(
    recorder: AttemptRecorder, unfinished: UnfinishedJobs, log: Log, silent: OnceSilentLog
) -> None:
    history: list[Event] = [builders.queued(), builders.running(), builders.running(attempt=2)]
    await write(log, *history)
    for sequence, event in enumerate(history, start=1):
        unfinished.apply(sequence, event)
    started = StartedAttempt(builders.running(), 2)
    assert await recorder.finish(execution(), started, builders.completed()) == Abandon()
    assert not silent.was_silent
    assert isinstance((await log.read_job(builders.USER, builders.JOB)).state, Running)
