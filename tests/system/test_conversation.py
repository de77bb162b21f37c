"""A client talks with a running program: both clients, what a second one finds, what the result keeps."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from msgspec import UNSET

from headrace import Client, ProblemAnswerError
from shared.domain.interaction import ReceivedInput
from tests.system.conftest import User

pytestmark = pytest.mark.timeout(90)

GREETS = {
    "language": "python",
    "code": "import sys\nwhile line := sys.stdin.readline():\n    print('hello', line, end='', flush=True)\n",
}


async def line_of(output: AsyncIterator[bytes]) -> bytes:
    """What is printed up to the end of a line: it may come in several pieces."""
    line = b""
    while not line.endswith(b"\n"):
        line += await anext(output)
    return line


async def test_a_program_answers_what_it_is_sent(alice: User) -> None:
    async with alice.client.interact(GREETS) as conversation:
        async with aclosing(conversation.output()) as output:
            await conversation.send("ada\n")
            assert await line_of(output) == b"hello ada\n"
            async with alice.client.interact(conversation.job.job_id) as other:
                await other.send(b"grace\n", secret=True)
            assert await line_of(output) == b"hello grace\n"
            # Another one has written: what is sent next would not follow what was seen.
            with pytest.raises(ProblemAnswerError) as refused:
                await conversation.send("x\n")
            assert refused.value.document["expected_offset"] == 10
            await conversation.end()
            assert [piece async for piece in output] == []
        ended = await conversation.result()
    assert ended.status == "completed"
    assert ended.result is not None
    received = ended.result.input
    assert isinstance(received, ReceivedInput)
    assert (received.total_bytes, received.content, received.ended) == (10, "ada\n", True)


@pytest.mark.full
async def test_a_terminal_has_a_size_and_signals(alice: User) -> None:
    code = (
        "import os, signal\n"
        "def show(*_): print(*os.get_terminal_size(), flush=True)\n"
        "signal.signal(signal.SIGUSR1, show)\n"
        "show()\n"
        "input()\n"
    )
    submission = {"language": "python", "code": code, "terminal": {"columns": 90, "rows": 20}}
    async with alice.client.interact(submission) as conversation, aclosing(conversation.output()) as output:
        shown = await line_of(output)
        assert shown == b"90 20\r\n"
        await conversation.resize(70, 10)
        await conversation.signal("SIGUSR1")
        assert await line_of(output) == b"70 10\r\n"
        await conversation.send("\n")
        kinds = [event.type async for event in conversation]
        assert {"job.resized.v1", "job.signalled.v1", "job.input.v1"} <= set(kinds)
        assert (await conversation.result()).status == "completed"


@pytest.mark.full
async def test_the_client_without_an_event_loop_sends_input_too(alice: User) -> None:
    address = alice.stack.address

    def talk() -> list[str]:
        with Client(address.api_url, alice.token, websocket_url=address.websocket_url) as client:
            job = client.submit({**GREETS, "interactive": True})
            assert client.input_state(job.job_id).offset == 0
            assert client.send_piece(job.job_id, 0, b"one\n").offset == 4
            assert client.send_input(job.job_id, "two\n").offset == 8
            assert client.end_input(job.job_id).ended
            ended = client.result(job.job_id)
            assert ended.result is not None
            assert ended.result.input is not UNSET
            return ended.result.stdout.content.splitlines()

    assert await asyncio.to_thread(talk) == ["hello one", "hello two"]
