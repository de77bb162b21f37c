"""Whatever breaks, a client that comes back with its last cursor has lost nothing and sees nothing twice."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

import pytest
from websockets.exceptions import ConnectionClosed

from headrace.local.nats_server import NatsServer
from shared.domain.cursor import microseconds
from shared.jetstream.connection import Broker
from shared.jetstream.stream_config import ProvisionSettings
from shared.provision import provision
from tests import builders
from tests.cases import cases
from tests.integration.notifier.client import Client, Shown, connected, is_terminal, kinds
from tests.integration.notifier.conftest import NotifierProcess, Serve, Start, token
from tests.integration.notifier.writer import Writer, assert_ordered, assert_whole

CUTS = 8
JOBS = 60


class Watcher:
    """One user's client over many connections."""

    def __init__(self, job_id: str = "*") -> None:
        self.shown: list[Shown] = []
        self.ends = 0
        self.job_id = job_id
        self.cursor = "start"

    async def watch(self, url: str, *, until: Callable[[], bool]) -> None:
        """Connect, go on after the last cursor, read `until` says so, and drop the connection."""
        async with connected(url, token=token()) as client:
            subscribed = await client.subscribe(self.job_id, after=self.cursor)
            assert subscribed["recovered"] is True
            await self.read(client, until=until)
            client.socket.transport.abort()

    async def read(self, client: Client, *, until: Callable[[], bool]) -> None:
        while not until():
            event = await client.event()
            self.shown.append(event)
            self.ends += is_terminal(event)
            self.cursor = event["cursor"]


@pytest.mark.clause("6.2")
@pytest.mark.parametrize(("seed", "short"), [(0, False), (1, False), (2, True), (3, True)])
async def test_random_disconnections_while_jobs_run(url: str, writer: Writer, seed: int, short: bool) -> None:
    chance = random.Random(seed)  # noqa: S311 - where to cut, not a secret
    watcher = Watcher()
    async with asyncio.timeout(50), asyncio.TaskGroup() as group:
        group.create_task(writer.run_jobs(JOBS, short=short))
        for _ in range(CUTS):
            stop_at = len(watcher.shown) + chance.randint(0, JOBS * 6 // CUTS)
            await watcher.watch(url, until=lambda at=stop_at: len(watcher.shown) >= at)  # type: ignore[misc]  # bound now
        await watcher.watch(url, until=lambda: watcher.ends == JOBS)
    assert_whole(watcher.shown, writer)


@pytest.mark.clause("6.2")
async def test_a_disconnection_after_every_event_of_one_job(url: str, writer: Writer) -> None:
    job = builders.job_id()
    await writer.run_job(job)
    watcher = Watcher(job)
    for count in range(1, 7):
        await watcher.watch(url, until=lambda at=count: len(watcher.shown) == at)  # type: ignore[misc]  # bound now
    assert_whole(watcher.shown, writer)
    async with connected(url, token=token()) as client:
        await client.subscribe(job, after=watcher.shown[-1]["cursor"])
        await client.expect("complete")


@pytest.mark.clause("6.2")
@pytest.mark.parametrize("subscribes_to", ["*", "job"])
async def test_a_disconnection_after_every_event_of_a_job_whose_notes_the_log_tells(
    url: str, writer: Writer, subscribes_to: str
) -> None:
    """Several of what is shown come from one entry of the log: a client may go on between any two of them."""
    job = builders.job_id()
    await writer.run_short_job(job, notes=1, unsent=2)
    watcher = Watcher("*" if subscribes_to == "*" else job)
    for count in range(1, 9):
        await watcher.watch(url, until=lambda at=count: len(watcher.shown) == at)  # type: ignore[misc]  # bound now
    assert_whole(watcher.shown, writer)
    assert kinds(watcher.shown) == [
        *("queued", "running", "progress", "output"),
        *("output", "output", "progress", "completed"),
    ]


async def test_notes_that_the_log_tells_are_shown_after_the_feed_has_forgotten_its_own(
    url: str, broker: Broker, writer: Writer
) -> None:
    await writer.run_short_job(builders.job_id(), notes=0, unsent=2)
    await broker.api("STREAM.PURGE.FEED")
    watcher = Watcher()
    await watcher.watch(url, until=lambda: watcher.ends == 1)
    assert_whole(watcher.shown, writer)


@pytest.mark.clause("4.3")
async def test_resuming_from_the_end_of_subscribed(url: str, writer: Writer) -> None:
    """`to` is a cursor too: what was replayed up to there is not shown again."""
    await writer.run_jobs(6)
    async with connected(url, token=token()) as client:
        to = (await client.subscribe("*", after="start"))["to"]
    async with connected(url, token=token()) as client:
        await client.subscribe("*", after=to)
        sequence = await writer.append(builders.queued(builders.job_id()))
        assert (await client.event())["seq"] == sequence


@pytest.mark.clause("6.3")
async def test_a_cursor_of_the_log_alone_is_understood(url: str, writer: Writer) -> None:
    """Other services give cursors of log events, which know the time but no place in the feed."""
    job = builders.job_id()
    await writer.run_job(job)
    async with connected(url, token=token()) as client:
        await client.subscribe("*", after="start")
        shown = await client.until_terminal()
        running = next(event for event in shown if event["seq"] == 2)
        stored_us = microseconds(datetime.fromisoformat(running["stored_at"]))
        await client.subscribe("*", id="again", after=f"2-{stored_us}")
        again = await client.until_terminal("again")
        assert [event["data"] for event in again] == [event["data"] for event in shown[2:]]
        # One that is further in the feed than in the log does not show that output again.
        stored_us = microseconds(datetime.fromisoformat(shown[-1]["stored_at"]))
        await client.subscribe("*", id="last", after=f"1-{stored_us}")
        assert kinds(await client.until_terminal("last")) == ["running", "completed"]


async def test_a_feed_that_begins_anew(url: str, broker: Broker, writer: Writer) -> None:
    """Its sequences are used again: for a live client and for one that comes back, those notes are new."""
    shown: dict[str, list[Shown]] = {"away": [], "live": []}
    jobs = [builders.job_id(), builders.job_id()]
    await writer.run_job(jobs[0], notes=6)
    async with connected(url, token=token()) as client:
        await client.subscribe("*", after="start")
        shown["away"] = await client.until_terminal()
        cursor = client.cursor
    async with connected(url, token=token()) as client:
        await client.subscribe("*", after="start")
        shown["live"] = await client.until_terminal()
        await broker.api("STREAM.DELETE.FEED")
        await provision(broker, ProvisionSettings())
        await writer.run_job(jobs[1], notes=9)
        shown["live"] += await client.until_terminal()
        while len(shown["live"]) < 21:  # the feed's follower may need longer than the end is held
            shown["live"].append(await client.event())
    async with connected(url, token=token()) as client:
        await client.subscribe("*", after=cursor)
        shown["away"] += await client.until_terminal()
    assert_whole(shown["away"], writer)
    assert sorted(event["cursor"] for event in shown["live"]) == sorted(
        {event["cursor"] for event in shown["live"]}
    )
    notes = [(event["job_id"], event["data"]["offset"]) for event in shown["live"] if "seq" not in event]
    assert sorted(notes) == sorted(writer.notes)


async def test_a_feed_that_begins_anew_before_anything_was_read_of_it(
    serve: Serve, broker: Broker, writer: Writer
) -> None:
    """The notifier began at the feed's end, and the new feed passes that place unnoticed."""
    await writer.run_job(builders.job_id(), notes=6)
    url = await serve()
    await broker.api("STREAM.DELETE.FEED")
    await provision(broker, ProvisionSettings())
    async with connected(url, token=token()) as client:
        await client.subscribe("*")
        job = builders.job_id()
        for _ in range(9):
            await writer.note(job)
        offsets = [(await client.event())["data"]["offset"] for _ in range(9)]
    assert offsets == list(range(9))


async def _goes_on_across(
    restart: Callable[[], Awaitable[None]], nats_server: NatsServer, url: str, writer: Writer
) -> Watcher:
    """One connection that stays open over restarts of the server, while jobs are written."""
    watcher = Watcher()
    async with asyncio.timeout(55), connected(url, token=token()) as client:
        await client.subscribe("*", after="start")
        for round_number in range(1, 4):
            async with asyncio.TaskGroup() as group:
                group.create_task(writer.run_jobs(15))
                ends = round_number * 15 - 10
                await watcher.read(client, until=lambda at=ends: watcher.ends >= at)  # type: ignore[misc]  # bound now
                await restart()
                await nats_server.start()
            ends = round_number * 15
            await watcher.read(client, until=lambda at=ends: watcher.ends >= at)  # type: ignore[misc]  # bound now
    return watcher


async def test_a_stopped_nats_server(url: str, writer: Writer, nats_server: NatsServer) -> None:
    watcher = await _goes_on_across(nats_server.stop, nats_server, url, writer)
    _assert_log_whole(watcher, writer)


@pytest.mark.clause("6.1")
async def test_a_killed_nats_server(url: str, writer: Writer, nats_server: NatsServer) -> None:
    watcher = await _goes_on_across(nats_server.kill, nats_server, url, writer)
    _assert_log_whole(watcher, writer)


def _assert_log_whole(watcher: Watcher, writer: Writer) -> None:
    """The log loses nothing. The feed may, in a crash, but it is never shown twice."""
    assert [event["seq"] for event in watcher.shown if "seq" in event] == sorted(writer.events)
    notes = [(event["job_id"], event["data"]["offset"]) for event in watcher.shown if "seq" not in event]
    assert len(notes) == len(set(notes))
    assert set(notes) <= set(writer.notes)


async def test_a_resumption_over_a_killed_nats_server(
    url: str, writer: Writer, nats_server: NatsServer
) -> None:
    """The cursor was given by a feed that began anew since."""
    watcher = Watcher()
    for _ in range(3):
        goal = watcher.ends + 6
        await writer.run_jobs(6)
        await watcher.watch(url, until=lambda at=goal: watcher.ends == at)  # type: ignore[misc]  # bound now
        await nats_server.kill()
        await nats_server.start()
    assert_whole(watcher.shown, writer)


@pytest.mark.clause("6.1")
async def test_a_killed_notifier(start_process: Start, writer: Writer) -> None:
    watcher = Watcher()
    async with asyncio.timeout(55), asyncio.TaskGroup() as group:
        group.create_task(writer.run_jobs(JOBS))
        for goal in (10, 20, 30):
            notifier = await start_process()
            await _watch_until_killed(notifier, watcher, goal)
        notifier = await start_process()
        await watcher.watch(notifier.url, until=lambda: watcher.ends == JOBS)
    assert_whole(watcher.shown, writer)


async def _watch_until_killed(notifier: NotifierProcess, watcher: Watcher, goal: int) -> None:
    with suppress(ConnectionClosed):
        async with connected(notifier.url, token=token()) as client:
            await client.subscribe("*", after=watcher.cursor)
            await watcher.read(client, until=lambda: watcher.ends >= goal)
            notifier.process.kill()
            await watcher.read(client, until=lambda: False)


@pytest.mark.clause("6.1")
@pytest.mark.parametrize("short", cases([False, True], {False}))
async def test_two_notifiers_take_over_from_each_other(
    start_process: Start, writer: Writer, short: bool
) -> None:
    """A cursor of one replica is good at any other, also at one that is a moment behind."""
    urls = [(await start_process()).url for _ in range(2)]
    watcher = Watcher()
    async with asyncio.timeout(50), asyncio.TaskGroup() as group:
        group.create_task(writer.run_jobs(JOBS, short=short))
        for turn in range(10):
            goal = len(watcher.shown) + 15
            await watcher.watch(urls[turn % 2], until=lambda at=goal: len(watcher.shown) >= at)  # type: ignore[misc]  # bound now
        await watcher.watch(urls[0], until=lambda: watcher.ends == JOBS)
    assert_whole(watcher.shown, writer)
    assert_ordered(watcher.shown)


@pytest.mark.clause("4.3")
@pytest.mark.parametrize("subscribes_to", ["*", "job"])
async def test_output_that_comes_after_the_end_is_not_shown_to_who_has_seen_the_end(
    url: str, writer: Writer, subscribes_to: str
) -> None:
    """Found in a run under faults: a killed server stored a note again that its executor had given up."""
    job, running = builders.job_id(), builders.job_id()
    await writer.append(builders.queued(running))
    await writer.append(builders.running(running))
    await writer.run_job(job)
    watcher = Watcher(job if subscribes_to == "job" else "*")
    await watcher.watch(url, until=lambda: watcher.ends == 1)
    await writer.note(job)
    await writer.note(running)
    async with connected(url, token=token()) as client:
        await client.subscribe(watcher.job_id, after=watcher.cursor)
        if subscribes_to == "job":
            await client.expect("complete")
        else:
            event = await client.event()
            assert (event["type"], event["job_id"]) == ("job.output.v1", running)
