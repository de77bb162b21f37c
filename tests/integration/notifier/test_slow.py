"""A client that does not read is ended, resumably, and nobody else notices."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from services.notifier.settings import MIB
from shared.broker import Broker
from tests import builders
from tests.integration.notifier.client import Client, connected, kinds
from tests.integration.notifier.conftest import Serve, token
from tests.integration.notifier.writer import Writer, assert_whole

NOTES = 160
CHUNK = "x" * 16 * 1024


@asynccontextmanager
async def slow_client(url: str) -> AsyncIterator[Client]:
    """A client with small buffers of its own, so that what it does not read stays with the notifier."""
    address = urlsplit(url)
    plug = socket.socket()
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    plug.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plug, (address.hostname, address.port))
    async with connected(url, token=token(), sock=plug, max_queue=1) as client:
        yield client


async def test_a_slow_client_is_ended_and_a_healthy_one_goes_on(serve: Serve, writer: Writer) -> None:
    url = await serve(notifier_queue_bytes_max=MIB)
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
        assert await slow.close_code() == 4420
    shown = [message["event"] for message in slow.received if message["type"] == "event"]
    assert 0 < len(shown) < NOTES
    # And it may go on where it was.
    async with connected(url, token=token()) as client:
        await client.subscribe("*", after=slow.cursor)
        while len(shown) < NOTES + 2:
            shown.append(await client.event())
    assert_whole(shown, writer)


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
