"""Stores what one connection gives programs to read: one command after the other, in the order they came.

A client may send many pieces without waiting for answers. What waits is bounded in number and in bytes, and
one task carries it out, which exists only while there is something to do.
"""

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias, assert_never

from services.notifier.connections.client_connection import ClientConnection
from services.notifier.events.poison import READER
from services.notifier.transports.headrace_v1.actions import (
    AddPiece,
    EndAnywhere,
    GiveInput,
    ResizeTerminal,
    SendSignal,
)
from services.notifier.transports.headrace_v1.input_messages import InputStored
from services.notifier.transports.headrace_v1.messages import ErrorShown
from services.notifier.transports.headrace_v1.refusals import busy_with_input, refused_input, unavailable
from shared.domain.decisions import CommandContext
from shared.domain.job_input import InputEnd, InputRefusal, NewPiece
from shared.jetstream.errors import BrokerError, UnreachableError
from shared.jetstream.input_log import InputLog, Outcome
from shared.jetstream.job_history import NewerEventError
from shared.observability import metrics

WAITING_MAX = 256
"""Commands of a connection that are not answered yet."""
WAITING_BYTES_MAX = 256 * 1024
"""The content of these commands."""
END_TRIES = 8
"""How often the end of an input is looked for, while other writers go on adding to it."""

Answer: TypeAlias = Callable[[InputStored | ErrorShown], None]


class PendingInputs:
    """The commands of one connection that are not answered yet."""

    def __init__(self, connection: ClientConnection, inputs: InputLog, answer: Answer) -> None:
        """Begin with none."""
        self._connection = connection
        self._inputs = inputs
        self._answer = answer
        self._waiting: deque[GiveInput] = deque()
        self._bytes = 0
        self._is_working = False

    def put(self, command: GiveInput) -> None:
        """Carry it out after those before it; or refuse it, where too much waits."""
        size = _size(command)
        if len(self._waiting) >= WAITING_MAX or self._bytes + size > WAITING_BYTES_MAX:
            self._answer(busy_with_input(command.id, command.job_id))
            return
        self._waiting.append(command)
        self._bytes += size
        if not self._is_working:
            self._is_working = True
            self._connection.spawn(self._work())

    def drop(self) -> None:
        """The connection ends: finish what is under way, and forget what waits for its turn."""
        while len(self._waiting) > self._is_working:
            self._bytes -= _size(self._waiting.pop())

    async def _work(self) -> None:
        """The first of those that wait is the one under way."""
        while self._waiting:
            try:
                answer = await self._carry_out(self._waiting[0])
            except UnreachableError:
                self._give_up()
            else:
                self._take_first()
                self._answer(answer)
        self._is_working = False

    def _take_first(self) -> GiveInput:
        command = self._waiting.popleft()
        self._bytes -= _size(command)
        return command

    def _give_up(self) -> None:
        """The log does not answer: each of those that wait would be told so, one patience after the other."""
        while self._waiting:
            command = self._take_first()
            self._answer(unavailable(command.id, job_id=command.job_id))

    async def _carry_out(self, command: GiveInput) -> InputStored | ErrorShown:
        """Raises UnreachableError."""
        try:
            outcome = await self._store(command)
        except NewerEventError as error:
            metrics.UNKNOWN.labels(reader=READER).inc()
            return unavailable(command.id, str(error), job_id=command.job_id)
        except UnreachableError:
            raise
        except BrokerError:
            return unavailable(command.id, job_id=command.job_id)
        match outcome:
            case InputRefusal():
                return refused_input(command.id, command.job_id, outcome)
            case InputEnd(offset=offset, is_ended=is_ended):
                return InputStored(id=command.id, job_id=command.job_id, offset=offset, ended=is_ended)
        assert_never(outcome)

    async def _store(self, command: GiveInput) -> Outcome:
        """Raises BrokerError."""
        user_id, job_id = self._connection.user_id, command.job_id
        moment = CommandContext(datetime.now(UTC), request_id=self._connection.id)
        match command:
            case AddPiece(piece=piece):
                return await self._inputs.add(user_id, job_id, piece, moment)
            case EndAnywhere():
                return await self._end(job_id, moment)
            case ResizeTerminal(size=size):
                return await self._inputs.resize(user_id, job_id, size, moment)
            case SendSignal(signal=signal):
                return await self._inputs.signal(user_id, job_id, signal, moment)
        assert_never(command)

    async def _end(self, job_id: str, moment: CommandContext) -> Outcome:
        """A refusal of the end at a wrong place says where the end is."""
        outcome: Outcome = InputEnd()
        offset = 0
        for _ in range(END_TRIES):
            end = NewPiece(offset, b"", end=True)
            outcome = await self._inputs.add(self._connection.user_id, job_id, end, moment)
            if not isinstance(outcome, InputRefusal) or outcome.reason != "input_mismatch":
                break
            offset = outcome.expected or 0
        return outcome


def _size(command: GiveInput) -> int:
    return len(command.piece.content) if isinstance(command, AddPiece) else 0
