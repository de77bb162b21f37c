"""A peer that takes nothing, or is gone without a word, costs a socket for 15 s at most (protocol.md 9.3)."""

import asyncio

import pytest

from tests import builders
from tests.integration.notifier.conftest import Start, token
from tests.integration.notifier.peers import (
    answered,
    may_filter,
    server_holds,
    socket_request,
    stream_request,
    tcp,
    text_frame,
    vanish,
)
from tests.integration.notifier.sse import get
from tests.integration.notifier.writer import Writer

GIVEN_UP_WITHIN_S = 15
CHUNK = "x" * 64 * 1024
CHUNKS = 40


@pytest.mark.clause("9.3")
@pytest.mark.full
@pytest.mark.parametrize("transport", ["websocket", "sse"])
@pytest.mark.parametrize(
    "vanishes",
    [False, pytest.param(True, marks=may_filter)],
    ids=["never reads", "vanishes"],
)
async def test_its_socket_is_given_up(
    start_process: Start, writer: Writer, transport: str, *, vanishes: bool
) -> None:
    notifier = await start_process()
    request = stream_request(token()) if transport == "sse" else socket_request(token())
    async with tcp(notifier.url, request) as plug:
        if transport == "websocket":
            loop = asyncio.get_running_loop()
            await answered(plug, b"101")
            await loop.sock_sendall(plug, text_frame('{"type":"connection_init"}'))
            await loop.sock_sendall(plug, text_frame('{"type":"subscribe","id":"s","job_id":"*"}'))
        await answered(plug, b"subscribed")
        if vanishes:
            vanish(plug)
        job = builders.job_id()
        await writer.append(builders.queued(job))
        await writer.append(builders.running(job))
        # One who vanished is noticed by its silence, one who does not read by its full buffers.
        for _ in range(1 if vanishes else CHUNKS):
            await writer.note(job, content=CHUNK)
        assert server_holds(plug)
        async with asyncio.timeout(GIVEN_UP_WITHIN_S):
            while "headrace_connections 0.0" not in await _metrics(notifier.url) or server_holds(plug):  # noqa: ASYNC110 - asked over HTTP
                await asyncio.sleep(0.05)
    notifier.process.terminate()
    assert await notifier.ended() == 0
    assert not any("Traceback" in line or '"error"' in line for line in notifier.lines)


async def _metrics(url: str) -> str:
    return (await get(url, "/metrics")).text
