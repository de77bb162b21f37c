"""What one connection gives programs to read: one after the other, bounded, by a task that ends."""

import asyncio
from collections.abc import Coroutine
from typing import Any, cast

import pytest

from services.notifier.connections.client_connection import ClientConnection
from services.notifier.transports.headrace_v1.actions import AddPiece, EndAnywhere, GiveInput, SendSignal
from services.notifier.transports.headrace_v1.input_messages import InputStored
from services.notifier.transports.headrace_v1.inputs import (
    END_TRIES,
    WAITING_BYTES_MAX,
    WAITING_MAX,
    PendingInputs,
)
from services.notifier.transports.headrace_v1.messages import ErrorShown
from shared.domain.decisions import CommandContext
from shared.domain.job_input import InputEnd, InputRefusal, NewPiece
from shared.jetstream.errors import JetStreamError, UnreachableError
from shared.jetstream.input_log import InputLog, Outcome
from tests.builders import JOB, USER


class Inputs:
    """An `InputLog` that stores when the test says so."""

    def __init__(self) -> None:
        self.begun: list[object] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None
        self.offset = 0
        self.is_ended = False
        self.moves_on = 0

    async def add(self, user: str, job: str, piece: NewPiece, _context: CommandContext) -> Outcome:
        assert (user, job) == (USER, JOB)
        return await self._store(piece)

    async def signal(self, user: str, job: str, name: str, _context: CommandContext) -> Outcome:
        assert (user, job) == (USER, JOB)
        return await self._store(name)

    async def _store(self, message: object) -> Outcome:
        self.begun.append(message)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        if isinstance(message, NewPiece):
            if self.moves_on:
                self.moves_on -= 1
                self.offset += 1
            if message.offset != self.offset:
                return InputRefusal("input_mismatch", "not there", self.offset)
            self.offset = message.until
            self.is_ended = message.end
        return InputEnd(1, 1, self.offset, self.is_ended)


class Connection:
    """A `ClientConnection` as far as it is used."""

    user_id = USER
    id = "connection"

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[None]] = []

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self.tasks.append(asyncio.ensure_future(work))
        return self.tasks[-1]


class Pending:
    """One connection's commands, and what they are answered."""

    def __init__(self) -> None:
        self.inputs, self.connection = Inputs(), Connection()
        self.answers: list[InputStored | ErrorShown] = []
        self.commands = PendingInputs(
            cast("ClientConnection", self.connection), cast("InputLog", self.inputs), self.answers.append
        )

    def put(self, *commands: GiveInput) -> None:
        for command in commands:
            self.commands.put(command)

    async def finish(self) -> None:
        self.inputs.gate.set()
        await asyncio.gather(*self.connection.tasks)

    def codes(self) -> list[str]:
        return [one.code for one in self.answers if isinstance(one, ErrorShown)]


@pytest.fixture
async def pending() -> Pending:
    return Pending()


def pieces(count: int, size: int = 1) -> list[AddPiece]:
    return [
        AddPiece(str(number), JOB, NewPiece(number * size, bytes(size), secret=bool(number % 2)))
        for number in range(count)
    ]


@pytest.mark.clause("12.4")
async def test_they_are_carried_out_in_their_order_by_one_task(pending: Pending) -> None:
    sent = pieces(20)
    pending.put(*sent, SendSignal("s", JOB, "SIGINT"))
    await asyncio.sleep(0)
    assert pending.inputs.begun == [sent[0].piece], "one at a time"
    await pending.finish()
    assert pending.inputs.begun == [*(one.piece for one in sent), "SIGINT"]
    assert [answer.id for answer in pending.answers] == [*(one.id for one in sent), "s"]
    assert len(pending.connection.tasks) == 1


async def test_a_task_exists_only_while_there_is_something_to_do(pending: Pending) -> None:
    for number, one in enumerate(pieces(3), start=1):
        pending.put(one)
        await pending.finish()
        assert len(pending.connection.tasks) == len(pending.answers) == number


@pytest.mark.clause("12.4")
async def test_beyond_the_number_it_is_busy(pending: Pending) -> None:
    pending.put(*(SendSignal(str(number), JOB, "SIGINT") for number in range(WAITING_MAX + 1)))
    assert pending.answers == [
        ErrorShown(
            code="busy",
            detail="earlier input of this connection is still being stored",
            temporary=True,
            id=str(WAITING_MAX),
            retry_after=1.0,
            job_id=JOB,
        )
    ]
    await pending.finish()
    assert len(pending.inputs.begun) == WAITING_MAX
    pending.put(*pieces(1))
    await pending.finish()
    assert pending.codes() == ["busy"], "there is room again"


@pytest.mark.clause("12.4")
async def test_beyond_the_bytes_it_is_busy(pending: Pending) -> None:
    size = WAITING_BYTES_MAX // 4
    pending.put(*pieces(5, size), SendSignal("s", JOB, "SIGINT"))
    assert [answer.id for answer in pending.answers] == ["4"]
    await pending.finish()
    assert pending.inputs.offset == 4 * size
    pending.put(*pieces(5, size)[4:])
    await pending.finish()
    assert pending.inputs.offset == 5 * size


@pytest.mark.clause("12.4")
async def test_a_log_that_does_not_answer_is_asked_once_for_all_that_wait(pending: Pending) -> None:
    pending.inputs.error = UnreachableError("no answer")
    pending.put(*pieces(5))
    await pending.finish()
    assert len(pending.inputs.begun) == 1
    assert pending.codes() == ["unavailable"] * 5
    assert all(answer.job_id == JOB for answer in pending.answers)
    pending.inputs.error = None
    pending.put(*pieces(1))
    await pending.finish()
    assert pending.answers[-1] == InputStored(id="0", job_id=JOB, offset=1, ended=False)


async def test_what_one_job_cannot_be_given_does_not_keep_another_from_it(pending: Pending) -> None:
    pending.inputs.error = JetStreamError(0, "input 1 cannot be read")
    pending.put(*pieces(3))
    await pending.finish()
    assert len(pending.inputs.begun) == 3
    assert pending.codes() == ["unavailable"] * 3


@pytest.mark.clause("12.2")
async def test_a_refusal_says_what_is_expected(pending: Pending) -> None:
    pending.put(AddPiece(None, JOB, NewPiece(5, b"x")))
    await pending.finish()
    assert pending.answers == [
        ErrorShown(code="input_mismatch", detail="not there", temporary=False, job_id=JOB, expected=0)
    ]


@pytest.mark.clause("12.2")
async def test_the_end_is_wherever_the_input_ends(pending: Pending) -> None:
    pending.inputs.moves_on = END_TRIES - 1
    pending.put(EndAnywhere("e", JOB))
    await pending.finish()
    assert pending.answers == [InputStored(id="e", job_id=JOB, offset=END_TRIES - 1, ended=True)]


async def test_an_end_that_others_keep_moving_is_looked_for_a_bounded_number_of_times(
    pending: Pending,
) -> None:
    pending.inputs.moves_on = 1_000
    pending.put(EndAnywhere("e", JOB))
    await pending.finish()
    assert pending.codes() == ["input_mismatch"]
    assert len(pending.inputs.begun) == END_TRIES


@pytest.mark.clause("12.4")
async def test_at_the_end_of_the_connection_only_what_is_under_way_is_finished(pending: Pending) -> None:
    pending.put(*pieces(5))
    await asyncio.sleep(0)
    pending.commands.drop()
    await pending.finish()
    assert len(pending.inputs.begun) == len(pending.answers) == 1
    pending.commands.drop()
