"""History that is gone is never passed over in silence, and only then spoken of."""

import asyncio

import pytest

from shared.jetstream.connection import Broker
from tests import builders
from tests.integration.notifier.client import connected, kinds
from tests.integration.notifier.conftest import token
from tests.integration.notifier.writer import Writer


@pytest.mark.clause("7.1", "7.2")
async def test_a_purged_log_is_a_gap(url: str, broker: Broker, writer: Writer) -> None:
    for _ in range(3):
        await writer.append(builders.queued(builders.job_id()))
    await broker.api("STREAM.PURGE.JOBS", {"seq": 3})
    async with connected(url, token=token()) as client:
        subscribed = await client.subscribe("*", after="1-0")
        gap = await client.expect("gap")
        assert subscribed["recovered"] is False
        assert (gap["from"], gap["reason"]) == ("1-0", "log_purged")
        assert gap["to"].startswith("2-")
        assert (await client.event())["seq"] == 3


@pytest.mark.clause("7.1", "7.2")
async def test_an_expired_feed_is_a_gap(url: str, broker: Broker, writer: Writer) -> None:
    job = builders.job_id()
    await writer.run_job(job)
    await _change_feed(broker, max_age=int(100e6))
    async with asyncio.timeout(30):
        while (await broker.api("STREAM.INFO.FEED"))["state"]["messages"]:
            pass
    async with connected(url, token=token()) as client:
        subscribed = await client.subscribe(job)
        assert subscribed["recovered"] is False
        assert (await client.expect("gap"))["reason"] == "feed_expired"
        assert kinds(await client.until_terminal()) == ["queued", "running", "completed"]


@pytest.mark.clause("7.2")
async def test_a_full_feed_is_a_gap(url: str, broker: Broker, writer: Writer) -> None:
    await _change_feed(broker, max_bytes=20_000)
    job = builders.job_id()
    await writer.run_job(job, notes=80)
    async with connected(url, token=token()) as client:
        assert (await client.subscribe(job))["recovered"] is False
        assert (await client.expect("gap"))["reason"] == "feed_expired"
        assert 4 <= len(await client.until_terminal()) < 83


async def test_a_job_without_output_has_no_gap(url: str, broker: Broker, writer: Writer) -> None:
    await _change_feed(broker, max_bytes=20_000)
    await writer.run_job(builders.job_id(), notes=80)
    job = builders.job_id()
    await writer.run_job(job, notes=0)
    async with connected(url, token=token()) as client:
        assert (await client.subscribe(job))["recovered"] is True


async def _change_feed(broker: Broker, **changes: int) -> None:
    """It drops its oldest notes, as where it was provisioned before it refused new ones."""
    config = (await broker.api("STREAM.INFO.FEED"))["config"]
    changed = {**config, "discard": "old", "duplicate_window": int(100e6), **changes}
    await broker.api("STREAM.UPDATE.FEED", changed)


@pytest.mark.clause("7.1")
@pytest.mark.parametrize("resumed", [False, True])
async def test_what_never_was_is_no_gap(url: str, broker: Broker, writer: Writer, *, resumed: bool) -> None:
    """Older output of other jobs has expired; this job has lost nothing."""
    await writer.run_job(builders.job_id())
    await broker.api("STREAM.PURGE.FEED")
    job = builders.job_id()
    await writer.append(builders.queued(job))
    await writer.append(builders.running(job))
    await writer.note(job)
    async with connected(url, token=token()) as client:
        after = None
        if resumed:
            await client.subscribe(job, id="first")
            after = (await client.event("first"))["cursor"]
            await client.send(type="unsubscribe", id="first")
            await client.send(type="ping")
            while (await client.next())["type"] != "pong":
                pass
        assert (await client.subscribe(job, after=after))["recovered"] is True
        shown = [await client.event() for _ in range(2 if resumed else 3)]
    assert kinds(shown)[-2:] == ["running", "output"]


async def test_a_cursor_at_the_edge_of_the_feed_is_no_gap(url: str, broker: Broker, writer: Writer) -> None:
    await writer.run_job(builders.job_id())
    async with connected(url, token=token()) as client:
        await client.subscribe("*", after="start")
        cursor = (await client.until_terminal())[-1]["cursor"]
        await broker.api("STREAM.PURGE.FEED")
        assert (await client.subscribe("*", id="again", after=cursor))["recovered"] is True
