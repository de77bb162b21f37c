"""What all dialects do over their sockets, shown by one that only tests speak."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from websockets.frames import Frame, Opcode

from shared.domain.result import Output
from shared.settings import BrokerSettings
from tests import builders
from tests.builders import JOB
from tests.dialects import echo
from tests.dialects.clients import Socket, at_notifier, refusal_of, socket_client
from tests.integration.notifier.conftest import serving, token
from tests.integration.notifier.writer import Writer

LARGE = "x" * 700_000


def forget_pongs(client: Socket) -> None:
    """The library answers pings by itself: from now on it does not."""
    protocol = client.connection.protocol
    send = protocol.send_frame

    def send_others(frame: Frame) -> None:
        if frame.opcode is not Opcode.PONG:
            send(frame)

    protocol.send_frame = send_others  # type: ignore[method-assign]


@pytest.fixture
async def address(broker: object, broker_settings: BrokerSettings) -> AsyncIterator[str]:
    async with serving(broker_settings, (echo.transport,)) as url:
        yield at_notifier(url, echo.NAME)


@pytest.fixture
async def socket(address: str) -> AsyncIterator[Socket]:
    async with asyncio.timeout(60), socket_client(address, token()) as opened:
        yield opened


@pytest.mark.row("all", "1.3", "3.1")
async def test_it_is_at_the_prefix_with_and_without_a_slash(address: str) -> None:
    for path in ("", "/"):
        async with socket_client(address + path, token()) as opened:
            assert await opened.next() == {"newest": None}
            assert opened.connection.subprotocol is None


@pytest.mark.row("all", "3.1", "3.2", "3.3")
async def test_a_handshake_is_refused_by_status(address: str) -> None:
    for bad in (None, "", "a.b.c", token(lasts_s=-60), token()[:-3]):
        status, body = await refusal_of(address, bad)
        assert (status, [*body]) == (401, ["detail"])
    assert (await refusal_of(address, token(scopes=frozenset({"ops"}))))[0] == 403
    assert (await refusal_of(address, token(), origin="https://evil.example"))[0] == 403
    assert (await refusal_of(address + "/elsewhere", token()))[0] in {403, 404}


@pytest.mark.row("all", "3.3")
async def test_without_a_place_it_is_503(broker: object, broker_settings: BrokerSettings) -> None:
    async with serving(broker_settings, (echo.transport,), notifier_user_connections_max=1) as url:
        address = at_notifier(url, echo.NAME)
        async with socket_client(address, token()) as first:
            await first.next()
            assert (await refusal_of(address, token()))[0] == 503
        async with socket_client(address, token("bob")) as other:
            await other.next()


@pytest.mark.row("all", "3.4")
async def test_bad_frames_are_answered_and_the_connection_stays(socket: Socket) -> None:
    await socket.next()
    for frame in (b"{}", "", "[]", "7", "{", '{"a":' * 2_000, '"\\ud800"'):
        await socket.send(frame)
        assert [*await socket.next()] == ["error"]
    await socket.send({"a": 1})
    assert await socket.next() == {"echo": {"a": 1}}


@pytest.mark.row("all", "3.5")
async def test_a_client_that_asks_too_much_waits(broker: object, broker_settings: BrokerSettings) -> None:
    async with (
        asyncio.timeout(60),
        serving(broker_settings, (echo.transport,), notifier_commands_per_s=20) as url,
        socket_client(at_notifier(url, echo.NAME), token()) as opened,
    ):
        await opened.next()
        began = asyncio.get_running_loop().time()
        for number in range(90):
            await opened.send({"n": number})
        assert [await opened.next() for _ in range(90)] == [{"echo": {"n": number}} for number in range(90)]
        assert asyncio.get_running_loop().time() - began >= 0.4


@pytest.mark.row("all", "3.6", "3.7")
async def test_each_end_is_told_once_and_whole(socket: Socket, writer: Writer) -> None:
    await socket.next()
    await writer.append(builders.queued(JOB))
    await writer.append(builders.running(JOB))
    assert await socket.next() == {"running": JOB}
    large = msgspec.structs.replace(builders.result(), stdout=Output(content=LARGE))
    await writer.append(msgspec.structs.replace(builders.completed(JOB), result=large))
    assert await socket.next() == {"end": JOB, "stdout": LARGE}
    for asked, phase in ((JOB, "completed"), ("nothing", None), (builders.job_id(), None)):
        await socket.send({"job": asked})
        assert await socket.next() == {"job": phase}


@pytest.mark.row("all", "3.6")
async def test_what_ended_before_is_told_at_the_opening(address: str, writer: Writer) -> None:
    for job in (builders.job_id(), JOB):
        await writer.run_job(job)
    others = builders.job_id()
    await writer.run_job(others, user="bob")
    async with asyncio.timeout(60), socket_client(address, token()) as opened:
        assert await opened.next() == {"newest": JOB}
        assert (await opened.next())["end"] == JOB
        await opened.send({"job": others})
        assert await opened.next() == {"job": None}


@pytest.mark.row("all", "3.8")
async def test_one_that_answers_no_ping_is_closed(broker: object, broker_settings: BrokerSettings) -> None:
    async with (
        asyncio.timeout(60),
        serving(broker_settings, (echo.transport,), notifier_ping_s=0.3) as url,
        socket_client(at_notifier(url, echo.NAME), token()) as lives,
        socket_client(at_notifier(url, echo.NAME), token()) as silent,
    ):
        await silent.next()
        forget_pongs(silent)
        assert await silent.until_closed() == ([], 4408)
        await lives.next()
        await lives.send({})
        assert await lives.next() == {"echo": {}}


@pytest.mark.row("all", "3.9")
async def test_it_ends_with_its_token(address: str) -> None:
    async with asyncio.timeout(60), socket_client(address, token(lasts_s=4)) as opened:
        assert (await opened.until_closed())[1] == 4401


@pytest.mark.row("all", "3.9")
async def test_it_is_told_that_the_notifier_restarts(broker: object, broker_settings: BrokerSettings) -> None:
    async with asyncio.timeout(60):
        async with serving(broker_settings, (echo.transport,)) as url:
            opening = socket_client(at_notifier(url, echo.NAME), token())
            opened = await opening.__aenter__()
            await opened.next()
        assert await opened.until_closed() == ([], 1012)
        await opening.__aexit__(None, None, None)
