"""What a client may ask over its socket beside watching: to stop a job, and to go on with a newer token."""

import asyncio

import pytest

from headrace.local.nats_server import NatsServer
from shared.jetstream.connection import Broker
from tests import builders
from tests.integration.notifier.client import Client, Shown, connected, kinds
from tests.integration.notifier.conftest import Serve, token
from tests.integration.notifier.writer import Writer


async def ask(client: Client, kind: str, job: str, identifier: str = "c") -> Shown:
    """The answer, whatever events come before it."""
    await client.send(type=kind, id=identifier, job_id=job)
    while (message := await client.next())["type"] not in {"status", "error"}:
        pass
    assert message["id"] == identifier
    return message


@pytest.mark.clause("8.2")
async def test_a_queued_job_is_cancelled_at_once(url: str, writer: Writer) -> None:
    job = builders.job_id()
    await writer.append(builders.queued(job))
    async with connected(url, token=token()) as client:
        await client.subscribe(job)
        await client.event()
        answer = await ask(client, "cancel", job)
        assert (answer["job"]["status"], answer["job"]["cancelled_by"]) == ("cancelled", builders.USER)
        shown = [message["event"] for message in client.received if message["type"] == "event"]
        if len(shown) < 2:
            shown.append(await client.event())
    assert kinds(shown) == ["queued", "cancelled"]
    assert shown[1]["seq"] == answer["job"]["last_sequence"]


@pytest.mark.clause("8.2")
async def test_a_running_job_is_asked_to_stop_once(url: str, writer: Writer) -> None:
    job = builders.job_id()
    await writer.append(builders.queued(job))
    last = await writer.append(builders.running(job))
    async with connected(url, token=token()) as client:
        for _ in range(2):
            answer = await ask(client, "cancel", job)
            assert answer["job"]["status"] == "running"
            assert answer["job"]["cancel_requested_at"]
            assert answer["job"]["last_sequence"] == last + 1


@pytest.mark.clause("8.2")
async def test_what_cannot_be_cancelled_is_an_error(url: str, writer: Writer) -> None:
    finished, theirs = builders.job_id(), builders.job_id()
    await writer.run_job(finished)
    await writer.append(builders.queued(theirs, "bob"))
    async with connected(url, token=token()) as client:
        assert (await ask(client, "cancel", finished))["code"] == "already_finished"
        for unknown in (theirs, builders.job_id(), "x", "*"):
            assert (await ask(client, "cancel", unknown))["code"] == "unknown_job"
        assert (await ask(client, "status", finished))["job"]["status"] == "completed"


@pytest.mark.clause("8.2")
async def test_what_a_newer_version_has_done_to_a_job_is_for_later(
    url: str, broker: Broker, writer: Writer
) -> None:
    job = builders.job_id()
    await writer.append(builders.queued(job))
    await writer.append(builders.running(job))
    await broker.request(*builders.newer(job))
    async with connected(url, token=token()) as client:
        refused = await ask(client, "cancel", job)
        assert (refused["code"], refused["temporary"]) == ("unavailable", True)
        assert "job.paused.v9" in refused["detail"]
        assert (await ask(client, "status", job))["job"]["status"] == "running"
    assert (await broker.api("STREAM.INFO.JOBS"))["state"]["messages"] == 3


@pytest.mark.clause("8.2")
async def test_racing_requests_are_recorded_once(url: str, broker: Broker, writer: Writer) -> None:
    """Two sockets and a burst: whatever is answered, the log has one event."""
    job = builders.job_id()
    await writer.append(builders.queued(job))
    async with connected(url, token=token()) as one, connected(url, token=token()) as two:
        for client in (one, two):
            for number in range(4):
                await client.send(type="cancel", id=str(number), job_id=job)
        answers = [await client.next() for client in (one, two) for _ in range(4)]
    assert {answer.get("code", answer.get("job", {}).get("status")) for answer in answers} == {
        "cancelled",
        "already_finished",
    }
    assert (await broker.api("STREAM.INFO.JOBS"))["state"]["messages"] == 2


@pytest.mark.clause("8.4")
async def test_more_questions_than_are_answered_are_busy(url: str, writer: Writer) -> None:
    job = builders.job_id()
    await writer.append(builders.queued(job))
    async with connected(url, token=token()) as client:
        for number in range(40):
            await client.send(type="cancel" if number % 2 else "status", id=str(number), job_id=job)
        answers = [await client.next() for _ in range(40)]
        busy = [answer for answer in answers if answer.get("code") == "busy"]
        assert busy
        assert all(answer["temporary"] and answer["retry_after"] for answer in busy)
        assert len(busy) < 40
        assert (await ask(client, "status", job))["job"]["status"] == "cancelled"


@pytest.mark.clause("8.3")
async def test_a_newer_token_keeps_the_connection(url: str, writer: Writer) -> None:
    async with connected(url, token=token(lasts_s=3.0)) as old, connected(url) as renewed:
        await renewed.init(token(lasts_s=3.0))
        await renewed.subscribe()
        await renewed.send(type="refresh", token=token(lasts_s=600))
        assert 580 <= (await renewed.expect("refreshed"))["expires_in"] <= 590
        assert await old.close_code() == 4401, "the one without a newer token ends"
        job = builders.job_id()
        await writer.append(builders.queued(job))
        assert (await renewed.event())["job_id"] == job


@pytest.mark.clause("8.3")
async def test_a_token_of_another_user_is_refused(url: str) -> None:
    async with connected(url, token=token()) as client:
        await client.subscribe()
        await client.send(type="refresh", token=token("bob"))
        assert await client.close_code() == 4401


@pytest.mark.clause("8.3")
@pytest.mark.parametrize(
    "sent", ["not.a.token", token(lasts_s=-1), token(scopes=frozenset({"audit:all"})), token()[:-4] + "AAAA"]
)
async def test_a_bad_newer_token_leaves_the_earlier_one(url: str, sent: str) -> None:
    async with connected(url, token=token()) as client:
        await client.send(type="refresh", token=sent)
        error = await client.expect("error")
        assert (error["code"], error["temporary"]) == ("bad_token", False)
        assert sent not in error["detail"]
        await client.subscribe()


@pytest.mark.clause("2.6")
async def test_a_token_ends_in_the_middle_of_a_stream(serve: Serve, writer: Writer) -> None:
    """Events that keep coming do not keep it open."""
    url = await serve()

    async def write() -> None:
        while True:
            await writer.append(builders.queued(builders.job_id()))

    async with connected(url, token=token(lasts_s=3.0)) as client:
        await client.subscribe()
        writing = asyncio.create_task(write())
        async with asyncio.timeout(30):
            assert await client.close_code() == 4401
        writing.cancel()
        await asyncio.wait({writing})
    assert any(message["type"] == "event" for message in client.received)


@pytest.mark.full
@pytest.mark.clause("8.4")
async def test_a_log_that_does_not_answer_is_an_error_and_no_end(
    url: str, writer: Writer, nats_server: NatsServer
) -> None:
    job = builders.job_id()
    await writer.append(builders.queued(job))
    async with connected(url, token=token()) as client:
        await nats_server.stop()
        for kind in ("status", "cancel", "subscribe"):
            await client.send(type=kind, id=kind, job_id=job)
        errors = [await client.expect("error") for _ in range(3)]
        assert {error["id"] for error in errors} == {"status", "cancel", "subscribe"}
        assert all(error["code"] == "unavailable" and error["temporary"] for error in errors)
        assert all(error["retry_after"] > 0 for error in errors)
        await nats_server.start()
        while (await ask(client, "cancel", job)).get("code") == "unavailable":
            pass
        await client.subscribe(job, id="subscribe")
