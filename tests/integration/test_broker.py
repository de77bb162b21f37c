"""A connection outlives servers that are frozen, and one of several servers is enough."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop
from structlog.testing import capture_logs

from headrace.local.nats_server import NatsServer, free_port
from shared.jetstream import connection
from shared.jetstream.connection import Broker, connect
from shared.jetstream.errors import BrokerError, UnreachableError
from shared.jetstream.message import Message
from shared.observability.metrics import BROKER_ERRORS
from shared.settings import BrokerSettings

AGAIN_WITHIN_S = 30.0
"""Five on an idle machine."""


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[NatsServer]:
    server = NatsServer(directory, user="test", password="test-password", sync="fast")
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """A process, because it is frozen."""
    async with running(tmp_path / "one") as started:
        yield started


def settings(*urls: str) -> BrokerSettings:
    return BrokerSettings(nats_url=", ".join(urls), nats_user="test", nats_password="test-password")


def tries() -> float:
    """Failures that the client has told of so far."""
    (family,) = BROKER_ERRORS.collect()
    return next(sample.value for sample in family.samples if sample.name.endswith("_total"))


def freeze(server: NatsServer) -> None:
    server.process.send_signal(signal.SIGSTOP)


def thaw(server: NatsServer) -> None:
    server.process.send_signal(signal.SIGCONT)


async def until_unready(broker: Broker, text: str) -> None:
    async with asyncio.timeout(30):
        while text not in (broker.unready_reason() or ""):  # noqa: ASYNC110 - it is a matter of time
            await asyncio.sleep(0.02)


async def until_answered(broker: Broker) -> None:
    async with asyncio.timeout(AGAIN_WITHIN_S):
        while True:
            try:
                await broker.api("INFO", timeout_s=0.5)
            except BrokerError:
                continue
            return


async def test_a_pause_of_the_server_is_told_and_then_over(server: NatsServer) -> None:
    """A late pong must not end the client's reader, which nobody would notice for half a minute."""
    async with connect(settings(server.url), service="test") as broker:
        freeze(server)
        await until_unready(broker, "NATS has not answered for 4 s")
        thaw(server)
        await until_answered(broker)
        async with asyncio.timeout(AGAIN_WITHIN_S):
            while broker.unready_reason():  # noqa: ASYNC110 - the next pong
                await asyncio.sleep(0.02)
        assert not broker.lost.is_set()


async def test_an_outage_is_told_once_and_its_tries_are_counted(server: NatsServer) -> None:
    async with connect(settings(server.url), service="test") as broker:
        with capture_logs() as lines, broker.on_reconnect(lambda: None) as reconnected:
            before = tries()
            await server.kill()
            async with asyncio.timeout(AGAIN_WITHIN_S):
                while tries() < before + 6:  # noqa: ASYNC110 - the client tells nobody
                    await asyncio.sleep(0.02)
            await server.start()
            async with asyncio.timeout(AGAIN_WITHIN_S):
                await reconnected.wait()
    told = [line["error"] for line in lines if line["event"] == "broker_error"]
    assert told
    assert len(told) == len(set(told)) < 6
    (again,) = [line for line in lines if line["event"] == "broker_reconnected"]
    assert again["errors"] >= 6


@pytest.mark.full
async def test_a_server_that_stays_frozen_is_left_and_found_again(server: NatsServer) -> None:
    async with connect(settings(server.url), service="test") as broker:
        freeze(server)
        await until_unready(broker, "no connection to NATS")
        thaw(server)
        await until_answered(broker)
        assert broker.diagnostics()["reconnections"] == 1
        assert not broker.lost.is_set()


@pytest.mark.full
async def test_another_server_is_used_while_one_is_frozen_or_dead(server: NatsServer, tmp_path: Path) -> None:
    async with (
        running(tmp_path / "two") as other,
        connect(settings(server.url, other.url), service="test") as broker,
    ):
        used, spare = (server, other) if _is_at(broker, server) else (other, server)
        freeze(used)
        await until_at(broker, spare)
        await until_answered(broker)
        thaw(used)
        await spare.kill()
        await until_at(broker, used)
        await until_answered(broker)


def _is_at(broker: Broker, server: NatsServer) -> bool:
    return server.url.endswith(f"//{broker.diagnostics()['server']}")


async def until_at(broker: Broker, server: NatsServer) -> None:
    async with asyncio.timeout(30):
        while not _is_at(broker, server):  # noqa: ASYNC110 - the client tells nobody
            await asyncio.sleep(0.02)


async def test_the_first_of_several_servers_need_not_be_there(server: NatsServer) -> None:
    nobody = f"nats://127.0.0.1:{free_port()}"
    async with connect(settings(nobody, server.url, nobody), service="test") as broker:
        await until_answered(broker)


@pytest.mark.full
async def test_something_that_is_no_server_is_named() -> None:
    with pytest.raises(UnreachableError, match="cannot connect to"):
        async with connect(settings("nats://not a host"), service="test"):
            pass


async def test_closing_without_a_server_ends_everything_whatever_is_unsent(server: NatsServer) -> None:
    before = asyncio.all_tasks()
    async with connect(settings(server.url), service="test") as broker:
        await broker.subscribe("somewhere", ignore)
        await server.kill()
        await until_unready(broker, "no connection")
        await broker.publish("somewhere", b"unsent")
    assert broker.lost.is_set()
    async with asyncio.timeout(AGAIN_WITHIN_S):
        await asyncio.gather(*(asyncio.all_tasks() - before), return_exceptions=True)


async def test_what_was_published_is_sent_before_the_connection_is_closed(server: NatsServer) -> None:
    arrived: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def keep(message: Message) -> None:
        arrived.set_result(message.data)

    async with connect(settings(server.url), service="test") as reader:
        await reader.subscribe("somewhere", keep)
        await reader.api("INFO")
        async with connect(settings(server.url), service="test") as broker:
            await broker.publish("somewhere", b"sent")
        async with asyncio.timeout(AGAIN_WITHIN_S):
            assert await arrived == b"sent"


async def test_a_first_connection_ends_in_time_though_a_cancellation_was_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As happens by chance in `wait_for` of Python 3.11, where nats-py waits for an answer."""
    lost = list[str]()
    client_type: Any = vars(connection)["Client"]
    connect_once = client_type.connect

    async def connect_and_lose(client: Any, *servers: Any, **options: Any) -> None:  # noqa: ANN401 - as its own
        for _ in range(3):
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            lost.append("cancellation")
        await connect_once(client, *servers, **options)

    monkeypatch.setattr(client_type, "connect", connect_and_lose)
    monkeypatch.setattr(connection, "FIRST_CONNECTION_S", 0.1)
    async with asyncio.timeout(AGAIN_WITHIN_S):
        with pytest.raises(UnreachableError):
            async with connect(settings("nats://127.0.0.1:1"), service="test"):
                pass
    assert len(lost) == 3


def test_a_socket_that_was_closed_under_it_is_an_unreachable_log(tmp_path: Path) -> None:
    """In uvloop, on which services run, such a write is a RuntimeError: a client was answered 500."""

    async def write() -> None:
        server = NatsServer(tmp_path / "nats", user="test", password="test-password", sync="fast")
        await server.start()
        try:
            async with connect(settings(server.url), service="test") as broker:
                client: Any = broker._client  # noqa: SLF001 - nats-py is in this state by chance only
                tasks = client._flusher_task, client._reading_task  # noqa: SLF001
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
                client._transport.close()  # noqa: SLF001
                await asyncio.sleep(0)
                assert broker.is_connected
                with pytest.raises(UnreachableError, match="RuntimeError"):
                    await broker.publish("somewhere", b"x")
        finally:
            await server.kill()

    uvloop.run(write())


async def ignore(message: Message) -> None:
    """Handle a message by doing nothing."""
