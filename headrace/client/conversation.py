"""A conversation with a running program: its input as it is sent, its output as it comes.

Input goes in pieces, one after the other, each at its offset, so that a repeated call adds nothing twice.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from headrace.client.errors import ProblemAnswerError, UsageError
from headrace.client.input_calls import PIECE_BYTES_MAX
from headrace.client.models import (
    InputState,
    JobShown,
    has_known_encoding,
    output_bytes,
    placed_pieces,
)
from shared.contract.codec import EventObject
from shared.domain.result import Result

RESULT_TIMEOUT_S = 300.0
PROGRAM_STAGE = "run"
FINISHED = "urn:headrace:problem:already-finished"
RUNNING, OUTPUT = "job.running.v1", "job.output.v1"

T = TypeVar("T")


class Service(Protocol):
    """The calls that a conversation needs; `AsyncClient` has them."""

    async def input_state(self, job_id: str) -> InputState:
        """How far the input goes."""

    async def send_piece(
        self, job_id: str, offset: int, content: bytes, *, end: bool = False, secret: bool = False
    ) -> InputState:
        """Add one piece."""

    async def resize(self, job_id: str, columns: int, rows: int) -> InputState:
        """Give the terminal another size."""

    async def signal(self, job_id: str, name: str) -> InputState:
        """Send a signal."""

    async def get(self, job_id: str) -> JobShown:
        """The job."""

    async def result(self, job_id: str, *, timeout_s: float) -> JobShown:
        """The job once it has ended."""

    def follow(self, job_id: str) -> AsyncGenerator[EventObject, None]:
        """The job's events from the first on, until it ends."""


@dataclass(slots=True)
class _Piece:
    """Bytes to be sent, and the calls of `send` that wait for them."""

    content: bytes
    end: bool
    secret: bool
    senders: list[asyncio.Future[None]] = field(default_factory=list)

    def takes(self, other: "_Piece") -> bool:
        """Whether the other one may be sent with this, behind it."""
        fits = len(self.content) + len(other.content) <= PIECE_BYTES_MAX
        return fits and not self.end and self.secret == other.secret

    def take(self, other: "_Piece") -> None:
        """Send the other one with this."""
        self.content += other.content
        self.end = other.end
        self.senders += other.senders


class Conversation:
    """One interactive job. `AsyncClient.interact` opens it.

    The end of the context ends neither the job nor its input: `end` does, or `AsyncClient.cancel`.
    """

    def __init__(self, client: Service, job: JobShown, *, offset: int | None = None) -> None:
        """Talk with this job. The first piece begins at `offset`; None asks the service."""
        self._client = client
        self.job = job
        self._offset = offset
        self._waiting: deque[_Piece] = deque()
        self._sending: asyncio.Task[None] | None = None
        self._streams: list[AsyncGenerator[EventObject, None]] = []
        self._is_closed = False

    async def send(self, content: bytes | str, *, secret: bool = False) -> None:
        """Give the program these bytes; returns when they are stored. Pieces keep the order of the calls.

        A `secret` piece is kept nowhere. A refusal that says when to retry is retried without end: the
        program may still be queued. Any other is raised, also by all calls that wait meanwhile; the next call
        then goes on where the input ends. A call that is cancelled may still be sent.
        """
        content = content.encode() if isinstance(content, str) else content
        await self._add(content, secret=secret)

    async def end(self) -> None:
        """Tell the program that its input has ended. No error if the program has ended meanwhile."""
        try:
            await self._add(b"", end=True)
        except ProblemAnswerError as refusal:
            if refusal.document.get("type") != FINISHED:
                raise

    async def resize(self, columns: int, rows: int) -> None:
        """Give the job's terminal another size."""
        await _insist(lambda: self._client.resize(self.job.job_id, columns, rows))

    async def signal(self, name: str) -> None:
        """Send the program a signal, such as ``SIGINT``."""
        await _insist(lambda: self._client.signal(self.job.job_id, name))

    def __aiter__(self) -> AsyncIterator[EventObject]:
        """The job's events and output, from the first on, until it ends; across reconnections."""
        return self._events()

    async def output(self, stream: str | None = None) -> AsyncGenerator[bytes, None]:
        """What the job prints, as it comes, until it ends: of both streams, or of one.

        No byte is repeated or left out, except that a new attempt begins again, and that the middle of a long
        output may be gone: the service keeps all of it for about ten minutes, then its beginning and its end.
        """
        shown = _Shown()
        async with aclosing(self._events()) as events:
            async for event in events:
                if piece := shown.fresh(event, stream):
                    yield piece
        result = (await self._client.get(self.job.job_id)).result
        for piece in shown.rest(result, stream) if result is not None else ():
            yield piece

    async def result(self, *, timeout_s: float = RESULT_TIMEOUT_S) -> JobShown:
        """The job once it has ended. Raises NotFinishedError."""
        return await self._client.result(self.job.job_id, timeout_s=timeout_s)

    async def close(self) -> None:
        """Stop sending and reading; the job continues."""
        self._is_closed = True
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait({self._sending})
        for stream in self._streams:
            # One that another task reads ends with that task.
            with suppress(RuntimeError):
                await stream.aclose()

    def _events(self) -> AsyncGenerator[EventObject, None]:
        stream = self._client.follow(self.job.job_id)
        self._streams.append(stream)
        return stream

    async def _add(self, content: bytes, *, end: bool = False, secret: bool = False) -> None:
        if self._is_closed:
            raise UsageError("this conversation has ended: use it within `async with client.interact(…)`")
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        cuts = range(0, len(content), PIECE_BYTES_MAX) or (0,)
        pieces = [_Piece(content[cut : cut + PIECE_BYTES_MAX], end, secret) for cut in cuts]
        pieces[-1].senders.append(stored)
        self._waiting += pieces
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_waiting())
        await stored

    async def _send_waiting(self) -> None:
        piece: _Piece | None = None
        try:
            while self._waiting:
                piece = self._next_piece()
                await self._send_piece(piece)
                _settle(piece, None)
        except Exception as error:  # noqa: BLE001 - it is raised by each call that waits
            # It is not known what of this piece is stored.
            self._offset = None
            for failed in (*([piece] if piece is not None else ()), *self._waiting):
                _settle(failed, error)
            self._waiting.clear()
        finally:
            for left in (*([piece] if piece is not None else ()), *self._waiting):
                for sender in left.senders:
                    sender.cancel()

    def _next_piece(self) -> _Piece:
        piece = self._waiting.popleft()
        while self._waiting and piece.takes(self._waiting[0]):
            piece.take(self._waiting.popleft())
        return piece

    async def _send_piece(self, piece: _Piece) -> None:
        job_id = self.job.job_id
        if self._offset is None:
            self._offset = (await _insist(lambda: self._client.input_state(job_id))).offset
        offset = self._offset
        await _insist(
            lambda: self._client.send_piece(job_id, offset, piece.content, end=piece.end, secret=piece.secret)
        )
        # A later piece of another writer is no concern of this one.
        self._offset = offset + len(piece.content)


class _Shown:
    """What was shown of each stage's streams."""

    def __init__(self) -> None:
        self._attempt = 0
        self._until: Counter[tuple[str, str]] = Counter()

    def fresh(self, event: EventObject, stream: str | None) -> bytes:
        """The bytes of an event that were not shown."""
        data = event.data
        # The first output of an attempt may be shown before the event that it runs.
        if event.type in {RUNNING, OUTPUT} and data["attempt"] > self._attempt:
            self._attempt = data["attempt"]
            self._until.clear()
        if event.type != OUTPUT or data["attempt"] != self._attempt or not has_known_encoding(event):
            return b""
        if stream is not None and data["stream"] != stream:
            return b""
        return self._rest_of(data["stage"], data["stream"], data["offset"], output_bytes(event))

    def rest(self, result: Result, stream: str | None) -> list[bytes]:
        """The bytes of the result that were not shown."""
        stage = result.stages[-1].name if result.stages else PROGRAM_STAGE
        found = (
            self._rest_of(stage, name, offset, piece)
            for name, offset, piece in placed_pieces(result)
            if stream is None or name == stream
        )
        return [piece for piece in found if piece]

    def _rest_of(self, stage: str, stream: str, offset: int, piece: bytes) -> bytes:
        fresh = piece[max(0, self._until[stage, stream] - offset) :]
        self._until[stage, stream] = max(self._until[stage, stream], offset + len(piece))
        return fresh


async def _insist(call: Callable[[], Awaitable[T]]) -> T:
    """The answer, once the service no longer says to come back."""
    while True:
        try:
            return await call()
        except ProblemAnswerError as refusal:
            if refusal.retry_after_s is None:
                raise
            await asyncio.sleep(refusal.retry_after_s)


def _settle(piece: _Piece, error: Exception | None) -> None:
    for sender in piece.senders:
        if sender.done():
            continue
        if error is None:
            sender.set_result(None)
        else:
            sender.set_exception(error)
