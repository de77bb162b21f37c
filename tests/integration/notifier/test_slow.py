"""A client that does not read is ended, resumably, and nobody else notices."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from headrace.local.nats_server import NatsServer
from services.notifier.settings import MIB
from shared.jetstream.connection import Broker
from tests import builders
from tests.integration.notifier.client import Client, connected, kinds
from tests.integration.notifier.conftest import Serve, token
from tests.integration.notifier.sse import SseClient, headers_of, http, listed, streaming
from tests.integration.notifier.writer import Writer, assert_whole

NOTES = 160
UNREAD_S = 2.0
"""Much shorter than what the kernel allows a peer that takes nothing."""
CHUNK = "x" * 16 * 1024


@asynccontextmanager
async def slow_stream(url: str, *, buffer: int = 4_096) -> AsyncIterator[SseClient]:
    """The same over Server-Sent Events."""
    transport = httpx.AsyncHTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)])
    async with (
        httpx.AsyncClient(transport=transport, timeout=60) as client,
        client.stream("GET", http(url), params={"after": "start"}, headers=headers_of(token())) as response,
    ):
        yield SseClient(response, response.aiter_lines())


@asynccontextmanager
async def slow_client(url: str, *, buffer: int = 4_096) -> AsyncIterator[Client]:
    """A client with small buffers of its own, so that what it does not read stays with the notifier."""
    address = urlsplit(url)
    plug = socket.socket()
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    plug.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plug, (address.hostname, address.port))
    async with connected(url, token=token(), sock=plug, max_queue=1) as client:
        yield client


@pytest.mark.clause("9.1")
async def test_a_slow_client_is_ended_and_a_healthy_one_goes_on(serve: Serve, writer: Writer) -> None:
    url = await serve(notifier_queue_bytes_max=MIB, notifier_queue_age_s=UNREAD_S)
    job = builders.job_id()
    await writer.append(builders.queued(job))
    await writer.append(builders.running(job))
    async with slow_client(url) as slow, connected(url, token=token()) as healthy:
        await slow.subscribe("*", after="start")
        await healthy.subscribe("*", after="start")
        seen = [await healthy.event(), await healthy.event()]
        for _ in range(NOTES):
            await writer.note(job, content=CHUNK)
            seen.append(await healthy.event())
        assert_whole(seen, writer)
        await _until_subscriptions(url, 1)
        assert await slow.close_code() == 4420
    shown = [message["event"] for message in slow.received if message["type"] == "event"]
    assert 0 < len(shown) < NOTES
    # And it may go on where it was.
    async with connected(url, token=token()) as client:
        await client.subscribe("*", after=slow.cursor)
        while len(shown) < NOTES + 2:
            shown.append(await client.event())
    assert_whole(shown, writer)


@pytest.mark.clause("9.1")
async def test_a_client_that_reads_its_history_slowly_is_not_ended(serve: Serve, writer: Writer) -> None:
    """History is read from the log as fast as it is taken, so it cannot be too much."""
    url = await serve(notifier_queue_bytes_max=64 * 1024)
    job = builders.job_id()
    await writer.append(builders.queued(job))
    await writer.append(builders.running(job))
    for _ in range(NOTES):
        await writer.note(job, content=CHUNK)
    async with slow_client(url) as slow:
        await slow.subscribe(job)
        shown = [await slow.event() for _ in range(NOTES + 2)]
    assert_whole(shown, writer)


async def test_one_event_larger_than_the_queue_passes(serve: Serve, writer: Writer, broker: Broker) -> None:
    url = await serve(notifier_queue_bytes_max=64 * 1024)
    job = builders.job_id()
    async with connected(url, token=token()) as client:
        await client.subscribe("*")
        await writer.append(builders.queued(job, stdin=None, labels={"large": "x" * MIB}))
        assert kinds([await client.event()]) == ["queued"]


@pytest.mark.full
@pytest.mark.clause("9.1", "10.8")
async def test_a_slow_stream_is_ended_and_a_healthy_one_goes_on(serve: Serve, writer: Writer) -> None:
    url = await serve(notifier_queue_bytes_max=MIB, notifier_queue_age_s=UNREAD_S)
    job = builders.job_id()
    await writer.append(builders.queued(job))
    await writer.append(builders.running(job))
    async with slow_stream(url) as slow, streaming(url, token(), after="start") as healthy:
        await slow.expect("subscribed")
        await healthy.expect("subscribed")
        seen = [await healthy.event(), await healthy.event()]
        for _ in range(NOTES):
            await writer.note(job, content=CHUNK)
            seen.append(await healthy.event())
        assert_whole(seen, writer)
        await _until_subscriptions(url, 1)
        await slow.until_end()
    name, last = slow.blocks.pop()
    assert (name, last["code"]) == ("close", 4420)
    shown = [event for name, event in slow.blocks if name != "subscribed"]
    assert 0 < len(shown) < NOTES
    async with streaming(url, token(), resume=slow.cursor) as stream:
        await stream.expect("subscribed")
        while len(shown) < NOTES + 2:
            shown.append(await stream.event())
    assert_whole(shown, writer)


@pytest.mark.clause("9.1")
async def test_what_waits_for_too_long_ends_the_connection(serve: Serve, writer: Writer) -> None:
    """There is room for all of it, but it is not read."""
    url = await serve(notifier_queue_bytes_max=64 * MIB, notifier_queue_age_s=0.5)
    job = builders.job_id()
    await writer.append(builders.queued(job))
    await writer.append(builders.running(job))
    async with slow_client(url) as slow, connected(url, token=token("bob")) as idle:
        await slow.subscribe("*")
        await idle.subscribe("*")
        for _ in range(NOTES // 4):
            await writer.note(job, content=CHUNK)
        await _until_subscriptions(url, 0)
        assert await slow.close_code() == 4420
        assert await _subscriptions_of(url, "bob") == 1, "nothing waits for who has nothing to read"


@pytest.mark.full
@pytest.mark.clause("10.8")
async def test_a_log_that_is_lost_in_the_middle_of_history_ends_a_stream(
    serve: Serve, writer: Writer, nats_server: NatsServer
) -> None:
    """More history than is read at once; the rest cannot be read any more."""
    url = await serve(notifier_queue_bytes_max=64 * 1024)
    job = builders.job_id()
    await writer.append(builders.queued(job))
    await writer.append(builders.running(job))
    for _ in range(3 * NOTES):
        await writer.note(job, content=CHUNK)
    async with slow_stream(url, buffer=256 * 1024) as stream:
        for name in ("subscribed", "job.queued.v1", "job.running.v1"):
            await stream.expect(name)
        # The first of it is there, so some was read; sockets do not hold all of it.
        await stream.expect("job.output.v1")
        await nats_server.stop()
        await stream.until_end()
        name, last = stream.blocks.pop()
        assert (name, last["code"]) == ("close", 1013)
        shown = [event for name, event in stream.blocks if name == "job.output.v1"]
        assert len(shown) < 3 * NOTES - 1
        await nats_server.start()


async def _until_subscriptions(url: str, count: int) -> None:
    """Wait until the tests' own user has no more than so many."""
    async with asyncio.timeout(20):
        while await _subscriptions_of(url, builders.USER) > count:
            pass


async def _subscriptions_of(url: str, user: str) -> int:
    shown = await listed(url, query=f"?user_id={user}")
    return sum(len(one["subscriptions"]) for one in shown["connections"])


@pytest.mark.clause("5.5")
async def test_who_is_behind_is_sent_fewer_and_larger_pieces(serve: Serve, writer: Writer) -> None:
    url = await serve()
    job = builders.job_id()
    await writer.append(builders.queued(job))
    await writer.append(builders.running(job))
    async with slow_client(url) as slow:
        await slow.subscribe("*")
        for number in range(NOTES):
            await writer.note(job, content=f"{number:>{len(CHUNK)}}", counts_bytes=True)
        await writer.append(builders.completed(job))
        *pieces, _ = await slow.until_terminal()
    assert 0 < len(pieces) < NOTES
    output = ""
    for piece in pieces:
        assert piece["data"]["offset"] == len(output)
        output += piece["data"]["content"]
    assert output.split() == [str(number) for number in range(NOTES)]
