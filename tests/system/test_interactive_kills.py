"""A service or nats-server is killed while a program waits for its user: the session goes on."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
import pytest_asyncio

from headrace.local.supervisor import Stack, run_stack
from shared.domain.interaction import ReceivedInput
from tests.cases import cases
from tests.system.conftest import User, assert_nothing_was_refused, user_of

pytestmark = [pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]

SUMS = "total = 0\nwhile line := input():\n    total += int(line)\n    print(total, flush=True)\n"
KILLED = ("executor", "api", "notifier", "nats-server")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """One for all of these tests: what was killed in one of them is there again in the next."""
    async with run_stack(tmp_path_factory.mktemp("kills") / "data") as running:
        yield running
        assert_nothing_was_refused(running)


@pytest_asyncio.fixture(loop_scope="module")
async def alice(stack: Stack) -> AsyncIterator[User]:
    """A new user of a stack that is ready."""
    await stack.ready()
    async with user_of(stack) as user:
        yield user


@pytest.mark.parametrize("name", cases(KILLED, {"nats-server"}))
async def test_a_session_goes_on(stack: Stack, alice: User, name: str) -> None:
    """What was acknowledged before and after is read once, in order; a new attempt reads it anew."""
    submission = {"language": "python", "code": SUMS}
    async with alice.client.interact(submission) as conversation, aclosing(conversation.output()) as output:
        await conversation.send("1\n")
        assert await anext(output) == b"1\n"
        killed = stack.nats.process if name == "nats-server" else stack.services[name].process
        killed.kill()
        await conversation.send("2\n")
        await conversation.send("3\n")
        await conversation.send("\n")
        printed = b"".join([piece async for piece in output])
        ended = await conversation.result()
    assert ended.status == "completed"
    assert ended.attempt == (2 if name == "executor" else 1)
    assert printed == (b"1\n3\n6\n" if name == "executor" else b"3\n6\n")
    assert ended.result is not None
    assert ended.result.stdout.content == "1\n3\n6\n"
    assert isinstance(ended.result.input, ReceivedInput)
    assert ended.result.input.content == "1\n2\n3\n\n"
