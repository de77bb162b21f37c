"""Input over a socket that is not stored, or not shown, and what is left of it behind its job."""

import asyncio

import msgspec
import pytest

from headrace.local.nats_server import NatsServer
from shared.contract.subjects import FEED, INPUT
from shared.domain.events import JobInput
from shared.domain.interaction import EARLY_BYTES_MAX, PIECE_BYTES_MAX
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from tests import builders
from tests.integration.notifier.client import connected
from tests.integration.notifier.conftest import Serve, token
from tests.integration.notifier.inputs import (
    TERMINAL,
    ask,
    content,
    messages,
    queued,
    refused,
    running,
    stored,
)
from tests.integration.notifier.writer import Writer


@pytest.mark.clause("12.5")
async def test_only_an_interactive_job_of_ones_own_that_has_not_ended_takes_input(
    url: str, log: Log, writer: Writer
) -> None:
    theirs = await queued(writer, user="bob")
    plain, ended, gone = builders.job_id(), await running(writer), await queued(writer)
    await writer.append(builders.queued(plain))
    await writer.append(builders.completed(ended))
    await writer.append(builders.cancelled(gone))
    await writer.append(builders.expired(gone))
    expected = {
        theirs: "unknown_job",
        builders.job_id(): "unknown_job",
        "x": "unknown_job",
        plain: "not_interactive",
        ended: "already_finished",
        gone: "expired",
    }
    given: dict[str, dict[str, object]] = {
        "input": {"offset": 0, "content": "x"},
        "end_input": {},
        "resize": {"columns": 1, "rows": 1},
        "signal": {"signal": "SIGTERM"},
    }
    async with connected(url, token=token()) as client:
        for job, code in expected.items():
            for kind, fields in given.items():
                told = await ask(client, kind, job, id="i", **fields)
                assert (told["code"], told["temporary"], told["id"]) == (code, False, "i"), (kind, told)
                assert job == "x" or told["job_id"] == job
    assert await log.last("input.*.*", stream=INPUT) is None


@pytest.mark.clause("12.5")
async def test_before_it_runs_a_job_is_given_little(url: str, writer: Writer) -> None:
    job = await queued(writer)
    async with connected(url, token=token()) as client:
        assert await ask(client, "input", job, offset=0, content="x" * EARLY_BYTES_MAX) == stored(
            job, EARLY_BYTES_MAX
        )
        told = await ask(client, "input", job, offset=EARLY_BYTES_MAX, content="y")
        assert (refused(told), told["temporary"]) == (("input_not_read", EARLY_BYTES_MAX), True)
        await writer.append(builders.running(job))
        told = await ask(client, "input", job, offset=EARLY_BYTES_MAX, content="y")
        assert told == stored(job, EARLY_BYTES_MAX + 1)


@pytest.mark.clause("12.5")
async def test_a_secret_is_in_no_feed(url: str, log: Log, broker: Broker, writer: Writer) -> None:
    """What watchers see of it comes from the executor, which says its length."""
    job = await running(writer)
    async with connected(url, token=token()) as client, connected(url, token=token()) as watcher:
        await watcher.subscribe(job)
        told = await ask(client, "input", job, offset=0, content="hunter2\n", secret=True)
        assert told == stored(job, 8)
        [piece] = await messages(log, job)
        assert isinstance(piece, JobInput)
        assert (piece.content, piece.secret) == ("hunter2\n", True)
        await writer.append(builders.completed(job))
        await watcher.until_terminal()
        assert "hunter2" not in str(watcher.received)
    assert (await broker.api(f"STREAM.INFO.{FEED}"))["state"]["messages"] == 0


@pytest.mark.clause("12.5")
async def test_watchers_are_shown_what_the_program_was_given(
    url: str, broker: Broker, writer: Writer
) -> None:
    """By notes of the executor, in order with its output."""
    job = await running(writer, TERMINAL)
    async with connected(url, token=token()) as watcher:
        await watcher.subscribe(job)
        notes = (
            builders.piece("Ada\n", job, attempt=1),
            msgspec.structs.replace(builders.resized(job, number=1, offset=4), attempt=1),
            msgspec.structs.replace(builders.signalled(job, number=2, offset=4), attempt=1),
        )
        await writer.note(job, content="name? ")
        for note in notes:
            await writer.tell(note)
        await writer.note(job, content="hello")
        events = [await watcher.event() for _ in range(7)]
    shown = [event for event in events if "seq" not in event]
    assert [event["type"] for event in shown] == [
        "job.output.v1",
        "job.input.v1",
        "job.resized.v1",
        "job.signalled.v1",
        "job.output.v1",
    ]
    assert shown[1]["data"]["content"] == "Ada\n"


@pytest.mark.clause("12.5")
async def test_input_that_came_while_its_job_ended_is_removed(
    url: str, log: Log, broker: Broker, writer: Writer
) -> None:
    """Its executor has removed what was there before; the notifier is told of the end after a later piece.

    The end of what is no job's subject does no harm.
    """
    job, other = await running(writer), await running(writer)
    async with connected(url, token=token()) as client:
        for one in (job, other):
            assert await ask(client, "input", one, offset=0, content="late") == stored(one, 4)
        await broker.request("jobs.=zz.x.completed", b"")
        await writer.append(builders.completed(job))
        async with asyncio.timeout(20):
            while await messages(log, job):
                await ask(client, "signal", other, signal="SIGINT")
        assert refused(await ask(client, "input", job, offset=4, content="x")) == ("already_finished", None)
    assert await content(log, other) == b"late"


@pytest.mark.clause("12.5")
async def test_values_that_no_message_has_do_not_end_the_connection(url: str, writer: Writer) -> None:
    job = await running(writer, TERMINAL)
    async with connected(url, token=token()) as client:
        too_long = "x" * (PIECE_BYTES_MAX + 1)
        for kind, fields in (
            ("input", {"offset": -1, "content": "x"}),
            ("input", {"offset": 0, "content": too_long}),
            ("resize", {"columns": 0, "rows": 0}),
            ("signal", {"signal": "SIGKILL"}),
        ):
            told = await ask(client, kind, job, id="i", **fields)
            assert (told["code"], told["id"], told["job_id"]) == ("invalid_input", "i", job)
        assert await ask(client, "input", job, offset=0, content="x") == stored(job, 1)


@pytest.mark.full
@pytest.mark.clause("12.4")
async def test_a_log_that_does_not_answer(
    serve: Serve, log: Log, writer: Writer, nats_server: NatsServer
) -> None:
    url = await serve(append_patience_s=0.5)
    job = await running(writer)
    async with connected(url, token=token()) as client:
        assert await ask(client, "input", job, offset=0, content="x") == stored(job, 1)
        await nats_server.stop()
        for number in range(5):
            await client.send(type="input", id=str(number), job_id=job, offset=1 + number, content="y")
        errors = [await client.expect("error") for _ in range(5)]
        assert [error["id"] for error in errors] == ["0", "1", "2", "3", "4"]
        assert {(error["code"], error["temporary"], error["job_id"]) for error in errors} == {
            ("unavailable", True, job)
        }
        await nats_server.start()
        while (told := await ask(client, "input", job, offset=1, content="y")).get("code") == "unavailable":
            pass
        assert told == stored(job, 2)
    assert await content(log, job) == b"xy"
