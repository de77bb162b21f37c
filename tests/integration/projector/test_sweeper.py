"""Jobs whose time is over leave log, view and store together, wherever a crash falls; nobody else's do."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace.local.nats_server import NatsServer
from services.projector.database import Database, open_database
from services.projector.expiry_queries import select_due, select_leftovers
from services.projector.projector import Projector
from services.projector.rebuild import rebuild_view
from services.projector.rows import select_record
from services.projector.sweeper import Sweeper
from services.projector.view import apply_entries
from shared.contract.subjects import (
    ARTIFACTS,
    JOBS,
    artifact_name,
    events_of_kind,
    job_events,
    objects_stream,
)
from shared.contract.view_api import JobQuestion
from shared.domain.events import Event
from shared.domain.result import Artifact
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from shared.jetstream.object_store import Objects
from shared.jetstream.stored_message import Entry
from shared.jetstream.stream_config import ProvisionSettings
from shared.provision import provision
from tests import builders
from tests.integration.projector.asking import answering, ask_job, publish, reached, rows_in
from tests.integration.projector.conftest import Projecting
from tests.integration.projector.processes import projector_process

PATIENCE_S = 100
PAUSE_S = 0.02
"""Before each question, because loops ask: the server must have time for more than answers."""
FILES = (b"one", b"two", b"three")
LONG_S = 3_600


def life(job: str, user: str = builders.USER, *, ttl_s: int | None = 1, files: int = 0) -> list[Event]:
    """A job that ended long ago."""
    artifacts = tuple(Artifact(path=f"{number}", size=1, sha256="0" * 64) for number in range(files))
    completed = builders.completed(job, user)
    completed = msgspec.structs.replace(
        completed, result=msgspec.structs.replace(builders.result(), artifacts=artifacts)
    )
    return [builders.queued(job, user, ttl_s=ttl_s), builders.running(job, user), completed]


async def put_files(broker: Broker, log: Log, job: str, attempt: int = 1) -> None:
    objects = Objects(broker, log, ARTIFACTS)
    for number, content in enumerate(FILES):
        await objects.put(artifact_name(job, attempt, number), content, patience_s=5)


async def state_of(broker: Broker, stream: str, subjects: str | None = None) -> dict[str, Any]:
    """What a stream holds; with `subjects` its subjects too, which costs the server something for each."""
    await asyncio.sleep(PAUSE_S)
    question = None if subjects is None else {"subjects_filter": subjects}
    answer = await broker.api(f"STREAM.INFO.{stream}", question)
    return dict(answer["state"])


async def kinds_in(broker: Broker, user: str, job: str) -> list[str]:
    found = (await state_of(broker, JOBS, job_events(user, job))).get("subjects") or {}
    return sorted(subject.rpartition(".")[2] for subject in found)


async def stored_files(broker: Broker) -> int:
    return int((await state_of(broker, objects_stream(ARTIFACTS)))["messages"])


async def only_tombstone(broker: Broker, job: str, user: str = builders.USER) -> None:
    """Ask the log until nothing else is left of a job. The caller bounds the time."""
    while await kinds_in(broker, user, job) != ["expired"]:
        pass


async def swept(path: Path) -> None:
    """Read the view until nothing is due and nothing on its list."""
    async with open_database(path) as database:
        while await database.reader.call(select_due, 2**60, 1):
            pass
        while await database.reader.call(select_leftovers, 1):
            pass


async def test_a_job_whose_time_is_over_leaves_log_view_and_store(
    broker: Broker, log: Log, projecting: Projecting, path: Path
) -> None:
    job, kept = builders.job_id(), builders.job_id()
    await put_files(broker, log, job)
    await put_files(broker, log, kept)
    files = await stored_files(broker)
    await publish(broker, *life(job, files=3), *life(kept, ttl_s=LONG_S * 24 * 10_000, files=3))
    async with projecting(), asyncio.timeout(PATIENCE_S):
        await only_tombstone(broker, job)
        await swept_of(path, job)
        stats = await answering(broker, lambda answer: answer.jobs["completed"] == 1)
        assert (await ask_job(broker, JobQuestion(user_id=builders.USER, job_id=job))).job is None
        other = (await ask_job(broker, JobQuestion(user_id=builders.USER, job_id=kept))).job
    assert other is not None
    assert other.expires_at is not None
    assert sum(stats.jobs.values()) == 1
    assert await stored_files(broker) == files // 2
    assert await kinds_in(broker, builders.USER, kept) == ["completed", "queued", "running"]
    tombstone = (await log.read_job(builders.USER, job)).entries[-1]
    assert b"print" not in tombstone.payload
    assert msgspec.json.decode(tombstone.payload).keys() == {
        "type",
        "job_id",
        "user_id",
        "time",
        "request_id",
        "trace",
        "reason",
    }


async def swept_of(path: Path, job: str) -> None:
    """Read the view until a job is not on its list any more."""
    async with open_database(path) as database:
        while any(one.job_id == job for one in await database.reader.call(select_leftovers, 1_000)):
            pass


async def test_unfinished_jobs_and_those_without_a_time_never_leave(
    broker: Broker, projecting: Projecting
) -> None:
    waiting, running, timeless, due = (builders.job_id() for _ in range(4))
    await publish(
        broker,
        builders.queued(waiting, ttl_s=1),
        *life(running)[:2],
        *life(timeless, ttl_s=None),
        *life(due),
    )
    async with projecting(), asyncio.timeout(PATIENCE_S):
        await only_tombstone(broker, due)
    assert await kinds_in(broker, builders.USER, waiting) == ["queued"]
    assert await kinds_in(broker, builders.USER, running) == ["queued", "running"]
    assert await kinds_in(broker, builders.USER, timeless) == ["completed", "queued", "running"]


async def test_the_log_forgets_a_tombstone_by_itself(broker: Broker, path: Path) -> None:
    job = builders.job_id()
    await publish(broker, *life(job))
    async with asyncio.timeout(PATIENCE_S), viewing(broker, path) as database:
        await sweep_once(broker, database, tombstone_s=2)
        assert await kinds_in(broker, builders.USER, job) == ["expired"]
        while (await state_of(broker, JOBS))["messages"]:
            pass


async def test_lost_attempts_files_leave_too(broker: Broker, log: Log, path: Path) -> None:
    job = builders.job_id()
    for attempt in (1, 2):
        await put_files(broker, log, job, attempt)
    await publish(
        broker,
        builders.queued(job, ttl_s=1),
        builders.running(job),
        builders.running(job, attempt=2),
        msgspec.structs.replace(life(job, files=3)[2], attempt=2),
    )
    async with asyncio.timeout(PATIENCE_S), viewing(broker, path) as database:
        await sweep_once(broker, database)
    assert await stored_files(broker) == 0


# --- crashes


class DiedError(Exception):
    """The process ended here."""


class Dying:
    """A broker whose process dies after so many calls of JetStream have had their effect."""

    def __init__(self, broker: Broker, calls: int) -> None:
        self._broker = broker
        self._left = calls

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the broker has
        return getattr(self._broker, name)

    async def request(self, *given: Any, **named: Any) -> Any:  # noqa: ANN401 - the broker's own
        answer = await self._broker.request(*given, **named)
        self._count()
        return answer

    async def api(self, *given: Any, **named: Any) -> Any:  # noqa: ANN401 - the broker's own
        answer = await self._broker.api(*given, **named)
        self._count()
        return answer

    async def api_answer(self, *given: Any, **named: Any) -> Any:  # noqa: ANN401 - the broker's own
        answer = await self._broker.api_answer(*given, **named)
        self._count()
        return answer

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise DiedError


@asynccontextmanager
async def viewing(broker: Broker, path: Path) -> AsyncIterator[Database]:
    """A view that is opened, and made if need be, without anybody who follows."""
    path.parent.mkdir(exist_ok=True)
    async with open_database(path) as database:
        await follow_once(broker, database)
        yield database


async def follow_once(broker: Broker, database: Database) -> None:
    entries: list[Entry] = [entry async for entry in Log(broker).replay("jobs.*.*.*")]
    await database.writer.call(apply_entries, entries)


async def sweep_once(broker: Broker, database: Database, *, tombstone_s: int = LONG_S) -> None:
    """Everything that is due, from tombstone to nothing."""
    sweeper = Sweeper(broker, database, tombstone_s=tombstone_s, pause_s=0)
    while await sweeper.sweep():
        await follow_once(broker, database)


@pytest.mark.parametrize(
    "keeps_view",
    [pytest.param(True, id="view kept"), pytest.param(False, marks=pytest.mark.full, id="view lost")],
)
async def test_wherever_it_dies_nothing_is_left_and_nothing_else_touched(
    broker: Broker, log: Log, tmp_path: Path, keeps_view: bool
) -> None:
    """After every single call of JetStream, until there are no more of them."""
    bystander = builders.job_id()
    await put_files(broker, log, bystander)
    await publish(broker, *life(bystander, ttl_s=None, files=3))
    files = await stored_files(broker)
    deaths = 0
    for calls in range(1_000):
        job = builders.job_id()
        await put_files(broker, log, job)
        await publish(broker, *life(job, files=3))
        path = tmp_path / f"{calls}.sqlite3"
        async with viewing(broker, path) as database:
            try:
                await sweep_once(Dying(broker, calls), database)  # type: ignore[arg-type]  # a broker but for its death
                died = False
            except DiedError:
                died = True
        deaths += died
        if not keeps_view:
            path.unlink()
        async with viewing(broker, path) as database:
            await sweep_once(broker, database)
            assert await database.reader.call(select_record, (builders.USER, job)) is None
            assert await database.reader.call(select_record, (builders.USER, bystander)) is not None
        assert await kinds_in(broker, builders.USER, job) == ["expired"]
        assert await stored_files(broker) == files
        assert await kinds_in(broker, builders.USER, bystander) == ["completed", "queued", "running"]
        await broker.api(f"STREAM.PURGE.{JOBS}", {"filter": job_events(builders.USER, job)})
        if not died:
            break
    assert deaths > 10


@pytest.mark.full
@pytest.mark.timeout(400)
async def test_killed_again_and_again_it_leaves_nothing_behind(
    broker: Broker, log: Log, nats_server: NatsServer, path: Path
) -> None:
    jobs = [builders.job_id() for _ in range(300)]
    await put_files(broker, log, jobs[-1])
    await publish(broker, *(event for job in jobs for event in life(job, files=3)))
    last = (await state_of(broker, JOBS))["last_seq"]
    async with asyncio.timeout(3 * PATIENCE_S):
        for kill in range(1, 4):
            async with projector_process(nats_server, path) as process:
                # The tombstones follow the rest, so the log's end tells how far it is.
                while (await state_of(broker, JOBS))["last_seq"] < last + kill * 80:
                    pass
                await process.kill()
        async with projector_process(nats_server, path) as process:
            await all_gone(broker, jobs)
            while await stored_files(broker):
                pass
            assert (await process.terminate())[0] == 0
    assert (await rows_in(path))["jobs"] == []


async def all_gone(broker: Broker, jobs: Sequence[str]) -> None:
    """Ask until the log holds one tombstone for each job and nothing else."""
    while (await state_of(broker, JOBS))["messages"] != len(jobs):
        pass
    tombstones = (await state_of(broker, JOBS, events_of_kind("expired")))["subjects"]
    assert sorted(tombstones) == sorted(f"jobs.{builders.USER}.{job}.expired" for job in jobs)
    assert set(tombstones.values()) == {1}


@pytest.mark.full
async def test_two_projectors_at_once(broker: Broker, log: Log, path: Path, tmp_path: Path) -> None:
    jobs = [builders.job_id() for _ in range(100)]
    for job in jobs[:5]:
        await put_files(broker, log, job)
    last = await publish(broker, *(event for job in jobs for event in life(job, files=3)))
    other = tmp_path / "other.sqlite3"
    path.parent.mkdir()
    async with asyncio.timeout(PATIENCE_S):
        projectors = [Projector(broker, one, sweep_s=0.01) for one in (path, other)]
        tasks = [asyncio.create_task(projector.run()) for projector in projectors]
        await all_gone(broker, jobs)
        await reached(broker, last + len(jobs))
        await swept(path)
        await swept(other)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert await rows_in(path) == await rows_in(other)
    assert await stored_files(broker) == 0


@pytest.mark.full
@pytest.mark.timeout(400)
async def test_a_thousand_jobs_that_leave_do_not_stop_following(
    broker: Broker, projecting: Projecting, path: Path
) -> None:
    jobs = [builders.job_id() for _ in range(1_000)]
    await publish(broker, *(event for job in jobs for event in life(job)))
    async with projecting(), asyncio.timeout(3 * PATIENCE_S):
        while not (await state_of(broker, JOBS, events_of_kind("expired"))).get("subjects"):
            pass
        fresh = await publish(broker, builders.queued(builders.job_id(), ttl_s=None))
        await reached(broker, fresh)
        expired = (await state_of(broker, JOBS, events_of_kind("expired")))["subjects"]
        assert len(expired) < len(jobs), "they all left before a new job was seen"
        while (await state_of(broker, JOBS))["messages"] != len(jobs) + 1:
            pass
        await swept(path)
        live = await answering(broker, lambda answer: answer.jobs["completed"] == 0)
        assert live.jobs["queued"] == 1
    live_rows = await rows_in(path)
    await rebuild_view(broker, path, whole=True)
    assert await rows_in(path) == live_rows


async def test_a_full_log_is_left_too(broker: Broker, path: Path) -> None:
    """Where there is no room even for a tombstone, a job that leaves makes some."""
    jobs = [builders.job_id() for _ in range(3)]
    await publish(broker, *(event for job in jobs for event in life(job)))
    held = int((await state_of(broker, JOBS))["bytes"])
    await provision(broker, ProvisionSettings(jobs_bytes_max=held + 1))
    async with asyncio.timeout(PATIENCE_S), viewing(broker, path) as database:
        await sweep_once(broker, database)
    await all_gone(broker, jobs)


# --- what must not be taken for a leftover


async def test_a_second_life_of_the_same_key_is_not_touched(broker: Broker, log: Log, path: Path) -> None:
    """The list was left alone for longer than the tombstone lasted, and the key was used again."""
    job = builders.job_id()
    await publish(broker, *life(job))
    async with asyncio.timeout(PATIENCE_S), viewing(broker, path) as database:
        await Sweeper(broker, database, tombstone_s=LONG_S, pause_s=0).sweep()
        await follow_once(broker, database)
        await broker.api(f"STREAM.PURGE.{JOBS}", {"filter": job_events(builders.USER, job)})
        await put_files(broker, log, job)
        files = await stored_files(broker)
        await publish(broker, *life(job, ttl_s=None, files=3))
        await follow_once(broker, database)
        await sweep_once(broker, database)
        assert await database.reader.call(select_leftovers, 1) == []
    assert await kinds_in(broker, builders.USER, job) == ["completed", "queued", "running"]
    assert await stored_files(broker) == files


async def test_events_that_outlasted_their_tombstone_leave(broker: Broker, path: Path) -> None:
    job = builders.job_id()
    await publish(broker, *life(job))
    async with asyncio.timeout(PATIENCE_S), viewing(broker, path) as database:
        await Sweeper(broker, database, tombstone_s=LONG_S, pause_s=0).sweep()
        await follow_once(broker, database)
        tombstone = await log_end(broker, job)
        await broker.api(f"STREAM.MSG.DELETE.{JOBS}", {"seq": tombstone})
        await sweep_once(broker, database)
    assert await kinds_in(broker, builders.USER, job) == []


async def log_end(broker: Broker, job: str) -> int:
    last = await Log(broker).last(job_events(builders.USER, job))
    assert last is not None
    assert last.subject.endswith(".expired")
    return last.sequence


@pytest.mark.parametrize("user", ["*", ">", "a.b", "alice.*", "*.*"])
async def test_users_of_any_name_leave_alone(broker: Broker, path: Path, user: str) -> None:
    job = builders.job_id()
    others = ("alice", "a", "ab", "a.b.c", "alic")
    for other in others:
        await publish(broker, *life(job, other, ttl_s=None))
    await publish(broker, *life(job, user))
    async with asyncio.timeout(PATIENCE_S), viewing(broker, path) as database:
        await sweep_once(broker, database)
    assert await kinds_in(broker, user, job) == ["expired"]
    for other in others:
        assert await kinds_in(broker, other, job) == ["completed", "queued", "running"]


async def test_a_view_that_missed_a_tombstone_is_made_anew(broker: Broker, log: Log, path: Path) -> None:
    """It was away for longer than the tombstone lasted."""
    gone, kept = builders.job_id(), builders.job_id()
    last = await publish(broker, *life(gone, ttl_s=None), *life(kept, ttl_s=None))
    path.parent.mkdir()
    async with asyncio.timeout(PATIENCE_S):
        async with one_projector(broker, path):
            await reached(broker, last)
        terminal = await log.last(job_events(builders.USER, gone))
        assert terminal is not None
        await log.append(
            builders.expired(gone, reason="erased"), expected=terminal.sequence, patience_s=5, ttl_s=1
        )
        await log.purge_before(builders.USER, gone, last + 1)
        while await kinds_in(broker, builders.USER, gone):
            pass
        fresh = await publish(broker, builders.queued(builders.job_id(), ttl_s=None))
        async with one_projector(broker, path):
            await reached(broker, fresh)
            assert (await ask_job(broker, JobQuestion(user_id=builders.USER, job_id=gone))).job is None
            assert (await ask_job(broker, JobQuestion(user_id=builders.USER, job_id=kept))).job is not None


@asynccontextmanager
async def one_projector(broker: Broker, path: Path) -> AsyncIterator[None]:
    task = asyncio.create_task(Projector(broker, path, tombstone_s=1, sweep_s=0.01).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
