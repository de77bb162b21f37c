"""The sharded prototype (docs/scaling.md) on real servers: what it shows, and that it can fail."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.sharded import story
from bench.sharded.executor import HELD, Executor
from bench.sharded.layout import Layout
from bench.sharded.reader import reading
from bench.sharded.runs import run_appends, run_protocol
from bench.sharded.server import MappedServer, sharded_server
from shared.contract.codec import encode
from shared.contract.subjects import events_of_kind, job_event, job_events
from shared.jetstream.connection import Broker, connect
from shared.jetstream.errors import JetStreamError, UnreachableError
from shared.jetstream.event_log import EXPECTED_SEQUENCE, EXPECTED_SUBJECT, Appended, Conflict, Log
from shared.jetstream.permissions import RIGHTS
from shared.jetstream.stored_message import Entry
from tests import builders
from tests.integration.nats_wire import wire

FOUR = Layout(4)
ODD_USERS = ["alice", "bob", "müller", "a.b", "=", "*", "x" * 128, "auth0|65f", "7", "-"]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[MappedServer]:
    async with sharded_server(tmp_path, FOUR, sync="fast") as running:
        yield running


@pytest.fixture
async def broker(server: MappedServer) -> AsyncIterator[Broker]:
    async with connect(server.settings, service="test") as connected:
        yield connected


async def stored(broker: Broker, shard: int) -> int:
    """How many events a shard has."""
    return int((await broker.api(f"STREAM.INFO.{FOUR.streams[shard]}"))["state"]["messages"])


async def last_of(log: Log, user: str) -> Entry:
    """The last event of a user's first job."""
    last = await log.last(job_events(user, story.job_of(user, 0)), stream=FOUR.stream_of(user))
    assert last is not None
    return last


async def append_all(log: Log, user: str, job: str) -> tuple[int, int]:
    """Submit, begin and end a job; the sequences of `running` and of the end."""
    queued = await story.append(log, FOUR, builders.queued(job, user), expected=0)
    assert isinstance(queued, Appended)
    running = await story.append(log, FOUR, builders.running(job, user), expected=queued.sequence)
    assert isinstance(running, Appended)
    ended = await story.append(log, FOUR, builders.completed(job, user), expected=running.sequence)
    assert isinstance(ended, Appended)
    return running.sequence, ended.sequence


@pytest.mark.full
async def test_the_protocol_holds_over_four_streams_with_competing_writers() -> None:
    users, jobs = 24, 3
    outcome = await run_protocol(FOUR, users=users, jobs=jobs, sync="fast")
    assert outcome.violations == []
    assert outcome.jobs == outcome.events["JobQueued"] == users * jobs
    assert sorted(outcome.users) == [0, 1, 2, 3]
    assert sum(outcome.users.values()) == users
    ids = [story.job_of(f"user-{user}", job) for user in range(users) for job in range(jobs)]
    submitted_twice = sum(story.is_chosen(job, story.SUBMITTED_TWICE_OF) for job in ids)
    assert outcome.refused >= submitted_twice > 0


async def test_of_two_ends_of_one_attempt_one_is_stored_in_every_job() -> None:
    outcome = await run_appends(FOUR, at_once=16, jobs=64, sync="fast")
    assert outcome.violations == []
    assert (outcome.stored, outcome.refused) == (3 * 64, 64)


@pytest.mark.parametrize("user", ODD_USERS)
def test_every_user_has_one_shard(user: str) -> None:
    assert 0 <= FOUR.shard_of(user) < 4
    assert Layout(1).stream_of(user) == "JOBS"


async def test_the_server_puts_users_where_readers_look_for_them(broker: Broker) -> None:
    log = Log(broker)
    for user in ODD_USERS:
        job = builders.job_id()
        running, ended = await append_all(log, user, job)
        last = await log.last(job_events(user, job), stream=FOUR.stream_of(user))
        assert last is not None
        assert (last.sequence, last.subject) == (ended, job_event(user, job, "completed"))
        late = await story.append(log, FOUR, builders.failed(job, user), expected=running)
        assert late == Conflict(ended)


@pytest.mark.full
async def test_a_long_queue_in_one_shard_holds_up_no_other(server: MappedServer, broker: Broker) -> None:
    """Hundreds of jobs that may all start are in one shard; those of other shards come after few of them."""
    log = Log(broker)
    names = [f"user {number}" for number in range(4 * HELD)]
    busy = [user for user in names if FOUR.shard_of(user) == 0]
    light = [user for user in names if FOUR.shard_of(user) != 0][:8]
    for user in (*busy, *light):
        queued = builders.queued(story.job_of(user, 0), user)
        assert isinstance(await story.append(log, FOUR, queued, expected=0), Appended)
    working = asyncio.create_task(Executor(broker, FOUR, "x1").run())
    async with reading(server.settings, FOUR, jobs=len(busy) + len(light)) as reader, asyncio.timeout(60):
        await reader.all_ended.wait()
    working.cancel()
    await asyncio.wait({working})
    begun = [entry async for entry in log.replay(events_of_kind("running"), stream=FOUR.streams[0])]
    ended = [await last_of(log, user) for user in light]
    later = [entry for entry in begun if entry.stored_at > max(last.stored_at for last in ended)]
    assert len(begun) == len(busy)
    assert len(later) > len(busy) // 4


async def test_what_a_foreign_writer_plants_is_noticed(server: MappedServer, broker: Broker) -> None:
    """Without an expectation, and past the mapping: the streams take it, the reader does not."""
    log, user = Log(broker), "alice"
    first, second, third = builders.job_id(), builders.job_id(), builders.job_id()
    await append_all(log, user, first)
    await broker.request(job_event(user, first, "failed"), encode(builders.failed(first, user)))
    for job in (second, third):
        assert isinstance(await story.append(log, FOUR, builders.queued(job, user), expected=0), Appended)
    await broker.request(job_event(user, third, "running"), encode(builders.running(third, user)))
    elsewhere = (FOUR.shard_of(user) + 1) % 4
    stray = job_event(user, second, "cancelled").replace("jobs.", f"jobs4.{elsewhere}.", 1)
    await broker.request(stray, encode(builders.cancelled(second, user)))
    async with reading(server.settings, FOUR, jobs=3) as reader:
        await reader.read_all()
    found = {(violation.kind, violation.job_id) for violation in reader.checker.violations(jobs=3)}
    named = {("ended_twice", first), ("out_of_turn", third), ("wrong_shard", second), ("unfinished", third)}
    assert named <= found


async def test_a_server_with_another_number_of_shards_stores_nothing(server: MappedServer) -> None:
    await server.stop()
    server.mappings = Layout(8).mappings
    await server.start()
    async with connect(server.settings, service="test") as broker:
        with pytest.raises(UnreachableError):
            await broker.request(job_event("alice", builders.JOB, "queued"), encode(builders.queued()))
        assert [await stored(broker, shard) for shard in range(4)] == [0, 0, 0, 0]


async def test_without_the_streams_transform_no_expectation_is_checked(
    server: MappedServer, broker: Broker
) -> None:
    """The filter then names a subject that is not stored, and the server refuses nothing."""
    stream = FOUR.stream_of("alice")
    config = (await broker.api(f"STREAM.INFO.{stream}"))["config"]
    await broker.api(f"STREAM.UPDATE.{stream}", {**config, "subject_transform": None})
    headers = {EXPECTED_SEQUENCE: "0", EXPECTED_SUBJECT: job_events("alice", builders.JOB)}
    for event in (builders.queued(), builders.queued()):
        await broker.request(job_event("alice", builders.JOB, "queued"), encode(event), headers=headers)
    assert await stored(broker, FOUR.shard_of("alice")) == 2


async def test_a_transform_of_a_stream_cannot_choose_the_stream(broker: Broker) -> None:
    """Two streams may not take the same subject, so the account's mapping must come first."""
    transform = {"src": "notes.*", "dest": "notes.{{partition(4,1)}}.{{wildcard(1)}}"}
    await broker.api(
        "STREAM.CREATE.N0", {"name": "N0", "subjects": ["notes.*"], "subject_transform": transform}
    )
    with pytest.raises(JetStreamError, match="subjects overlap"):
        await broker.api("STREAM.CREATE.N1", {"name": "N1", "subjects": ["notes.*"]})


@pytest.mark.full
async def test_rights_are_asked_of_the_mapped_subject(tmp_path: Path) -> None:
    """The api's rights of today do not reach a shard: rights must name the shards' subjects."""
    passwords = dict.fromkeys(RIGHTS, "test-password")
    server = MappedServer(tmp_path, FOUR.mappings, sync="fast", passwords=passwords)
    await server.start()
    try:
        async with wire(server.port, "api", passwords["api"]) as connection:
            refused = await connection.publish(job_event("alice", builders.JOB, "queued"))
    finally:
        await server.stop()
    mapped = job_event("alice", builders.JOB, "queued").replace(
        "jobs.", f"jobs4.{FOUR.shard_of('alice')}.", 1
    )
    assert refused == f'Permissions Violation for Publish to "{mapped}"'
