"""The same events over Server-Sent Events: shown, resumed, ended (docs/protocol.md 10)."""

import asyncio
import random

import pytest

from shared.jetstream.connection import Broker
from tests import builders
from tests.integration.notifier.client import Shown, connected, is_terminal, kinds
from tests.integration.notifier.conftest import Serve, token
from tests.integration.notifier.sse import EndedError, SseClient, get, headers_of, streaming
from tests.integration.notifier.writer import Writer, assert_whole, ended

JOBS = 30


@pytest.mark.clause("10.1", "10.2", "10.3")
async def test_one_job_is_shown_and_then_complete(url: str, writer: Writer) -> None:
    job = builders.job_id()
    await writer.append(builders.queued(job))
    async with streaming(url, token(), job) as stream:
        subscribed = await stream.expect("subscribed")
        assert subscribed == {
            "type": "subscribed",
            "recovered": True,
            "from": "0-0.0",
            "to": subscribed["to"],
        }
        assert stream.cursor == "0-0.0", "whoever is cut off now has a cursor too"
        shown = [await stream.event()]
        await writer.append(builders.running(job))
        shown.append(await stream.event())
        last_note = await writer.note(job)
        shown.append(await stream.event())
        await writer.append(ended(builders.completed(job), last_note))
        shown.append(await stream.event())
        assert await stream.expect("complete") == {"type": "complete"}
        with pytest.raises(EndedError):
            await stream.next()
    assert_whole(shown, writer)


@pytest.mark.clause("10.1")
async def test_every_job_is_shown_and_nobody_elses(url: str, writer: Writer) -> None:
    async with streaming(url, token()) as stream:
        await stream.expect("subscribed")
        await writer.run_job(builders.job_id(), user="bob")
        mine = builders.job_id()
        await writer.append(builders.queued(mine))
        assert (await stream.event())["job_id"] == mine


@pytest.mark.clause("10.2")
async def test_the_event_objects_are_those_of_the_websocket(url: str, writer: Writer) -> None:
    await writer.run_job(builders.job_id())
    async with connected(url, token=token()) as client, streaming(url, token(), after="start") as stream:
        await client.subscribe("*", after="start")
        await stream.expect("subscribed")
        assert await stream.until_terminal() == await client.until_terminal()


@pytest.mark.clause("10.4")
async def test_a_client_changes_between_both_in_the_middle(url: str, writer: Writer) -> None:
    job = builders.job_id()
    await writer.append(builders.queued(job))
    async with connected(url, token=token()) as client:
        await client.subscribe(job)
        shown = [await client.event()]
        await writer.append(builders.running(job))
        shown.append(await client.event())
    await writer.note(job)
    async with streaming(url, token(), job, resume=client.cursor) as stream:
        await stream.expect("subscribed")
        shown.append(await stream.event())
        await writer.note(job)
        shown.append(await stream.event())
    await writer.append(ended(builders.completed(job), await writer.note(job)))
    async with connected(url, token=token()) as client:
        await client.subscribe(job, after=stream.cursor)
        shown += await client.until_terminal()
        await client.expect("complete")
    assert kinds(shown) == ["queued", "running", "output", "output", "output", "completed"]
    assert_whole(shown, writer)


@pytest.mark.clause("10.4")
@pytest.mark.full
@pytest.mark.parametrize("seed", range(2))
async def test_random_disconnections_while_jobs_run(url: str, writer: Writer, seed: int) -> None:
    """Cut off anywhere, it goes on after the last id, over whichever transport."""
    chance = random.Random(seed)  # noqa: S311 - where to cut, not a secret
    shown: list[Shown] = []
    cursor = "start"

    async def go_on(cursor: str, until: int) -> str:
        if chance.random() < 0.5:
            async with connected(url, token=token()) as client:
                await client.subscribe("*", after=cursor)
                while len(shown) < until and not _is_over(shown):
                    shown.append(await client.event())
                return client.cursor or cursor
        given: dict[str, str] = {"after": cursor} if cursor == "start" else {"resume": cursor}
        async with streaming(url, token(), **given) as stream:
            await stream.expect("subscribed")
            while len(shown) < until and not _is_over(shown):
                shown.append(await stream.event())
            return stream.cursor or cursor

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(writer.run_jobs(JOBS))
        while not _is_over(shown):
            cursor = await go_on(cursor, len(shown) + chance.randint(1, 30))
    assert_whole(shown, writer)


def _is_over(shown: list[Shown]) -> bool:
    return sum(is_terminal(event) for event in shown) == JOBS


@pytest.mark.clause("10.4")
async def test_the_header_goes_before_the_address(url: str, writer: Writer) -> None:
    """A browser repeats the address of its first time."""
    job = builders.job_id()
    await writer.append(builders.queued(job))
    async with streaming(url, token(), job, after="start") as stream:
        await stream.expect("subscribed")
        await stream.event()
    await writer.append(builders.running(job))
    async with streaming(url, token(), job, after="start", resume=stream.cursor) as again:
        await again.expect("subscribed")
        assert kinds([await again.event()]) == ["running"]


@pytest.mark.clause("10.5")
async def test_who_comes_back_to_a_job_that_it_saw_to_the_end_is_told_to_stay_away(
    url: str, writer: Writer
) -> None:
    job = builders.job_id()
    await writer.run_job(job)
    async with streaming(url, token(), job) as stream:
        await stream.until_end()
    assert stream.blocks[-1][0] == "complete"
    answer = await get(url, f"/v1/stream?job_id={job}", **headers_of(token(), stream.cursor))
    assert (answer.status_code, answer.content) == (204, b"")
    async with streaming(url, token(), job, after=stream.cursor) as asked:
        await asked.expect("subscribed")
        await asked.expect("complete")


@pytest.mark.clause("10.3")
async def test_a_purged_log_is_a_gap(url: str, broker: Broker, writer: Writer) -> None:
    for _ in range(3):
        await writer.append(builders.queued(builders.job_id()))
    await broker.api("STREAM.PURGE.JOBS", {"seq": 3})
    async with streaming(url, token(), resume="1-0") as stream:
        assert (await stream.expect("subscribed"))["recovered"] is False
        gap = await stream.expect("gap")
        assert (gap["from"], gap["reason"]) == ("1-0", "log_purged")
        assert (await stream.event())["seq"] == 3


@pytest.mark.clause("10.7")
async def test_a_quiet_stream_gives_signs_of_life(serve: Serve) -> None:
    async with streaming(await serve(notifier_ping_s=0.05), token()) as stream:
        await stream.expect("subscribed")
        async for line in stream.lines:
            stream.comments += line == ":"
            if stream.comments == 3:
                break
    assert stream.comments == 3


@pytest.mark.clause("10.8")
async def test_it_ends_with_its_token(url: str, writer: Writer) -> None:
    """Also while events keep coming."""

    async def write() -> None:
        while True:
            await writer.append(builders.queued(builders.job_id()))

    async with streaming(url, token(lasts_s=3.0)) as stream:
        writing = asyncio.create_task(write())
        async with asyncio.timeout(30):
            await stream.until_end()
        writing.cancel()
        await asyncio.wait({writing})
    name, last = stream.blocks[-1]
    assert (name, last["code"]) == ("close", 4401)
    assert any(name == "job.queued.v1" for name, _ in stream.blocks)


@pytest.mark.clause("10.7")
async def test_clients_are_spread_when_they_come_back(url: str) -> None:
    async def first(stream: SseClient) -> int:
        await stream.expect("subscribed")
        return stream.retries[0]

    waits = set()
    for _ in range(8):
        async with streaming(url, token()) as stream:
            waits.add(await first(stream))
    assert len(waits) > 1
    assert all(500 <= wait <= 3_000 for wait in waits)
