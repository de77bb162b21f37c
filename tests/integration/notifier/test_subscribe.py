"""What a subscription shows: live, late, of one job, of every job, and of nobody else's."""

import asyncio

import pytest

from shared.contract.codec import encode
from shared.contract.subjects import JOBS, job_event, job_events
from shared.jetstream.connection import Broker
from shared.observability.metrics import POISON
from tests import builders
from tests.integration.notifier.client import Client, Shown, connected, kinds
from tests.integration.notifier.conftest import token
from tests.integration.notifier.writer import Writer, assert_ordered, assert_whole, ended


@pytest.mark.clause("4.1", "4.3")
async def test_every_job_is_shown_live(url: str, writer: Writer) -> None:
    async with connected(url, token=token()) as client:
        subscribed = await client.subscribe("*")
        assert subscribed["recovered"] is True
        assert subscribed["from"] == subscribed["to"]
        for job in (builders.job_id(), builders.job_id()):
            await writer.run_job(job)
        events = [*await client.until_terminal(), *await client.until_terminal()]
    assert_whole(events, writer)


@pytest.mark.clause("5.4")
async def test_one_job_is_shown_live_and_then_complete(url: str, writer: Writer) -> None:
    job = builders.job_id()
    await writer.append(builders.queued(job))
    async with connected(url, token=token()) as client:
        await client.subscribe(job)
        await client.event()
        await writer.append(builders.running(job))
        await client.event()
        for _ in range(3):
            await writer.note(job)
            await client.event()
        await writer.append(ended(builders.completed(job), await writer.note(job)))
        await client.until_terminal()
        assert await client.expect("complete") == {"type": "complete", "id": "s"}
        shown = [message["event"] for message in client.received if message["type"] == "event"]
        assert_whole(shown, writer)
        # The id is free again.
        await client.subscribe(job)


@pytest.mark.clause("5.4")
async def test_a_finished_job_is_shown_whole_and_then_complete(url: str, writer: Writer) -> None:
    job = builders.job_id()
    await writer.run_job(job)
    async with connected(url, token=token()) as client:
        await client.subscribe(job)
        events = await client.until_terminal()
        await client.expect("complete")
    assert kinds(events) == ["queued", "running", "output", "output", "output", "completed"]
    assert_whole(events, writer)


@pytest.mark.clause("5.4")
async def test_a_job_that_has_left_is_shown_as_that_and_then_complete(
    url: str, writer: Writer, broker: Broker
) -> None:
    job = builders.job_id()
    await writer.run_job(job)
    async with connected(url, token=token()) as client:
        await client.subscribe("*", id="all")
        tombstone = await writer.append(builders.expired(job))
        assert (await client.event("all"))["type"] == "job.expired.v1"
        await broker.api(f"STREAM.PURGE.{JOBS}", {"filter": job_events(builders.USER, job), "seq": tombstone})
        await client.subscribe(job)
        assert (await client.expect("gap"))["reason"] == "log_purged"
        # The feed forgets by itself, a little later.
        shown = [await client.event() for _ in range(4)]
        assert kinds(shown) == ["output", "output", "output", "expired"]
        await client.expect("complete")


@pytest.mark.clause("4.2")
async def test_a_running_job_is_shown_from_its_start(url: str, writer: Writer) -> None:
    job = builders.job_id()
    await writer.append(builders.queued(job))
    await writer.append(builders.running(job))
    await writer.note(job)
    async with connected(url, token=token()) as client:
        await client.subscribe(job)
        shown = [await client.event() for _ in range(3)]
        last_note = await writer.note(job)
        await writer.append(ended(builders.failed(job), last_note))
        shown += await client.until_terminal()
        await client.expect("complete")
    assert kinds(shown) == ["queued", "running", "output", "output", "failed"]
    assert_whole(shown, writer)


@pytest.mark.clause("4.2")
async def test_only_what_comes_is_shown_from_now(url: str, writer: Writer) -> None:
    job = builders.job_id()
    await writer.append(builders.queued(job))
    async with connected(url, token=token()) as client:
        await client.subscribe(job, after="now")
        await writer.append(builders.running(job))
        assert (await client.event())["type"] == "job.running.v1"


async def test_a_finished_job_is_complete_at_once_from_now(url: str, writer: Writer) -> None:
    job = builders.job_id()
    await writer.run_job(job)
    async with connected(url, token=token()) as client:
        await client.subscribe(job, after="now")
        await client.expect("complete")


@pytest.mark.clause("4.2")
async def test_every_job_is_shown_from_the_start(url: str, writer: Writer) -> None:
    await writer.run_jobs(6)
    async with connected(url, token=token()) as client:
        await client.subscribe("*", after="start")
        shown = [event for _ in range(6) for event in await client.until_terminal()]
    assert_whole(shown, writer)


@pytest.mark.clause("5.2")
async def test_a_long_history_is_shown_while_it_grows(url: str, writer: Writer) -> None:
    await writer.run_jobs(90)
    async with connected(url, token=token()) as client, asyncio.TaskGroup() as group:
        group.create_task(writer.run_jobs(90))
        await client.subscribe("*", after="start")
        shown = [event for _ in range(180) for event in await client.until_terminal()]
    assert_whole(shown, writer)


@pytest.mark.clause("5.1")
async def test_the_event_object_is_what_was_stored(url: str, writer: Writer) -> None:
    job = builders.job_id()
    async with connected(url, token=token()) as client:
        await client.subscribe("*")
        sequence = await writer.append(builders.queued(job))
        event = await client.event()
    assert event["seq"] == sequence
    assert event["type"] == "job.queued.v1"
    assert event["job_id"] == job
    assert event["time"] == "2026-01-02T12:00:00.123456Z"
    assert event["data"]["files"] == [{"name": "main.py", "content": "print(42)", "encoding": "utf-8"}]
    assert set(event) == {"cursor", "type", "job_id", "time", "stored_at", "data", "seq"}


@pytest.mark.clause("5.1")
async def test_two_subscriptions_of_one_connection_see_the_same(url: str, writer: Writer) -> None:
    job = builders.job_id()
    await writer.append(builders.queued(job))
    async with connected(url, token=token()) as client:
        await client.subscribe(job, id="one", after="now")
        await client.subscribe("*", id="all")
        await writer.append(builders.running(job))
        messages = [await client.expect("event"), await client.expect("event")]
    assert {message["id"] for message in messages} == {"one", "all"}
    assert messages[0]["event"] == messages[1]["event"]


@pytest.mark.clause("4.6")
async def test_after_unsubscribe_nothing_comes(url: str, writer: Writer) -> None:
    async with connected(url, token=token()) as client:
        await client.subscribe("*", id="gone")
        await client.send(type="unsubscribe", id="gone")
        await client.send(type="unsubscribe", id="never was")
        await client.subscribe("*", id="stays")
        await writer.run_job(builders.job_id())
        await client.until_terminal("stays")
        # And the id may be used again.
        await client.subscribe("*", id="gone")


@pytest.mark.clause("4.6", "3.2")
async def test_unsubscribing_ends_a_replay(url: str, writer: Writer) -> None:
    await writer.run_jobs(60)
    async with connected(url, token=token()) as client:
        await client.ask("*", id="gone", after="start")
        await client.send(type="unsubscribe", id="gone")
        await client.send(type="ping")
        while (await client.next())["type"] != "pong":
            pass
        await client.subscribe("*", id="stays")
        await writer.append(builders.queued(builders.job_id()))
        await client.event("stays")


@pytest.mark.clause("4.7")
async def test_subscriptions_are_caught_up_in_turn(url: str, writer: Writer) -> None:
    await writer.run_jobs(30)
    async with connected(url, token=token()) as client:
        for identifier in ("one", "two"):
            await client.ask("*", id=identifier, after="start")
        while sum(message["type"] == "event" for message in client.received) < 2 * 30 * 6:
            await client.next()
    assert [message["id"] for message in client.received if message["type"] == "subscribed"] == ["one", "two"]
    order = [message["id"] for message in client.received if message["type"] == "event"]
    assert order == sorted(order)


@pytest.mark.clause("4.1", "4.5")
async def test_nobody_sees_the_jobs_of_others(url: str, writer: Writer) -> None:
    job = builders.job_id()
    await writer.run_job(job, user="bob")
    async with connected(url, token=token()) as client:
        await client.subscribe("*", id="mine", after="start")
        unknown = []
        for asked in (job, builders.job_id(), "no job id", "*.*", ">"):
            await client.ask(asked, id="theirs")
            unknown.append(await client.expect("error"))
        assert all(answer == unknown[0] for answer in unknown)
        assert unknown[0]["code"] == "unknown_job"
        await writer.run_job(builders.job_id(), user="bob")
        mine = builders.job_id()
        await writer.append(builders.queued(mine))
        assert (await client.event("mine"))["job_id"] == mine


async def test_users_whose_ids_are_no_subject_tokens_see_theirs(url: str, writer: Writer) -> None:
    users = ["a.b", "*", ">", "a b", "ü@example.org"]
    async with connected(url) as prying:
        await prying.init(token("*"))
        await prying.subscribe("*", after="start")
        for user in users:
            async with connected(url, token=token(user)) as client:
                await client.subscribe("*")
                await writer.append(builders.queued(builders.job_id(), user))
                assert (await client.event())["data"]["user_id"] == user
        assert (await prying.event())["data"]["user_id"] == "*"


@pytest.mark.clause("6.4")
@pytest.mark.parametrize(
    "after", ["", "x", "1", "-1-1", "1-1-1", "1-", "\uff11-\uff11", "1-1.", "START", "9" * 30 + "-1"]
)
async def test_a_malformed_cursor_is_an_error_and_no_end(url: str, after: str) -> None:
    async with connected(url, token=token()) as client:
        await client.ask("*", after=after)
        assert (await client.expect("error"))["code"] == "bad_cursor"
        await client.subscribe("*")


@pytest.mark.clause("6.4")
@pytest.mark.parametrize("after", ["7-0", "0-9999999999999999", "9" * 19 + "-0", "0-0." + "9" * 20])
async def test_a_cursor_that_nobody_can_have_is_an_error(url: str, after: str) -> None:
    async with connected(url, token=token()) as client:
        await client.ask("*", after=after)
        assert (await client.expect("error"))["code"] == "bad_cursor"
        await client.subscribe("*")


@pytest.mark.clause("8.1")
async def test_the_status_is_the_fold_of_the_log(url: str, writer: Writer) -> None:
    job = builders.job_id()
    await writer.append(builders.queued(job))
    async with connected(url, token=token()) as client:
        assert (await _status(client, job))["job"]["status"] == "queued"
        last = await writer.append(builders.running(job))
        shown = await _status(client, job)
        assert (shown["job"]["status"], shown["job"]["last_sequence"]) == ("running", last)
        assert (await _status(client, builders.job_id()))["code"] == "unknown_job"
        assert (await _status(client, "x"))["code"] == "unknown_job"


async def _status(client: Client, job: str) -> Shown:
    await client.send(type="status", id="q", job_id=job)
    answer = await client.next()
    assert answer["id"] == "q"
    return answer


@pytest.mark.clause("5.2")
async def test_a_terminal_event_waits_for_its_output(url: str, writer: Writer) -> None:
    first, second = builders.job_id(), builders.job_id()
    async with connected(url, token=token()) as client, connected(url, token=token("bob")) as other:
        await client.subscribe("*")
        await other.subscribe("*")
        await writer.append(builders.queued(first))
        await writer.append(builders.running(first))
        last_note = await writer.note(first)
        for _ in range(3):
            await client.event()
        await writer.append(ended(builders.completed(first), last_note + 2))
        await writer.append(builders.queued(second))
        await writer.append(builders.queued(builders.job_id(), "bob"))
        # Another user's events are not held up.
        await other.event()
        await writer.note(first)
        await writer.note(first)
        assert kinds([await client.event() for _ in range(4)]) == ["output", "output", "completed", "queued"]
        shown = [message["event"] for message in client.received if message["type"] == "event"]
    assert_ordered(shown)


@pytest.mark.clause("5.2")
async def test_a_terminal_event_does_not_wait_for_ever(url: str, writer: Writer) -> None:
    job = builders.job_id()
    async with connected(url, token=token()) as client:
        await client.subscribe("*")
        await writer.append(builders.queued(job))
        await writer.append(builders.running(job))
        await writer.append(ended(builders.completed(job), 1_000))
        assert kinds(await client.until_terminal()) == ["queued", "running", "completed"]


async def test_a_cursor_never_runs_ahead_of_what_is_held(url: str, writer: Writer) -> None:
    """A client that leaves while a terminal event is held must be shown it when it comes back."""
    first, second = builders.job_id(), builders.job_id()
    async with connected(url, token=token()) as client:
        await client.subscribe("*")
        await writer.append(builders.queued(first))
        await writer.append(builders.running(first))
        await writer.append(ended(builders.completed(first), 2))
        await writer.append(builders.queued(second))
        await writer.note(second)
        shown = [await client.event() for _ in range(3)]
        assert kinds(shown) == ["queued", "running", "output"]
        cursor = client.cursor
    async with connected(url, token=token()) as client:
        await client.subscribe("*", after=cursor)
        shown += [await client.event() for _ in range(2)]
    assert kinds(shown[3:]) == ["completed", "queued"]
    assert_whole(shown, writer)


async def test_poison_is_counted_and_skipped(url: str, broker: Broker, writer: Writer) -> None:
    before = POISON.labels(reader="notifier")._value.get()  # noqa: SLF001 - the library has no public reading
    job = builders.job_id()
    async with connected(url, token=token()) as client:
        await client.subscribe("*")
        await broker.request(job_event(builders.USER, job, "completed"), b"\xff{")
        await broker.request("jobs.alice.not-a-job.queued", encode(builders.queued(job)))
        await writer.append(builders.queued(builders.job_id()))
        assert (await client.event())["seq"] == 3
    assert POISON.labels(reader="notifier")._value.get() == before + 2  # noqa: SLF001 - as above


@pytest.mark.clause("5.3")
async def test_events_newer_than_this_program_are_passed_on(url: str, broker: Broker) -> None:
    job = builders.job_id()
    payload = b'{"type":"job.paused.v9","job_id":"%s","time":"t","why":{"x":[1]}}' % job.encode()
    async with connected(url, token=token()) as client:
        await client.subscribe("*")
        await broker.request(job_event(builders.USER, job, "paused"), payload)
        event = await client.event()
    assert (event["type"], event["data"]) == ("job.paused.v9", {"why": {"x": [1]}})
