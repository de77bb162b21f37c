"""The notifier as a process: how it ends, what it says about itself, and what it never writes down."""

import asyncio
import json

import pytest

from shared.contract import problems
from tests import builders
from tests.integration.notifier.client import connected
from tests.integration.notifier.conftest import Start, token
from tests.integration.notifier.sse import get, headers_of, listed, streaming
from tests.integration.notifier.test_slow import CHUNK, NOTES, slow_client, slow_stream
from tests.integration.notifier.test_sse_refusals import assert_problem
from tests.integration.notifier.writer import Writer, assert_whole


@pytest.mark.clause("9.2")
async def test_sigterm_closes_every_socket_to_come_back(start_process: Start) -> None:
    notifier = await start_process()
    async with connected(notifier.url, token=token()) as idle, connected(notifier.url) as silent:
        await idle.subscribe("*")
        notifier.process.terminate()
        assert await idle.close_code() == 1012
        assert await silent.close_code() == 1012
    assert await notifier.ended() == 0


@pytest.mark.clause("9.2", "10.8")
async def test_what_is_queued_is_read_before_the_restart(start_process: Start, writer: Writer) -> None:
    """More than all buffers on the way hold waits for both clients, which begin to read when it stops."""
    notifier = await start_process()
    job = builders.job_id()
    large = 256 * 1024
    async with (
        slow_client(notifier.url, buffer=large) as slow,
        slow_stream(notifier.url, buffer=large) as stream,
    ):
        await slow.subscribe("*")
        await stream.expect("subscribed")
        await writer.append(builders.queued(job))
        await writer.append(builders.running(job))
        for _ in range(NOTES):
            await writer.note(job, content=CHUNK)
        await _until_all_wait(notifier.url, NOTES // 2 * len(CHUNK))
        notifier.process.terminate()
        code, _ = await asyncio.gather(slow.close_code(), stream.until_end())
    assert code == 1012
    over_socket = [message["event"] for message in slow.received if message["type"] == "event"]
    over_sse = [event for _, event in stream.blocks[1:-1]]
    assert_whole(over_socket, writer)
    assert_whole(over_sse, writer)
    name, last = stream.blocks[-1]
    assert (name, last["code"]) == ("close", 1012)
    assert len(stream.retries) == 2
    assert await notifier.ended() == 0


async def _until_newcomers_are_sent_away(url: str) -> None:
    """To another replica, or to the next process."""
    path = f"/v1/stream?job_id={builders.JOB}"
    while (answer := await get(url, path, **headers_of(token()))).status_code == 404:  # noqa: ASYNC110 - asked over HTTP
        await asyncio.sleep(0.02)
    assert_problem(answer, problems.UNAVAILABLE)
    async with connected(url) as client:
        assert await client.close_code() == 1012


async def _until_all_wait(url: str, size: int) -> None:
    async with asyncio.timeout(20):
        while min(one["queued_bytes"] for one in (await listed(url))["connections"]) < size:  # noqa: ASYNC110 - asked over HTTP
            await asyncio.sleep(0.02)


@pytest.mark.clause("9.2")
@pytest.mark.full
async def test_who_does_not_read_does_not_hold_up_the_restart(start_process: Start, writer: Writer) -> None:
    notifier = await start_process()
    job = builders.job_id()
    async with slow_client(notifier.url) as slow, slow_stream(notifier.url) as stream:
        await slow.subscribe("*")
        await stream.expect("subscribed")
        for _ in range(NOTES // 2):
            await writer.note(job, content=CHUNK)
        await _until_all_wait(notifier.url, NOTES // 4 * len(CHUNK))
        notifier.process.terminate()
        await _until_newcomers_are_sent_away(notifier.url)
        async with asyncio.timeout(30):
            assert await notifier.ended() == 0


@pytest.mark.clause("11.2")
async def test_no_token_reaches_a_log_line_or_a_record(start_process: Start, writer: Writer) -> None:
    notifier = await start_process()
    good, bad, operator = token(), token(lasts_s=-60), token(scopes=frozenset({"ops"}))
    records = ""
    async with connected(f"{notifier.url}?token={good}", header_token=good) as client:
        await client.init()
        await client.send(type="refresh", token=good)
        await client.expect("refreshed")
        await client.send(type="refresh", token=bad)
        await client.expect("error")
        async with streaming(f"{notifier.url}?access_token={good}", good) as stream:
            await stream.expect("subscribed")
            records = json.dumps(await listed(notifier.url, operator))
    async with connected(notifier.url, header_token=bad) as client:
        await client.send(type="connection_init", token=bad)
        assert await client.close_code() == 4401
    async with connected(notifier.url) as client:
        await client.socket.send(f'{{"type":"connection_init","token":"{good}"')
        assert await client.close_code() == 4400
    for path, headers in (
        ("", headers_of(bad)),
        (f"?token={good}", {}),
        (f"?after={good}", headers_of(good)),
    ):
        answer = await get(notifier.url, f"/v1/stream{path}", **headers)
        assert answer.status_code in {400, 401}
        records += answer.text
    notifier.process.terminate()
    await notifier.ended()
    written = "".join(notifier.lines)
    assert "connection_ends" in written
    assert '"transport": "sse"' in records
    for secret in (good, bad, operator):
        assert not any(part in written or part in records for part in secret.split(".")[1:])


async def test_health_readiness_and_metrics(start_process: Start, writer: Writer) -> None:
    notifier = await start_process()
    async with connected(notifier.url, token=token()) as client:
        await client.subscribe("*")
        await writer.append(builders.queued(builders.job_id()))
        await client.event()
        assert (await get(notifier.url, "/readyz")).json()["checks"] == {
            "stopping": "ok",
            "broker": "ok",
            "quorum": "ok",
            "token_keys": "ok",
            "log": "ok",
            "feed": "ok",
        }
        assert (await get(notifier.url, "/livez")).json() == {"status": "ok"}
        assert "headrace_connections 1.0" in (await get(notifier.url, "/metrics")).text
