"""An attempt's files on a real server: there before they are named, gone if their outcome is refused."""

import asyncio
import hashlib
import os

import pytest

from headrace.local.nats_server import NatsServer
from services.executor.attempts.artifact_quota import Allowances
from services.executor.attempts.artifacts import Artifacts, Kept
from services.executor.attempts.recorder import AttemptRecorder, StartedAttempt
from services.executor.sandbox.interface import CellFile, Skipped, Verdict
from services.executor.scheduling.actions import Abandon, Ack
from services.executor.scheduling.execution import Execution
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from services.executor.settings import ExecutorSettings
from shared.contract.subjects import ARTIFACTS, artifact_name
from shared.domain.events import Event, JobCompleted
from shared.domain.result import Result
from shared.jetstream.connection import Broker
from shared.jetstream.errors import BrokerError
from shared.jetstream.event_log import Appended, Log
from shared.jetstream.object_store import Objects
from shared.jetstream.stream_config import ProvisionSettings
from shared.provision import provision
from tests import builders

FILES = (CellFile("out/a.bin", os.urandom(300_000)), CellFile("out/empty", b""))


@pytest.fixture
def objects(broker: Broker, log: Log) -> Objects:
    return Objects(broker, log, ARTIFACTS)


@pytest.fixture
def recorder(broker: Broker, log: Log, objects: Objects) -> AttemptRecorder:
    """What is tested begins when the program has ended."""
    return AttemptRecorder(log, UnfinishedJobs(), kept_by(broker, objects))


def kept_by(broker: Broker, objects: Objects) -> Artifacts:
    """Of an executor that nobody answers what its users hold: it counts what it stored itself."""
    return Artifacts(objects, Allowances(broker, ExecutorSettings(executor_id="x1")))


def execution() -> Execution:
    return Execution(builders.queued())


def verdict(*files: CellFile, skipped: tuple[Skipped, ...] = ()) -> Verdict:
    return Verdict(
        exit_code=0,
        signal=None,
        stopped_by=None,
        wall_ms=1,
        cpu_ms=1,
        memory_peak_bytes=None,
        stdout_bytes=0,
        stderr_bytes=0,
        artifacts=files,
        skipped=skipped,
    )


def outcome(kept: Kept, attempt: int = 1) -> JobCompleted:
    return JobCompleted(
        job_id=builders.JOB,
        user_id=builders.USER,
        time=builders.NOON,
        request_id="req-1",
        attempt=attempt,
        result=Result(exit_code=0, artifacts=kept.artifacts, skipped=kept.skipped),
    )


async def contents(objects: Objects, attempt: int = 1) -> list[bytes | None]:
    found: list[bytes | None] = []
    for number in range(len(FILES)):
        description = await objects.describe(artifact_name(builders.JOB, attempt, number))
        pieces = None if description is None else [piece async for piece in objects.read(description)]
        found.append(None if pieces is None else b"".join(pieces))
    return found


async def write(log: Log, *history: Event) -> int:
    sequence = 0
    for event in history:
        appended = await log.append(event, expected=sequence, patience_s=5)
        assert isinstance(appended, Appended)
        sequence = appended.sequence
    return sequence


async def test_files_are_stored_before_they_are_named(objects: Objects, broker: Broker) -> None:
    skipped = Skipped("out/large", "no room")
    kept = await kept_by(broker, objects).keep(execution(), 1, verdict(*FILES, skipped=(skipped,)))
    assert [(each.path, each.size, each.sha256) for each in kept.artifacts] == [
        (file.path, len(file.content), hashlib.sha256(file.content).hexdigest()) for file in FILES
    ]
    assert [(each.path, each.reason) for each in kept.skipped] == [("out/large", "no room")]
    assert await contents(objects) == [file.content for file in FILES]


async def test_a_file_over_the_users_share_is_told_and_the_others_are_kept(
    objects: Objects, broker: Broker
) -> None:
    await provision(broker, ProvisionSettings(artifacts_bytes_max=4 * 500_000))
    large = CellFile("large", os.urandom(600_000))
    kept = await kept_by(broker, objects).keep(execution(), 1, verdict(FILES[0], large, FILES[1]))
    assert [each.path for each in kept.artifacts] == [file.path for file in FILES]
    assert [each.path for each in kept.skipped] == ["large"]
    assert "your share of the store: 301024 of 500000 bytes used" in kept.skipped[0].reason
    assert await contents(objects) == [file.content for file in FILES]


async def test_files_wait_for_a_store_that_cannot_be_reached(
    objects: Objects, broker: Broker, nats_server: NatsServer
) -> None:
    await nats_server.kill()
    keeping = asyncio.create_task(kept_by(broker, objects).keep(execution(), 1, verdict(*FILES)))
    await nats_server.start()
    assert len((await keeping).artifacts) == len(FILES)
    assert await contents(objects) == [file.content for file in FILES]


@pytest.mark.full
async def test_a_process_that_must_end_does_not_wait_for_the_store(
    objects: Objects, broker: Broker, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.executor.attempts.artifacts.PATIENCE_S", 0)
    ending = execution()
    ending.ask_to_stop("shutdown")
    await nats_server.kill()
    with pytest.raises(BrokerError):
        await kept_by(broker, objects).keep(ending, 1, verdict(*FILES))


async def test_what_a_job_stored_counts_until_its_attempt_ends_without_a_word(
    objects: Objects, broker: Broker
) -> None:
    await provision(broker, ProvisionSettings(artifacts_bytes_max=4 * 500_000))
    artifacts = kept_by(broker, objects)
    job_id = execution().queued.job_id
    assert len((await artifacts.keep(execution(), 1, verdict(FILES[0]))).artifacts) == 1
    assert len((await artifacts.keep(execution(), 2, verdict(FILES[0]))).artifacts) == 0
    artifacts.forget_unrecorded(job_id)
    assert len((await artifacts.keep(execution(), 3, verdict(FILES[0]))).artifacts) == 1
    artifacts.mark_recorded(job_id, 9)
    artifacts.forget_unrecorded(job_id)
    assert len((await artifacts.keep(execution(), 4, verdict(FILES[0]))).artifacts) == 0


async def test_a_recorded_outcome_keeps_its_files(
    recorder: AttemptRecorder, objects: Objects, broker: Broker, log: Log
) -> None:
    sequence = await write(log, builders.queued(), builders.running())
    kept = await kept_by(broker, objects).keep(execution(), 1, verdict(*FILES))
    ended = await recorder.finish(execution(), StartedAttempt(builders.running(), sequence), outcome(kept))
    assert ended == Ack()
    assert await contents(objects) == [file.content for file in FILES]


async def test_an_outcome_that_was_stored_after_all_keeps_its_files(
    recorder: AttemptRecorder, objects: Objects, broker: Broker, log: Log
) -> None:
    """The append was given up, and its event came through later."""
    kept = await kept_by(broker, objects).keep(execution(), 1, verdict(*FILES))
    await write(log, builders.queued(), builders.running(), outcome(kept))
    ended = await recorder.finish(execution(), StartedAttempt(builders.running(), 2), outcome(kept))
    assert ended == Ack()
    assert await contents(objects) == [file.content for file in FILES]


@pytest.mark.parametrize("finished", [False, True])
async def test_a_fenced_attempts_files_are_taken_back(
    recorder: AttemptRecorder, objects: Objects, broker: Broker, log: Log, finished: bool
) -> None:
    newer = await kept_by(broker, objects).keep(execution(), 2, verdict(*FILES))
    history: list[Event] = [builders.queued(), builders.running(), builders.running(attempt=2)]
    await write(log, *history, *([outcome(newer, 2)] if finished else []))
    older = await kept_by(broker, objects).keep(execution(), 1, verdict(*FILES))
    ended = await recorder.finish(execution(), StartedAttempt(builders.running(), 2), outcome(older))
    assert ended == (Ack() if finished else Abandon())
    assert await contents(objects, 1) == [None, None]
    assert await contents(objects, 2) == [file.content for file in FILES]
