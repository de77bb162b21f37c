"""History that is purged under a cursor is an explicit `gap` when its client is back, and then the rest."""

import pytest

from shared.jetstream.connection import Broker
from tests import builders
from tests.integration.notifier.client import Client, Shown, connected, kinds
from tests.integration.notifier.conftest import (
    serve,
    token,
    url,
    writer,
)
from tests.integration.notifier.writer import Writer, ended

__all__ = ["serve", "url", "writer"]

MINE = builders.JOB


async def cursor_after(url: str, job_id: str, count: int) -> str:
    """The cursor of the last of the first `count` events of a subscription."""
    async with connected(url, token=token()) as client:
        await client.subscribe(job_id, after="start")
        for _ in range(count):
            await client.event()
        assert client.cursor is not None
        return client.cursor


async def come_back(client: Client, job_id: str, cursor: str) -> Shown:
    """Resume; the gap must be said before any event."""
    subscribed = await client.subscribe(job_id, after=cursor)
    assert subscribed["recovered"] is False
    gap = await client.expect("gap")
    assert gap["id"] == subscribed["id"]
    assert gap["from"] == cursor
    return gap


@pytest.mark.parametrize("job_id", ["*", MINE])
async def test_the_log_is_purged_under_a_cursor(
    url: str, broker: Broker, writer: Writer, job_id: str
) -> None:
    """`queued` was seen, `running` is gone, and the end is still there."""
    await writer.append(builders.queued(MINE))
    cursor = await cursor_after(url, job_id, 1)
    await writer.append(builders.running(MINE))
    last = await writer.append(builders.completed(MINE))
    await broker.api("STREAM.PURGE.JOBS", {"seq": last})
    async with connected(url, token=token()) as client:
        gap = await come_back(client, job_id, cursor)
        assert gap["reason"] == "log_purged"
        assert gap["to"].startswith(f"{last - 1}-")
        assert [event["seq"] for event in await client.until_terminal()] == [last]


@pytest.mark.parametrize("job_id", ["*", MINE])
async def test_the_feed_is_purged_under_a_cursor(
    url: str, broker: Broker, writer: Writer, job_id: str
) -> None:
    """The first piece was seen, the second is gone, the third and the end are still there."""
    await writer.append(builders.queued(MINE))
    await writer.append(builders.running(MINE))
    await writer.note(MINE)
    cursor = await cursor_after(url, job_id, 3)
    await writer.note(MINE)
    last = await writer.note(MINE)
    await broker.api("STREAM.PURGE.FEED", {"seq": last})
    async with connected(url, token=token()) as client:
        assert (await come_back(client, job_id, cursor))["reason"] == "feed_expired"
        assert (await client.event())["data"]["offset"] == 2
        await writer.append(builders.completed(MINE))
        assert kinds(await client.until_terminal()) == ["completed"]


@pytest.mark.parametrize("job_id", ["*", MINE])
async def test_a_full_feed_drops_what_is_after_a_cursor(
    url: str, broker: Broker, writer: Writer, job_id: str
) -> None:
    """As the feed did before it refused new notes, and does where it was not provisioned since."""
    config = (await broker.api("STREAM.INFO.FEED"))["config"]
    await broker.api("STREAM.UPDATE.FEED", {**config, "discard": "old", "max_bytes": 20_000})
    await writer.append(builders.queued(MINE))
    await writer.append(builders.running(MINE))
    await writer.note(MINE)
    cursor = await cursor_after(url, job_id, 3)
    last = [await writer.note(MINE) for _ in range(79)][-1]
    await writer.append(ended(builders.completed(MINE), last))
    async with connected(url, token=token()) as client:
        assert (await come_back(client, job_id, cursor))["reason"] == "feed_expired"
        offsets = [event["data"]["offset"] for event in (await client.until_terminal())[:-1]]
        assert offsets == list(range(80 - len(offsets), 80))
        assert 0 < len(offsets) < 79


@pytest.mark.parametrize("job_id", ["*", MINE])
async def test_what_was_purged_had_been_seen(url: str, broker: Broker, writer: Writer, job_id: str) -> None:
    """Nothing after the cursor is gone, so nothing is said."""
    await writer.append(builders.queued(MINE))
    await writer.append(builders.running(MINE))
    note = await writer.note(MINE)
    cursor = await cursor_after(url, job_id, 3)
    await broker.api("STREAM.PURGE.FEED", {"seq": note + 1})
    await broker.api("STREAM.PURGE.JOBS", {"seq": 2})
    await writer.note(MINE)
    await writer.append(builders.completed(MINE))
    async with connected(url, token=token()) as client:
        assert (await client.subscribe(job_id, after=cursor))["recovered"] is True
        assert kinds(await client.until_terminal()) == ["output", "completed"]
