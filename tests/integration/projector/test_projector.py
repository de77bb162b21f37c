"""The projector follows the log whatever the log, or its own file, turns out to be."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from prometheus_client import Counter

from headrace.local.nats_server import NatsServer
from services.projector.batch_writer import BatchWriter, ReadAgainError
from services.projector.database import open_database
from services.projector.projector import Projector
from services.projector.rebuild import rebuild_view
from shared.contract.subjects import JOBS, VIEW_JOBS, job_event
from shared.contract.view_api import JobQuestion, ViewProblem
from shared.jetstream.connection import Broker
from shared.jetstream.errors import UnreachableError
from shared.jetstream.follower import Follower
from shared.jetstream.stream_config import ProvisionSettings
from shared.observability import metrics
from shared.provision import provision
from tests import builders
from tests.integration.projector.asking import (
    answering,
    ask_job,
    ask_raw,
    publish,
    publish_raw,
    reached,
    rows_in,
)
from tests.integration.projector.conftest import Projecting
from tests.metric_values import value_of
from tests.unit.projector.histories import NEWER, POISON, random_history

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
QUESTION = JobQuestion(user_id=builders.USER, job_id=builders.JOB)


def counted(metric: Counter) -> float:
    return value_of(metric, reader="projector")


async def ready(broker: Broker, projector: Projector) -> None:
    await answering(broker, lambda _: projector.unready_reason() is None)


async def unready(broker: Broker, projector: Projector, why: str) -> None:
    await answering(broker, lambda _: why in (projector.unready_reason() or ""))


async def recreate_jobs(broker: Broker) -> None:
    await broker.api(f"STREAM.DELETE.{JOBS}")
    await provision(broker, ProvisionSettings())


async def test_follows_what_is_there_and_what_comes(broker: Broker, projecting: Projecting) -> None:
    await publish(broker, builders.queued(), builders.running())
    async with projecting() as projector, asyncio.timeout(20):
        await ready(broker, projector)
        last = await publish(broker, builders.completed())
        await reached(broker, last)
        job = (await ask_job(broker, QUESTION)).job
        assert job is not None
        assert (job.status, job.last_sequence) == ("completed", last)


async def test_goes_on_from_its_checkpoint(broker: Broker, projecting: Projecting) -> None:
    async with projecting(), asyncio.timeout(20):
        await reached(broker, await publish(broker, builders.queued()))
    # What the view has read already is not needed again.
    await broker.api(f"STREAM.MSG.DELETE.{JOBS}", {"seq": 1})
    last = await publish(broker, builders.running())
    async with projecting(), asyncio.timeout(20):
        await reached(broker, last)
        job = (await ask_job(broker, QUESTION)).job
        assert job is not None
        assert (job.status, job.queued_sequence) == ("running", 1)


async def test_an_empty_log_is_a_ready_view(broker: Broker, projecting: Projecting) -> None:
    async with projecting() as projector, asyncio.timeout(20):
        await ready(broker, projector)
        assert (await answering(broker)).checkpoint == 0


async def test_poison_is_counted_and_passed(broker: Broker, projecting: Projecting) -> None:
    before = counted(metrics.POISON)
    await publish(broker, builders.queued())
    await publish_raw(broker, job_event(builders.USER, builders.JOB, "running"), POISON)
    last = await publish(broker, builders.running())
    async with projecting() as projector, asyncio.timeout(20):
        await reached(broker, last)
        await ready(broker, projector)
    assert counted(metrics.POISON) == before + 1


async def test_a_newer_event_stops_the_view_until_it_can_be_read(
    broker: Broker, projecting: Projecting, path: Path
) -> None:
    before = counted(metrics.UNKNOWN)
    await publish(broker, builders.queued())
    newer = await publish_raw(broker, job_event(builders.USER, builders.JOB, "paused"), NEWER)
    last = await publish(broker, builders.running())
    for _ in range(2):
        async with projecting() as projector, asyncio.timeout(20):
            await unready(broker, projector, f"entry {newer} is a job.paused.v9")
            assert (await answering(broker)).checkpoint == newer - 1
    async with projecting() as projector, asyncio.timeout(20):
        await unready(broker, projector, "job.paused.v9")
        # An operator removes what nobody will ever read: the next try goes on.
        await broker.api(f"STREAM.MSG.DELETE.{JOBS}", {"seq": newer})
        await reached(broker, last)
        await ready(broker, projector)
    assert counted(metrics.UNKNOWN) == before + 3
    rows = await rows_in(path)
    assert [row[2] for row in rows["jobs"]] == ["running"]


async def test_a_newer_event_that_comes_later_stops_the_view_too(
    broker: Broker, projecting: Projecting
) -> None:
    async with projecting() as projector, asyncio.timeout(20):
        await ready(broker, projector)
        newer = await publish_raw(broker, job_event(builders.USER, builders.JOB, "paused"), NEWER)
        await unready(broker, projector, f"entry {newer} is a job.paused.v9")


async def test_a_log_made_anew_while_away_starts_the_view_over(
    broker: Broker, projecting: Projecting
) -> None:
    async with projecting(), asyncio.timeout(20):
        await reached(broker, await publish(broker, builders.queued(), builders.running()))
    await recreate_jobs(broker)
    other = builders.job_id()
    last = await publish(
        broker, *(builders.queued(job) for job in (other, *(builders.job_id() for _ in "abc")))
    )
    async with projecting(), asyncio.timeout(20):
        await answering(broker, lambda answer: answer.checkpoint == last and answer.jobs["queued"] == 4)
        assert (await ask_job(broker, QUESTION)).job is None


@pytest.mark.parametrize("count", [1, 2, 5])
async def test_a_log_made_anew_meanwhile_starts_the_view_over(
    broker: Broker, projecting: Projecting, count: int
) -> None:
    """With fewer, as many, and more entries than the view had read of the old one."""
    async with projecting(), asyncio.timeout(30):
        await reached(broker, await publish(broker, builders.queued(), builders.running()))
        await recreate_jobs(broker)
        await publish(broker, *(builders.queued(builders.job_id()) for _ in range(count)))
        await answering(broker, lambda answer: answer.jobs["queued"] == count)
        assert (await ask_job(broker, QUESTION)).job is None


async def test_a_new_log_that_goes_on_where_the_old_one_ended_is_noticed(
    broker: Broker, projecting: Projecting
) -> None:
    """Neither a sequence nor a missing entry gives it away: only when it was created."""
    async with projecting(), asyncio.timeout(20):
        await reached(broker, await publish(broker, builders.queued(), builders.running()))
        config = (await broker.api(f"STREAM.INFO.{JOBS}"))["config"]
        await broker.api(f"STREAM.DELETE.{JOBS}")
        await broker.api(f"STREAM.CREATE.{JOBS}", {**config, "first_seq": 3})
        last = await publish(broker, builders.queued(builders.job_id()))
        await answering(broker, lambda answer: answer.checkpoint == last and answer.jobs["queued"] == 1)
        assert (last, (await ask_job(broker, QUESTION)).job) == (3, None)


async def test_an_end_that_was_lost_and_written_again_is_read_again(broker: Broker, path: Path) -> None:
    """The log holds another entry where the view stands, and has since gone on."""
    last = await publish(broker, builders.queued(), builders.running(), builders.completed())
    path.parent.mkdir()
    async with open_database(path) as database, asyncio.timeout(20):
        intake = BatchWriter(database, last - 1)
        follower = Follower(
            broker, JOBS, intake.take, after=last - 1, after_time=LONG_AGO, service="projector"
        )
        with pytest.raises(ReadAgainError, match="entry 1 came again after 2"):
            await follower.run()


async def test_a_log_that_is_not_there_yet_is_waited_for(broker: Broker, projecting: Projecting) -> None:
    await broker.api(f"STREAM.DELETE.{JOBS}")
    async with projecting() as projector, asyncio.timeout(20):
        await unready(broker, projector, "the log cannot be read")
        await provision(broker, ProvisionSettings())
        await ready(broker, projector)


async def test_goes_on_across_killed_servers(
    broker: Broker, nats_server: NatsServer, projecting: Projecting, path: Path
) -> None:
    history = random_history(Random(1), 90)  # noqa: S311 - reproducible, not secret
    async with projecting(), asyncio.timeout(60):
        for begin in range(0, 90, 30):
            await publish(broker, *history[begin : begin + 30])
            await nats_server.kill()
            await nats_server.start()
            await reached(broker, begin + 30)
    live = await rows_in(path)
    await rebuild_view(broker, path, whole=True)
    assert await rows_in(path) == live
    assert live["checkpoint"][0][1] == 90


@pytest.mark.parametrize("seed", range(3))
async def test_the_live_view_equals_the_rebuilt_one_row_for_row(
    broker: Broker, projecting: Projecting, path: Path, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - reproducible, not secret
    history = random_history(random, 400)
    done = 0
    while done < len(history):
        async with projecting(), asyncio.timeout(30):
            for _ in range(4):
                step = random.randrange(1, 60)
                if random.random() < 0.3:
                    await publish_raw(broker, job_event(builders.USER, builders.job_id(), "running"), POISON)
                await publish(broker, *history[done : done + step])
                done += step
        # The block ends in the middle of whatever is under way.
    state = (await broker.api(f"STREAM.INFO.{JOBS}"))["state"]
    async with projecting(), asyncio.timeout(30):
        await reached(broker, state["last_seq"])
    live = await rows_in(path)
    await rebuild_view(broker, path, whole=True)
    assert await rows_in(path) == live
    assert len(live["jobs"]) > 50


async def test_an_unusable_file_is_rebuilt_before_answers(
    broker: Broker, projecting: Projecting, path: Path
) -> None:
    last = await publish(broker, builders.queued())
    await asyncio.to_thread(write_garbage, path)
    async with projecting() as projector, asyncio.timeout(20):
        assert (await answering(broker)).checkpoint == last
        await ready(broker, projector)
    assert await asyncio.to_thread(names_beside, path) == {path.name, f"{path.name}.lock"}


async def test_a_file_of_another_version_is_rebuilt(
    broker: Broker, projecting: Projecting, path: Path
) -> None:
    last = await publish(broker, builders.queued(), builders.running())
    async with projecting(), asyncio.timeout(20):
        await reached(broker, last)
    before = await rows_in(path)
    await asyncio.to_thread(change_version, path)
    async with projecting(), asyncio.timeout(20):
        await reached(broker, last)
    assert await rows_in(path) == before


@pytest.mark.full
async def test_a_file_that_turns_out_to_be_damaged_is_rebuilt_meanwhile(
    broker: Broker, projecting: Projecting, path: Path
) -> None:
    last = await publish(broker, *(builders.queued(builders.job_id()) for _ in range(3)))
    async with projecting(), asyncio.timeout(20):
        await reached(broker, last)
        await asyncio.to_thread(damage_records, path)
        answer = await ask_raw(broker, VIEW_JOBS, b'{"user_id":"alice"}')
        assert answer == ViewProblem(detail="the view cannot be read at the moment")
        await answers_jobs_again(broker)


async def answers_jobs_again(broker: Broker) -> None:
    while True:
        try:
            if not isinstance(await ask_raw(broker, VIEW_JOBS, b'{"user_id":"alice"}'), ViewProblem):
                return
        except UnreachableError:
            continue


def write_garbage(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"garbage, and enough of it to fill a header" * 100)


def change_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")


def damage_records(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE jobs SET record = x'7b'")


def names_beside(path: Path) -> set[str]:
    return {file.name for file in path.parent.iterdir()}
