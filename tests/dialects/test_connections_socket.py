"""Whose a connection of the dialect `connections` is, and which results it is told."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
import pytest

from services.notifier.transports.dialects import connections
from services.notifier.transports.dialects.connections import session
from services.notifier.transports.dialects.connections.open_connections import LABEL, OpenConnections
from services.notifier.transports.dialects.connections.session import HOLD_S
from shared.contract.codec import encode
from shared.contract.subjects import job_event
from shared.dialects.connections import NAME
from shared.domain.events import Event
from shared.domain.result import Output
from shared.jetstream.stored_message import Entry
from shared.settings import BrokerSettings
from tests import builders
from tests.dialects.clients import Socket, at_notifier, refusal_of, socket_client
from tests.integration.notifier.conftest import serving, token
from tests.integration.notifier.writer import Writer

ALICE, BOB = "alice", "bob"
FORM = re.compile(r"conn_\d{8}T\d{6}Z_[0-9a-f]{32}")
PING = {"action": "ping"}


@asynccontextmanager
async def notifier(settings: BrokerSettings, **changes: float) -> AsyncIterator[str]:
    """The address of the dialect's socket at a notifier of the test's own."""
    async with asyncio.timeout(60), serving(settings, (connections.transport,), **changes) as url:
        yield at_notifier(url, NAME)


@pytest.fixture
async def address(broker: object, broker_settings: BrokerSettings) -> AsyncIterator[str]:
    async with notifier(broker_settings) as at:
        yield at


async def id_of(socket: Socket) -> str:
    """Ask a connection for its id; nothing else may come before."""
    await socket.send(PING)
    pong = await socket.next()
    assert [*pong] == ["type", "connection_id"]
    assert pong["type"] == "pong"
    return str(pong["connection_id"])


async def submit(writer: Writer, connection_id: str, user: str = ALICE) -> str:
    """A job of the user that names the connection."""
    job = builders.job_id()
    await writer.append(builders.queued(job, user, labels={LABEL: connection_id}))
    return job


async def finish(writer: Writer, job: str, user: str = ALICE, stdout: str = "42\n") -> None:
    """It runs and completes."""
    await writer.append(builders.running(job, user))
    result = msgspec.structs.replace(builders.result(), stdout=Output(content=stdout))
    await writer.append(msgspec.structs.replace(builders.completed(job, user), result=result))


@pytest.mark.row("connections", "5.1", "5.2", "5.3")
async def test_it_tells_its_id_and_answers_nothing_else(address: str) -> None:
    async with socket_client(address) as one, socket_client(address + "/") as other:
        ids = [await id_of(one), await id_of(other)]
        assert all(FORM.fullmatch(each) for each in ids)
        assert len(set(ids)) == 2
        for frame in (b"{}", b"\xff", "", "[]", "7", "{", '{"a":' * 2_000, {}, {"action": "subscribe"}):
            await one.send(frame)
        for message in ({"action": ["ping"]}, {"action": None}, {"type": "ping"}, {"job_id": builders.JOB}):
            await one.send(message)
        assert await id_of(one) == ids[0]
        assert one.connection.subprotocol is None


@pytest.mark.row("connections", "6.1", "6.4")
async def test_a_result_is_told_to_the_connection_that_its_job_names_and_to_no_other(
    address: str, writer: Writer
) -> None:
    async with socket_client(address) as one, socket_client(address) as other:
        connection_id, others_id = await id_of(one), await id_of(other)
        unnamed = builders.job_id()
        await writer.append(builders.queued(unnamed))
        job, others = await submit(writer, connection_id), await submit(writer, others_id)
        for each in (unnamed, job, others):
            await finish(writer, each)
        result = {
            "success": True,
            "stdout": "42\n",
            "stderr": "",
            "error": None,
            "error_type": None,
            "execution_time_ms": 12,
            "timed_out": False,
            "security_violations": [],
        }
        assert await one.next() == {"type": "execution_result", "job_id": job, **result}
        assert await other.next() == {"type": "execution_result", "job_id": others, **result}
        assert await id_of(one) == connection_id
        assert await id_of(other) == others_id


@pytest.mark.row("connections", "6.1")
async def test_every_end_is_told_and_a_large_one_whole(address: str, writer: Writer) -> None:
    ends: dict[str, tuple[bool, str, bool]] = {
        "failed": (False, "exit_code", False),
        "timeout": (False, "wall_time", True),
        "cancelled": (False, "cancelled", False),
    }
    async with socket_client(address) as socket:
        connection_id = await id_of(socket)
        for name, expected in ends.items():
            job = await submit(writer, connection_id)
            end: Event = getattr(builders, name)(job)
            await writer.append(end)
            result = await socket.next()
            assert (result["success"], result["error_type"], result["timed_out"]) == expected
            assert isinstance(result["error"], str)
            assert (result["type"], result["security_violations"]) == ("execution_result", [])
        job = await submit(writer, connection_id)
        await finish(writer, job, stdout="x" * 700_000)
        assert len((await socket.next())["stdout"]) == 700_000


@pytest.mark.row("connections", "6.2")
async def test_a_result_waits_for_the_answer_of_its_submission(address: str, writer: Writer) -> None:
    clock = asyncio.get_running_loop().time
    async with socket_client(address) as socket:
        connection_id = await id_of(socket)
        began = clock()
        jobs = [await submit(writer, connection_id) for _ in range(5)]
        await finish(writer, jobs[0])
        assert await id_of(socket) == connection_id
        assert (await socket.next())["job_id"] == jobs[0]
        assert clock() - began >= HOLD_S
        last = await submit(writer, connection_id)
        await finish(writer, last)
        assert (await socket.next())["job_id"] == last
        took_s = []
        for job in jobs[1:]:
            ends_at = clock()
            await finish(writer, job)
            assert (await socket.next())["job_id"] == job
            took_s.append(clock() - ends_at)
        assert min(took_s) < HOLD_S


@pytest.mark.row("connections", "5.4")
async def test_the_first_job_binds_it_to_its_user(address: str, writer: Writer) -> None:
    async with socket_client(address) as socket:
        connection_id = await id_of(socket)
        first = await submit(writer, connection_id, BOB)
        others = await submit(writer, connection_id, ALICE)
        second = await submit(writer, connection_id, BOB)
        await finish(writer, others, ALICE)
        await finish(writer, second, BOB)
        await finish(writer, first, BOB)
        assert {(await socket.next())["job_id"] for _ in range(2)} == {first, second}
        assert await id_of(socket) == connection_id


@pytest.mark.full
@pytest.mark.row("connections", "5.5", "5.6")
async def test_with_a_token_it_is_its_user_s_and_ends_with_it(address: str, writer: Writer) -> None:
    for bad in ("a.b.c", token(lasts_s=-60), token()[:-3]):
        status, body = await refusal_of(address, bad)
        assert (status, [*body]) == (401, ["detail"])
    async with socket_client(address, token(BOB, lasts_s=6)) as lasting, socket_client(address) as bound:
        others = await submit(writer, await id_of(lasting), ALICE)
        await submit(writer, await id_of(bound), BOB)
        job = await submit(writer, await id_of(lasting), BOB)
        await finish(writer, others, ALICE)
        await finish(writer, job, BOB)
        messages, code = await lasting.until_closed()
        assert ([message["job_id"] for message in messages], code) == ([job], 4401)
        assert await id_of(bound)


@pytest.mark.row("connections", "5.7")
async def test_those_without_a_user_are_half_of_all(
    broker: object, broker_settings: BrokerSettings, writer: Writer
) -> None:
    async with AsyncExitStack() as exits:
        at = await exits.enter_async_context(notifier(broker_settings, notifier_connections_max=4))
        sockets = [await exits.enter_async_context(socket_client(at)) for _ in range(2)]
        connection_id = await id_of(sockets[0])
        assert (await refusal_of(at))[0] == 503
        async with socket_client(at, token()) as with_token:
            await id_of(with_token)
        job = await submit(writer, connection_id)
        await finish(writer, job)
        await sockets[0].next()
        await id_of(await exits.enter_async_context(socket_client(at)))
        assert (await refusal_of(at))[0] == 503


@pytest.mark.full
@pytest.mark.row("connections", "5.7")
async def test_those_without_a_user_are_bounded_for_each_address(
    broker: object, broker_settings: BrokerSettings, writer: Writer
) -> None:
    async with (
        notifier(broker_settings, http_address_connections_max=1) as at,
        socket_client(at) as first,
    ):
        connection_id = await id_of(first)
        assert (await refusal_of(at))[0] == 503
        job = await submit(writer, connection_id)
        await finish(writer, job)
        await first.next()
        async with socket_client(at) as second:
            await id_of(second)


@pytest.mark.full
@pytest.mark.row("connections", "5.7")
async def test_one_that_no_job_names_ends(
    broker: object, broker_settings: BrokerSettings, monkeypatch: pytest.MonkeyPatch, writer: Writer
) -> None:
    assert session.UNBOUND_S == 3_600
    monkeypatch.setattr(session, "UNBOUND_S", 0.5)
    async with notifier(broker_settings) as at, socket_client(at) as bound, socket_client(at) as unused:
        job = await submit(writer, await id_of(bound))
        assert await unused.until_closed() == ([], 4401)
        await finish(writer, job)
        assert (await bound.next())["job_id"] == job


@pytest.mark.row("connections", "5.8")
async def test_one_too_many_of_a_user_closes(
    broker: object, broker_settings: BrokerSettings, writer: Writer
) -> None:
    async with (
        notifier(broker_settings, notifier_user_connections_max=1) as at,
        socket_client(at) as first,
        socket_client(at) as second,
    ):
        await submit(writer, await id_of(first))
        await submit(writer, await id_of(second))
        assert await second.until_closed() == ([], 4503)
        assert await id_of(first)


@pytest.mark.row("connections", "6.3")
async def test_a_later_connection_is_not_told_what_it_did_not_ask_for(address: str, writer: Writer) -> None:
    async with socket_client(address) as socket:
        connection_id = await id_of(socket)
        job = await submit(writer, connection_id)
    async with socket_client(address) as later:
        later_id = await id_of(later)
        await finish(writer, job)
        gone = await submit(writer, connection_id)
        await finish(writer, gone)
        last = await submit(writer, later_id)
        await finish(writer, last)
        assert (await later.next())["job_id"] == last


@pytest.mark.full
@pytest.mark.row("connections", "6.3")
async def test_a_connection_remembers_so_many_jobs(
    broker: object, broker_settings: BrokerSettings, monkeypatch: pytest.MonkeyPatch, writer: Writer
) -> None:
    assert session.JOBS_MAX == 2_000
    monkeypatch.setattr(session, "JOBS_MAX", 2)
    async with notifier(broker_settings) as at, socket_client(at) as socket:
        connection_id = await id_of(socket)
        jobs = [await submit(writer, connection_id) for _ in range(3)]
        others = [await submit(writer, connection_id, BOB) for _ in range(2)]
        for job in others:
            await finish(writer, job, BOB)
        for job in jobs:
            await finish(writer, job)
        assert {(await socket.next())["job_id"] for _ in range(2)} == {*jobs[1:]}
        assert await id_of(socket) == connection_id


class Remembering:
    """A connection that remembers the jobs that name it."""

    def __init__(self) -> None:
        self.connection_id = "conn_20260102T120000Z_" + "0" * 32
        self.user_id = ""
        self.jobs: list[tuple[str, str]] = []

    def take_job(self, user_id: str, job_id: str) -> None:
        self.user_id = user_id
        self.jobs.append((user_id, job_id))


def entry(payload: bytes, user: str = ALICE) -> Entry:
    return Entry(1, builders.NOON, job_event(user, builders.JOB, "queued"), payload)


@pytest.mark.row("connections", "5.4")
def test_only_the_label_of_a_dialect_names_a_connection() -> None:
    opened = OpenConnections()
    connection = Remembering()
    opened.enter(connection)
    named = {LABEL: connection.connection_id}
    mentions: list[dict[str, Any]] = [
        {"labels": {"connection_id": connection.connection_id}},
        {"labels": {LABEL: connection.connection_id + "0"}},
        {"args": (f'"labels":{{"{LABEL}":"{connection.connection_id}"}}',)},
    ]
    for fields in mentions:
        opened.take_queued(entry(encode(builders.queued(**fields))))
    for payload in (b"", b'{"labels":{"dialect:connection_id":7}}', b"[" * 5_000 + LABEL.encode()):
        opened.take_queued(entry(payload))
    assert (connection.jobs, opened.unbound) == ([], 1)
    opened.take_queued(entry(encode(builders.queued(labels=named))))
    assert (connection.jobs, opened.unbound) == ([(ALICE, builders.JOB)], 0)
    opened.leave(connection)
    opened.take_queued(entry(encode(builders.queued(labels=named))))
    assert len(connection.jobs) == 1
