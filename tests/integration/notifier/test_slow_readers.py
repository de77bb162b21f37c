"""A client that reads slowly is shown everything, whatever sizes are before it, on both transports."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from headrace.client.credentials import Credentials
from headrace.client.http import open_session
from headrace.client.reconnecting_stream import Following
from services.notifier.settings import MIB
from shared.domain.result import Output, Result, SkippedArtifact
from tests import builders
from tests.cases import cases
from tests.integration.notifier.client import Shown, connected, is_terminal
from tests.integration.notifier.conftest import Serve, token
from tests.integration.notifier.sse import get, listed, streaming
from tests.integration.notifier.throttle import MB_PER_S, throttled
from tests.integration.notifier.writer import Writer, assert_whole, ended

OUTPUT_BYTES = 262_144
"""Of each stream, as much as a job may print; a control character takes six bytes in JSON."""
PIECES = 16
LARGEST = Output(content="\x01" * OUTPUT_BYTES, kept_bytes=OUTPUT_BYTES, total_bytes=OUTPUT_BYTES)
SKIPPED = tuple(
    SkippedArtifact(path="/".join(["\x01" * 255] * 4), reason="it is a symbolic link") for _ in range(70)
)
RATE = 2 * MB_PER_S


async def print_all(writer: Writer, job: str) -> None:
    """A job whose output and whose terminal event are as large as they may be."""
    await writer.append(builders.queued(job))
    await writer.append(builders.running(job))
    sequence = 0
    for number in range(2 * PIECES):
        character = "\x01" if number < PIECES else "\x02"
        sequence = await writer.note(job, content=character * (OUTPUT_BYTES // PIECES))
    result = Result(exit_code=0, stdout=LARGEST, stderr=LARGEST, skipped=SKIPPED)
    await writer.append(ended(msgspec.structs.replace(builders.completed(job), result=result), sequence))


async def read_socket(url: str, job: str) -> list[Shown]:
    async with connected(url, token=token(), max_queue=1) as client:
        await client.subscribe(job, after="start")
        events = await client.until_terminal()
        await client.expect("complete")
        return events


async def read_stream(url: str, job: str) -> list[Shown]:
    async with streaming(url, token(), job, after="start") as stream:
        await stream.expect("subscribed")
        events = await stream.until_terminal()
        await stream.expect("complete")
        await stream.until_end()
        return events


READERS = {"websocket": read_socket, "sse": read_stream}


@pytest.mark.clause("9.1")
@pytest.mark.parametrize("transport", READERS)
@pytest.mark.full
async def test_a_history_of_the_largest_events_is_read_to_its_end(
    serve: Serve, writer: Writer, transport: str
) -> None:
    job = builders.job_id()
    await print_all(writer, job)
    async with throttled(await serve(), RATE) as url:
        shown = await READERS[transport](url, job)
    assert_whole(shown, writer)
    assert is_terminal(shown[-1])


@pytest.mark.clause("9.1")
@pytest.mark.parametrize("transport", cases(READERS, {"websocket"}))
async def test_live_events_larger_than_the_queue_are_all_shown(
    serve: Serve, writer: Writer, transport: str
) -> None:
    """They come faster than they are read. What has no room comes from the log."""
    url = await serve(notifier_queue_bytes_max=MIB)
    jobs = [builders.job_id() for _ in range(2)]
    async with throttled(url, RATE) as slow:
        reading = asyncio.create_task(WATCHERS[transport](slow, len(jobs)))
        await _until_subscribed(url)
        for job in jobs:
            await print_all(writer, job)
        shown = await reading
    assert_whole(shown, writer)
    metrics = (await get(url, "/metrics")).text
    behind = re.search(r"headrace_subscriptions_behind_total ([\d.]+)", metrics)
    assert behind is not None
    assert float(behind[1]) > 0, "the reader must really have been behind"


@pytest.mark.clause("9.1")
@pytest.mark.parametrize("transport", READERS)
@pytest.mark.full
async def test_whoever_comes_back_in_the_middle_gets_on(serve: Serve, writer: Writer, transport: str) -> None:
    """Cut off after every few events, with large ones before it: each connection shows something."""
    job = builders.job_id()
    await print_all(writer, job)
    shown: list[Shown] = []
    cursor = "start"
    async with throttled(await serve(), 4 * RATE) as url:
        while not shown or not is_terminal(shown[-1]):
            events = await CUT_SHORT[transport](url, job, cursor)
            assert events
            shown += events
            cursor = shown[-1]["cursor"]
    assert_whole(shown, writer)


@pytest.mark.full
async def test_answers_and_other_subscriptions_pass_behind_large_events(serve: Serve, writer: Writer) -> None:
    """On one connection: three subscriptions of the same large job, its record twice, and pings."""
    job = builders.job_id()
    await print_all(writer, job)
    async with throttled(await serve(notifier_ping_s=1.0), 3 * RATE) as url:  # noqa: SIM117 - the order matters
        async with connected(url, token=token(), max_queue=1) as client:
            for number in range(3):
                await client.ask(job, id=f"s{number}", after="start")
            for number in range(2):
                await client.send(type="status", id=f"q{number}", job_id=job)
            await client.send(type="subscribe", id="none", job_id=builders.job_id())
            await client.send(type="ping")
            awaited = {f"complete s{number}" for number in range(3)} | {"status q0", "status q1"}
            awaited |= {"error none", "pong None"}
            while awaited:
                message = await client.next()
                awaited.discard(f"{message['type']} {message.get('id')}")
    for number in range(3):
        shown = [
            one["event"] for one in client.received if one["type"] == "event" and one["id"] == f"s{number}"
        ]
        assert_whole(shown, writer)


async def test_the_client_library_takes_the_largest_events(serve: Serve, writer: Writer) -> None:
    job = builders.job_id()
    await print_all(writer, job)
    async with throttled(await serve(), 2 * RATE) as url, open_session() as session:
        following = Following(session, url, Credentials(token()), job, "start")
        shown = [event async for event in following.events()]
    assert [event.type for event in shown[-1:]] == ["job.completed.v1"]
    assert sum(event.type == "job.output.v1" for event in shown) == 2 * PIECES


async def watch_socket(url: str, jobs: int) -> list[Shown]:
    async with connected(url, token=token(), max_queue=1) as client:
        await client.subscribe("*", after="now")
        events: list[Shown] = []
        while sum(is_terminal(event) for event in events) < jobs:
            events.append(await client.event())
        return events


async def watch_stream(url: str, jobs: int) -> list[Shown]:
    async with streaming(url, token(), after="now") as stream:
        await stream.expect("subscribed")
        events: list[Shown] = []
        while sum(is_terminal(event) for event in events) < jobs:
            events.append(await stream.event())
        return events


WATCHERS = {"websocket": watch_socket, "sse": watch_stream}


async def some_of_socket(url: str, job: str, cursor: str) -> list[Shown]:
    async with connected(url, token=token(), max_queue=1) as client:
        await client.subscribe(job, after=cursor)
        return await _some(client.event)


async def some_of_stream(url: str, job: str, cursor: str) -> list[Shown]:
    resume = None if cursor == "start" else cursor
    async with streaming(url, token(), job, resume=resume) as stream:
        await stream.expect("subscribed")
        return await _some(stream.event)


CUT_SHORT = {"websocket": some_of_socket, "sse": some_of_stream}


async def _some(event: Callable[[], Awaitable[Shown]]) -> list[Shown]:
    events: list[Shown] = []
    while len(events) < 9 and not (events and is_terminal(events[-1])):
        events.append(await event())
    return events


async def _until_subscribed(url: str) -> None:
    async with asyncio.timeout(20):
        while not any(one["subscriptions"] for one in (await listed(url))["connections"]):  # noqa: ASYNC110 - asked over HTTP
            await asyncio.sleep(0.02)
