"""What a connection of `jobs` is sent: by a notifier of the test's own, over events that the test writes."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from headrace.local.nats_server import NatsServer
from services.notifier.transports.dialects.jobs import session, transport
from shared.dialects.jobs import NAME
from shared.domain.events import JobQueued, Terminal
from shared.domain.result import Output
from shared.settings import BrokerSettings
from tests import builders
from tests.builders import JOB
from tests.dialects.clients import Socket, at_notifier, refusal_of, socket_client
from tests.freezing import freeze
from tests.integration.notifier.conftest import serving, token
from tests.integration.notifier.writer import Writer

NOON = "2026-01-02T12:00:00.123456Z"
PONG = {"type": "pong"}
LARGE = "x" * 700_000

Messages = list[dict[str, Any]]

ENDS: list[tuple[Terminal, dict[str, Any]]] = [
    (builders.failed(), {"error": "The program ended with exit code 3.", "error_type": "exit_code"}),
    (
        builders.timeout(),
        {
            "error": "The program ran for longer than 10 seconds.",
            "error_type": "wall_time",
            "timed_out": True,
        },
    ),
    (builders.cancelled(attempt=1), {"error": "cancelled", "error_type": "cancelled"}),
]


def running(job: str) -> dict[str, Any]:
    return {"type": "job.status", "job_id": job, "status": "running", "timestamp": NOON}


def completed(job: str) -> dict[str, Any]:
    return {"type": "job.result", "job_id": job, "status": "completed", "result": result(success=True)}


def result(**changes: object) -> dict[str, Any]:
    usual = {
        "success": False,
        "stdout": "42\n",
        "stderr": "",
        "execution_time_ms": 12,
        "error": None,
        "error_type": None,
        "timed_out": False,
    }
    return {**usual, **changes}


def queued(job: str, **ago: float) -> JobQueued:
    """A job that was submitted so long ago, by the writer's clock. That of the builders is months old."""
    return builders.queued(job, time=datetime.now(UTC) - timedelta(**ago))


async def sent_before_pong(socket: Socket) -> Messages:
    """What the connection is sent first: the pong comes after what is told at the opening."""
    await socket.send({"action": "ping"})
    return (await until(socket, PONG))[:-1]


async def until(socket: Socket, last: dict[str, Any]) -> Messages:
    """All that the connection is sent up to a message, which is the last of them."""
    messages: Messages = []
    while not messages or messages[-1] != last:
        messages.append(await socket.next())
    return messages


@asynccontextmanager
async def serving_jobs(settings: BrokerSettings, **changes: float | str) -> AsyncIterator[str]:
    async with asyncio.timeout(60), serving(settings, (transport,), **changes) as url:
        yield at_notifier(url, NAME)


@pytest.fixture
async def address(broker: object, broker_settings: BrokerSettings) -> AsyncIterator[str]:
    async with serving_jobs(broker_settings) as url:
        yield url


@pytest.fixture
def long_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ended in the last minute counts as just ended: on a busy machine a test takes its time."""
    monkeypatch.setattr(session, "ENDED_S", 60.0)


@pytest.fixture
def nothing_just_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the log takes to say what time it is: that counts as before the opening."""
    monkeypatch.setattr(session, "ENDED_S", -3_600.0)


@pytest.fixture
async def socket(address: str) -> AsyncIterator[Socket]:
    """A connection that was open before anything happened. What it is told, the notifier has read."""
    async with socket_client(address, token()) as opened:
        assert await sent_before_pong(opened) == []
        yield opened


@pytest.mark.row("jobs", "1.2", "1.3", "7.1")
async def test_every_path_is_the_socket_and_a_bad_token_is_401(address: str) -> None:
    for path in ("", "/", "/dev"):
        async with socket_client(address + path, token()) as opened:
            assert await sent_before_pong(opened) == []
            assert opened.connection.subprotocol is None
    for bad in (None, "", "a.b.c", token(lasts_s=-60), token()[:-3]):
        status, body = await refusal_of(address, bad)
        assert (status, [*body]) == (401, ["detail"])
    encoded = token().replace(".", "%2E")
    async with socket_client(address, f"{encoded}&more={'x' * 8_192}") as opened:
        assert await sent_before_pong(opened) == []


@pytest.mark.row("jobs", "5.1", "5.2", "5.3", "5.4")
async def test_every_connection_of_the_user_is_told_of_each_job(address: str, writer: Writer) -> None:
    other = builders.job_id()
    async with AsyncExitStack() as exits:
        tabs = [await exits.enter_async_context(socket_client(address, token())) for _ in range(3)]
        bob = await exits.enter_async_context(socket_client(address, token("bob")))
        for one in (*tabs, bob):
            assert await sent_before_pong(one) == []
        await writer.append(builders.queued(JOB))
        await writer.append(builders.running(JOB))
        await writer.append(builders.running(JOB, attempt=2))
        await writer.append(builders.completed(JOB, attempt=2))
        for tab in tabs:
            assert await until(tab, completed(JOB)) == [running(JOB), completed(JOB)]
        await writer.append(builders.expired(JOB))
        await writer.run_job(other, user="bob")
        last = builders.job_id()
        await writer.run_job(last)
        for tab in tabs:
            assert await until(tab, completed(last)) == [running(last), completed(last)]
        assert await until(bob, completed(other)) == [running(other), completed(other)]


@pytest.mark.row("jobs", "5.3")
@pytest.mark.full
async def test_every_other_end_is_failed(socket: Socket, writer: Writer) -> None:
    for end, changes in ENDS:
        job = builders.job_id()
        await writer.append(builders.queued(job))
        await writer.append(builders.running(job))
        await writer.append(msgspec.structs.replace(end, job_id=job))
        assert await socket.next() == running(job)
        told = {"status": "failed", "result": result(stdout="", execution_time_ms=0, **changes)}
        assert await socket.next() == {"type": "job.result", "job_id": job, **told}


@pytest.mark.row("jobs", "5.7")
@pytest.mark.full
async def test_a_large_result_is_one_message(socket: Socket, writer: Writer) -> None:
    large = msgspec.structs.replace(
        builders.result(), stdout=Output(content=LARGE), stderr=Output(content=LARGE)
    )
    await writer.append(builders.queued())
    await writer.append(builders.running())
    await writer.append(msgspec.structs.replace(builders.completed(), result=large))
    assert await socket.next() == running(JOB)
    told = await socket.next()
    assert told["result"] == result(success=True, stdout=LARGE, stderr=LARGE)


@pytest.mark.row("jobs", "4.1", "5.4")
@pytest.mark.usefixtures("long_window")
async def test_a_subscription_is_answered_with_what_was_not_told(
    address: str, socket: Socket, writer: Writer
) -> None:
    ended, begun, waiting = (builders.job_id() for _ in range(3))
    await writer.append(builders.queued(ended))
    await writer.append(builders.completed(ended))
    await writer.append(builders.queued(begun))
    await writer.append(builders.running(begun))
    await until(socket, running(begun))
    await writer.append(builders.queued(waiting))
    async with socket_client(address, token()) as opened:
        # The opening tells what has just ended.
        assert await opened.next() == completed(ended)
        for job, told in ((ended, []), (begun, [running(begun)]), (begun, []), (waiting, [])):
            await opened.send({"action": "subscribe", "job_id": job})
            assert await sent_before_pong(opened) == told
        await writer.append(builders.completed(begun))
        await writer.append(builders.running(waiting))
        await opened.send({"action": "subscribe", "job_id": begun})
        await writer.append(builders.completed(waiting))
        assert await until(opened, completed(waiting)) == [
            completed(begun),
            running(waiting),
            completed(waiting),
        ]


@pytest.mark.row("jobs", "4.2", "5.5")
async def test_a_subscription_to_no_job_of_the_user_is_an_error(socket: Socket, writer: Writer) -> None:
    other = builders.job_id()
    await writer.append(builders.queued(other, user="bob"))
    for more in (
        {"job_id": other},
        {"job_id": JOB},
        {"job_id": "nothing"},
        {"job_id": ""},
        {"job_id": 7},
        {},
    ):
        await socket.send({"action": "subscribe", **more})
        answer = await socket.next()
        assert (answer.pop("type"), [*answer]) == ("error", ["message"])
    await writer.append(builders.running(other, user="bob"))
    await writer.append(builders.completed(other, user="bob"))
    await writer.run_job(JOB)
    assert await until(socket, completed(JOB)) == [running(JOB), completed(JOB)]


@pytest.mark.row("jobs", "4.3", "4.4", "5.5")
async def test_everything_else_is_an_error_and_the_connection_stays(socket: Socket, writer: Writer) -> None:
    for frame in (
        *(b"{}", b'{"action":"ping"}', "", "[]", "7", "null", "{", '"ping"', '{"a":' * 2_000),
        *({}, {"action": "run"}, {"action": ["ping"]}, {"action": None}, {"type": "ping"}),
    ):
        await socket.send(frame)
        answer = await socket.next()
        assert answer["type"] == "error"
        assert answer["message"]
    await socket.send({"action": "ping", "more": 1})
    assert await socket.next() == PONG
    await writer.run_job(JOB)
    assert await until(socket, completed(JOB)) == [running(JOB), completed(JOB)]


@pytest.mark.row("jobs", "6.1", "6.2", "6.3")
@pytest.mark.usefixtures("long_window")
async def test_the_opening_tells_what_has_just_ended_then_the_newest(
    address: str, socket: Socket, writer: Writer
) -> None:
    first, second, begun, newest, other = (builders.job_id() for _ in range(5))
    await writer.append(builders.queued(second))
    await writer.append(builders.running(second))
    await writer.run_job(first)
    await writer.append(builders.completed(second))
    await writer.append(builders.queued(begun))
    await writer.append(builders.running(begun))
    await until(socket, running(begun))
    await writer.run_job(other, user="bob")
    await writer.append(queued(newest, seconds=1))
    async with socket_client(address, token()) as opened:
        assert await sent_before_pong(opened) == [completed(first), completed(second)]
    await writer.append(builders.running(newest))
    await until(socket, running(newest))
    async with socket_client(address, token()) as opened:
        assert await sent_before_pong(opened) == [completed(first), completed(second), running(newest)]
        await writer.append(builders.completed(newest))
        assert await opened.next() == completed(newest)
    async with socket_client(address, token()) as opened:
        assert await sent_before_pong(opened) == [completed(first), completed(second), completed(newest)]


@pytest.mark.row("jobs", "4.1", "6.2", "6.3")
@pytest.mark.usefixtures("nothing_just_ended")
async def test_only_the_newest_is_told_whatever_its_age_up_to_ten_minutes(
    address: str, socket: Socket, writer: Writer
) -> None:
    earlier, newest = builders.job_id(), builders.job_id()
    for job, minutes, told in ((earlier, 10.1, []), (newest, 9.5, [completed(newest)])):
        await writer.append(queued(job, minutes=minutes))
        await writer.append(builders.running(job))
        await writer.append(builders.completed(job))
        await until(socket, completed(job))
        async with socket_client(address, token()) as opened:
            assert await sent_before_pong(opened) == told
    async with socket_client(address, token()) as opened:
        assert await opened.next() == completed(newest)
        for job, told in ((earlier, [completed(earlier)]), (earlier, []), (newest, [])):
            await opened.send({"action": "subscribe", "job_id": job})
            assert await sent_before_pong(opened) == told


@pytest.mark.row("jobs", "6.1")
@pytest.mark.full
async def test_a_result_is_told_at_openings_for_two_seconds(address: str, writer: Writer) -> None:
    clock = asyncio.get_running_loop().time
    await writer.append(builders.queued(JOB))
    began = clock()
    await writer.append(builders.completed(JOB))
    ended = clock()
    told: list[tuple[float, float, bool]] = []
    while clock() < ended + 2.5:
        before = clock()
        async with socket_client(address, token()) as opened:
            was = await sent_before_pong(opened) == [completed(JOB)]
            told.append((before, clock(), was))
    assert all(was for before, after, was in told if after < began + 2)
    assert not any(was for before, after, was in told if before > ended + 2)


@pytest.mark.row("jobs", "7.2")
async def test_a_close_frame_is_answered_at_once(socket: Socket, nats_server: NatsServer) -> None:
    clock = asyncio.get_running_loop().time
    await freeze(nats_server.process.pid)
    try:
        await socket.send({"action": "subscribe", "job_id": JOB})
        began = clock()
        await socket.connection.close()
        assert (clock() - began < 1, socket.connection.close_code) == (True, 1000)
    finally:
        nats_server.process.send_signal(signal.SIGCONT)


@pytest.mark.row("jobs", "7.3")
@pytest.mark.full
async def test_a_restart_loses_nothing(
    broker: object, broker_settings: BrokerSettings, writer: Writer
) -> None:
    async with AsyncExitStack() as exits:
        async with serving_jobs(broker_settings) as address:
            opened = await exits.enter_async_context(socket_client(address, token()))
            await writer.append(queued(JOB, seconds=0))
            await writer.append(builders.running(JOB))
            assert await opened.next() == running(JOB)
        assert await opened.until_closed() == ([], 1012)
        await writer.append(builders.completed(JOB))
        async with serving_jobs(broker_settings) as address, socket_client(address, token()) as again:
            assert await sent_before_pong(again) == [completed(JOB)]


@pytest.mark.row("jobs", "5.6")
@pytest.mark.full
@pytest.mark.alone
async def test_a_thousand_connections_of_one_user(address: str, writer: Writer) -> None:
    async with AsyncExitStack() as exits:
        tabs = [await exits.enter_async_context(socket_client(address, token())) for _ in range(1_000)]
        await writer.run_job(JOB)
        for tab in tabs:
            assert await until(tab, completed(JOB)) == [running(JOB), completed(JOB)]
