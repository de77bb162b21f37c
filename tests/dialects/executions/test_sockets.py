"""The sockets of the dialect: the present state, each change, the end, and the close after it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from headrace.local.nats_server import NatsServer
from services.notifier.transports.dialects.executions import transport
from shared.contract.subjects import JOBS
from shared.domain.result import Output
from shared.jetstream.connection import Broker
from shared.settings import BrokerSettings
from tests import builders
from tests.builders import JOB
from tests.dialects.clients import at_notifier, refusal_of, socket_client
from tests.dialects.executions.page import MISSING, NOTHING_YET, socket_path, updates
from tests.integration.notifier.conftest import serving, token
from tests.integration.notifier.writer import Writer

PENDING = {"status": "pending", **NOTHING_YET}
RUNNING = {"status": "running", **NOTHING_YET}
COMPLETED = {
    "status": "completed",
    "output": "42\n",
    "error_output": "",
    "execution_time": "0.01s",
    "memory_usage": None,
}
LARGE = "x" * 700_000

Messages = list[dict[str, Any]]


@pytest.fixture
async def address(broker: object, broker_settings: BrokerSettings) -> AsyncIterator[str]:
    async with serving(broker_settings, (transport,)) as url, asyncio.timeout(60):
        yield at_notifier(url, "executions")


async def whole(address: str, execution_id: str = JOB) -> tuple[Messages, int | None]:
    """All that one connection is told, and its close code."""
    async with socket_client(address + socket_path(execution_id), token()) as socket:
        messages, code = await socket.until_closed()
        return updates(messages, execution_id), code


@pytest.mark.row("executions", "4.3", "4.4", "4.5")
async def test_each_change_is_told_once_and_the_end_closes(address: str, writer: Writer) -> None:
    await writer.append(builders.queued(JOB))
    async with socket_client(address + socket_path(JOB), token()) as socket:
        told = [await socket.next()]
        await writer.append(builders.running(JOB))
        told.append(await socket.next())
        await writer.append(builders.running(JOB, attempt=2))
        await writer.append(builders.cancel_requested(JOB))
        await writer.append(builders.completed(JOB, attempt=2))
        further, code = await socket.until_closed()
    assert updates([*told, *further], JOB) == [PENDING, RUNNING, COMPLETED]
    assert code == 1000


@pytest.mark.row("executions", "4.4", "4.5", "4.6")
async def test_what_is_over_is_told_at_the_opening(address: str, writer: Writer) -> None:
    await writer.run_job(JOB)
    assert [await whole(address) for _ in range(2)] == [([COMPLETED], 1000)] * 2


@pytest.mark.row("executions", "4.4", "4.6")
async def test_one_that_connects_again_is_told_the_present_state(address: str, writer: Writer) -> None:
    await writer.append(builders.queued(JOB))
    await writer.append(builders.running(JOB))
    async with (
        socket_client(address + socket_path(JOB), token()) as first,
        socket_client(address + socket_path(JOB), token()) as second,
    ):
        for socket in (first, second):
            assert updates([await socket.next()], JOB) == [RUNNING]
        await first.connection.close()
        other = builders.job_id()
        await writer.run_job(other)
        await writer.append(builders.completed(JOB))
        messages, code = await second.until_closed()
    assert (updates(messages, JOB), code) == ([COMPLETED], 1000)
    assert await whole(address) == ([COMPLETED], 1000)


@pytest.mark.row("executions", "4.3", "4.7")
async def test_an_end_of_any_size_is_told_whole(address: str, writer: Writer) -> None:
    large = msgspec.structs.replace(
        builders.result(), stdout=Output(content=LARGE), memory_peak_bytes=2_100_000
    )
    await writer.append(builders.queued(JOB))
    await writer.append(msgspec.structs.replace(builders.completed(JOB), result=large))
    ((end,), code) = await whole(address)
    assert (end["output"], end["memory_usage"], code) == (LARGE, "2.1MB", 1000)


@pytest.mark.row("executions", "4.3", "4.4")
async def test_an_error_is_told_with_its_reason(address: str, writer: Writer) -> None:
    await writer.append(builders.queued(JOB))
    await writer.append(builders.running(JOB))
    await writer.append(builders.timeout(JOB))
    ((end,), code) = await whole(address)
    assert (end["status"], code) == ("error", 1000)
    assert end["error_output"] == "The program ran for longer than 10 seconds."


@pytest.mark.row("executions", "4.1", "4.2")
async def test_a_handshake_is_refused_alike_for_all_that_is_not_the_users(
    address: str, writer: Writer
) -> None:
    others, expired = builders.job_id(), builders.job_id()
    await writer.append(builders.queued(others, "bob"))
    await writer.append(builders.queued(expired))
    await writer.append(builders.completed(expired))
    await writer.append(builders.expired(expired))
    for execution_id in (others, expired, builders.job_id(), "undefined", "%00"):
        assert await refusal_of(address + socket_path(execution_id), token()) == (404, MISSING), execution_id
    for bad in (None, "", "a.b.c", token(lasts_s=-60), token()[:-3]):
        for execution_id in (others, builders.job_id()):
            status, body = await refusal_of(address + socket_path(execution_id), bad)
            assert (status, [*body]) == (401, ["detail"])
    assert (await refusal_of(address, token()))[0] in {403, 404}


@pytest.mark.row("executions", "4.9")
async def test_whatever_a_client_sends_is_an_error_and_the_connection_stays(
    address: str, writer: Writer, broker: Broker
) -> None:
    await writer.append(builders.queued(JOB))
    async with socket_client(address + socket_path(JOB), token()) as socket:
        assert updates([await socket.next()], JOB) == [PENDING]
        for sent in (
            b"{}",
            "",
            "ping",
            "[]",
            "{",
            {},
            {"type": "cancel"},
            {"action": "subscribe", "job_id": JOB},
        ):
            await socket.send(sent)
            answer = await socket.next()
            assert {**answer, "message": bool(answer["message"])} == {
                "type": "error",
                "execution_id": JOB,
                "message": True,
            }
        assert (await broker.api(f"STREAM.INFO.{JOBS}"))["state"]["messages"] == 1
        await writer.append(builders.completed(JOB))
        messages, code = await socket.until_closed()
    assert (updates(messages, JOB), code) == ([COMPLETED], 1000)


@pytest.mark.row("executions", "4.8")
async def test_one_that_expires_closes_it(address: str, writer: Writer) -> None:
    await writer.append(builders.queued(JOB))
    async with socket_client(address + socket_path(JOB), token()) as socket:
        assert updates([await socket.next()], JOB) == [PENDING]
        await writer.append(builders.expired(JOB, reason="erased"))
        assert await socket.until_closed() == ([], 1000)


@pytest.mark.full
@pytest.mark.row("executions", "4.10")
async def test_without_the_log_a_handshake_is_answered_503(address: str, nats_server: NatsServer) -> None:
    await nats_server.kill()
    status, body = await refusal_of(address + socket_path(JOB), token())
    await nats_server.start()
    assert (status, [*body]) == (503, ["detail"])
