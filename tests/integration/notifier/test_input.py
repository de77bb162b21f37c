"""Input over a socket: what is acknowledged is stored, in one order, and only for a job that takes it."""

import base64

import pytest

from services.notifier.transports.headrace_v1.inputs import WAITING_MAX
from shared.domain.events import JobInput, JobResized, JobSignalled
from shared.domain.interaction import PIECE_BYTES_MAX
from shared.jetstream.event_log import Log
from tests import builders
from tests.integration.notifier.client import connected
from tests.integration.notifier.conftest import Serve, token
from tests.integration.notifier.inputs import (
    TERMINAL,
    answer,
    ask,
    content,
    messages,
    queued,
    refused,
    running,
    stored,
)
from tests.integration.notifier.writer import Writer


@pytest.mark.clause("12.1")
async def test_what_is_acknowledged_is_stored(url: str, log: Log, writer: Writer) -> None:
    job = await running(writer)
    async with connected(url, token=token()) as client:
        answered = await ask(client, "input", job, id="i", offset=0, content="Ada\n")
        assert answered == stored(job, 4, id="i")
        assert await content(log, job) == b"Ada\n"
        encoded = base64.b64encode(b"\xff" * PIECE_BYTES_MAX).decode()
        answered = await ask(client, "input", job, offset=4, content=encoded, encoding="base64")
        assert answered == stored(job, 4 + PIECE_BYTES_MAX), "the largest piece fits into one message"
        answered = await ask(client, "input", job, offset=4 + PIECE_BYTES_MAX, content="é", end=True)
        assert answered == stored(job, 6 + PIECE_BYTES_MAX, ended=True)
        assert refused(await ask(client, "input", job, offset=6 + PIECE_BYTES_MAX, content="x")) == (
            "input_ended",
            6 + PIECE_BYTES_MAX,
        )
    assert await content(log, job) == b"Ada\n" + b"\xff" * PIECE_BYTES_MAX + "é".encode()


@pytest.mark.clause("12.2")
async def test_repetition_is_harmless_and_another_place_is_refused(
    url: str, log: Log, writer: Writer
) -> None:
    job = await running(writer)
    async with connected(url, token=token()) as client:
        await ask(client, "input", job, offset=0, content="one\n")
        await ask(client, "input", job, offset=4, content="two\n")
        assert await ask(client, "input", job, offset=0, content="one\n") == stored(job, 8)
        gap = await ask(client, "input", job, id="g", offset=9, content="x")
        assert (gap["id"], gap["job_id"], gap["temporary"]) == ("g", job, False)
        assert refused(gap) == ("input_mismatch", 8)
        assert refused(await ask(client, "input", job, offset=4, content="too\n")) == ("input_mismatch", 8)
        assert refused(await ask(client, "input", job, offset=6, content="o\nmore")) == ("input_mismatch", 8)
    assert await content(log, job) == b"one\ntwo\n"


@pytest.mark.clause("12.2")
async def test_two_connections_cannot_interleave(url: str, log: Log, writer: Writer) -> None:
    job = await running(writer)
    async with connected(url, token=token()) as one, connected(url, token=token()) as two:
        for client, letter in ((one, "a"), (two, "b")):
            for offset in range(20):
                await client.send(type="input", job_id=job, offset=offset, content=letter)
        answers = [[await answer(client) for _ in range(20)] for client in (one, two)]
    found = await content(log, job)
    assert len(found) == 20
    for letter, told in zip("ab", answers, strict=True):
        at = [place for place, message in enumerate(told) if message["type"] == "input_stored"]
        assert at == [place for place, byte in enumerate(found.decode()) if byte == letter]
        assert {message["code"] for message in told if message["type"] == "error"} <= {"input_mismatch"}


@pytest.mark.clause("12.4")
async def test_a_typist_need_not_wait_for_answers(url: str, log: Log, writer: Writer) -> None:
    job = await running(writer, TERMINAL)
    text = "".join(chr(ord("a") + number % 26) for number in range(100))
    async with connected(url, token=token()) as client:
        for offset, letter in enumerate(text):
            await client.send(type="input", id=str(offset), job_id=job, offset=offset, content=letter)
        await client.send(type="signal", id="100", job_id=job, signal="SIGINT")
        await client.send(type="end_input", id="101", job_id=job, offset=100)
        answers = [await answer(client) for _ in range(102)]
    assert [message["id"] for message in answers] == [str(number) for number in range(102)]
    assert [message["offset"] for message in answers[:100]] == list(range(1, 101))
    assert await content(log, job) == text.encode()
    *_, signal, end = await messages(log, job)
    assert isinstance(signal, JobSignalled)
    assert isinstance(end, JobInput)
    assert (end.number, end.offset, end.end) == (101, 100, True)


@pytest.mark.clause("12.4")
async def test_more_than_may_wait_is_busy(serve: Serve, writer: Writer) -> None:
    """For a job that waits, each message asks the log whether it runs by now."""
    url = await serve(notifier_commands_per_s=10_000.0)
    waits, runs = await queued(writer), await running(writer)
    sent = WAITING_MAX * 3
    async with connected(url, token=token()) as client:
        for number in range(sent):
            await client.send(type="signal", id=str(number), job_id=waits, signal="SIGINT")
        answers = [await answer(client) for _ in range(sent)]
        busy = [message for message in answers if message["code"] == "busy"]
        assert busy
        assert len(busy) <= sent - WAITING_MAX
        assert all(message["temporary"] and message["retry_after"] for message in busy)
        assert all(message["job_id"] == waits and message["id"] for message in busy)
        carried_out = [int(message["id"]) for message in answers if message["code"] == "not_running"]
        assert carried_out == sorted(carried_out)
        assert await ask(client, "input", runs, offset=0, content="x") == stored(runs, 1), "it goes on"


@pytest.mark.clause("12.2")
async def test_the_end_of_the_input(url: str, log: Log, writer: Writer) -> None:
    anywhere, at, empty = await running(writer), await running(writer), await queued(writer)
    async with connected(url, token=token()) as client:
        for job in (anywhere, at):
            await ask(client, "input", job, offset=0, content="abc")
        assert await ask(client, "end_input", anywhere, id="e") == stored(anywhere, 3, ended=True, id="e")
        assert await ask(client, "end_input", anywhere) == stored(anywhere, 3, ended=True), "again"
        assert refused(await ask(client, "end_input", at, offset=2)) == ("input_mismatch", 3)
        assert refused(await ask(client, "end_input", at, offset=4)) == ("input_mismatch", 3)
        assert await ask(client, "end_input", at, offset=3) == stored(at, 3, ended=True)
        assert await ask(client, "end_input", empty) == stored(empty, 0, ended=True)
    assert [len(await messages(log, job)) for job in (anywhere, at, empty)] == [2, 2, 1]


@pytest.mark.clause("12.3")
async def test_sizes_and_signals_are_for_a_job_that_runs(url: str, log: Log, writer: Writer) -> None:
    waits, runs, pipes = (
        await queued(writer, TERMINAL),
        await running(writer, TERMINAL),
        await running(writer),
    )
    async with connected(url, token=token()) as client:
        for kind, fields in (("resize", {"columns": 120, "rows": 40}), ("signal", {"signal": "SIGINT"})):
            told = await ask(client, kind, waits, id="w", **fields)
            assert (told["code"], told["temporary"], told["id"]) == ("not_running", True, "w")
            assert told["retry_after"] > 0
            assert await ask(client, kind, runs, id="r", **fields) == stored(runs, 0, id="r")
        assert refused(await ask(client, "resize", pipes, columns=1, rows=1))[0] == "no_terminal"
        assert await ask(client, "signal", pipes, signal="SIGHUP") == stored(pipes, 0)
        await writer.append(builders.running(waits))
        assert await ask(client, "signal", waits, signal="SIGQUIT") == stored(waits, 0), "it runs now"
    resized, signalled = await messages(log, runs)
    assert isinstance(resized, JobResized)
    assert (resized.columns, resized.rows, resized.number) == (120, 40, 0)
    assert isinstance(signalled, JobSignalled)
    assert (signalled.signal, signalled.number) == ("SIGINT", 1)
