"""Input of interactive jobs: stored before it is acknowledged, and before a program reads it.

The api and the notifier add to it, the executor of the job reads it. Each message expects the one before it
(compare-and-set on the job's subject), so writers of several processes make one order. All of it is removed
when its job has ended.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from shared.contract.codec import encode
from shared.contract.subjects import INPUT, job_input
from shared.domain.decisions import CommandContext
from shared.domain.events import InputMessage, JobInput, JobResized, JobSignalled
from shared.domain.interaction import Interaction, TerminalSize
from shared.domain.job_input import (
    AlreadyStored,
    CompareStored,
    InputEnd,
    InputRefusal,
    NewPiece,
    PieceDecision,
    StorePiece,
    decide_message,
    decide_piece,
    decide_repetition,
    end_of,
)
from shared.domain.output_text import as_text
from shared.domain.token_bucket import TokenBucket
from shared.jetstream.connection import Broker
from shared.jetstream.errors import BrokerError, UnreachableError
from shared.jetstream.event_log import FULL, Appended, Log
from shared.jetstream.input_reader import ENDED, InputReader
from shared.jetstream.input_turns import JOBS_KNOWN_MAX, PIECES_PER_S, InputTurns, Known
from shared.observability import metrics
from shared.observability.logs import get_logger
from shared.retry import retry

logger = get_logger(__name__)

PURGE_TIMEOUT_S = 5.0
PURGE_AGAIN_S = 1.0
PURGE_WITHIN_S = 60.0
"""After which it is left to the age of the stream's messages."""

Outcome: TypeAlias = InputEnd | InputRefusal
"""How far the input goes now, or why nothing was added."""


Decide: TypeAlias = Callable[[InputEnd, Known, Interaction], PieceDecision]


class InputLog:
    """Adds to the input of jobs."""

    def __init__(
        self, broker: Broker, log: Log, *, patience_s: float, jobs_max: int = JOBS_KNOWN_MAX
    ) -> None:
        """Append to `log`, waiting at most `patience_s` for it. Remember at most `jobs_max` jobs."""
        self._broker = broker
        self._log = log
        self._reader = InputReader(log)
        self._patience_s = patience_s
        self._clock = time.monotonic
        self._turns = InputTurns(patience_s=patience_s, jobs_max=jobs_max)
        self._purging: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many jobs are remembered."""
        return len(self._turns)

    async def add(self, user_id: str, job_id: str, piece: NewPiece, context: CommandContext) -> Outcome:
        """Store a piece, unless it is there already.

        Raises BrokerError; it may then be stored all the same.
        """

        def make(end: InputEnd) -> JobInput:
            content, encoding = as_text(piece.content)
            return JobInput(
                **_about(user_id, job_id, end, context),
                content=content,
                encoding=encoding,
                end=piece.end,
                secret=piece.secret,
            )

        def decide(end: InputEnd, known: Known, bounds: Interaction) -> PieceDecision:
            return decide_piece(end, piece, bounds, is_running=known.is_running)

        outcome = await self._transact(user_id, job_id, decide, make)
        return await self._compare(user_id, job_id, piece) if isinstance(outcome, CompareStored) else outcome

    async def resize(self, user_id: str, job_id: str, size: TerminalSize, context: CommandContext) -> Outcome:
        """Store a new size of the job's terminal. Raises BrokerError."""

        def make(end: InputEnd) -> JobResized:
            about = _about(user_id, job_id, end, context)
            return JobResized(**about, columns=size.columns, rows=size.rows, ended=end.is_ended)

        def decide(end: InputEnd, known: Known, bounds: Interaction) -> PieceDecision:
            if bounds.terminal is None:
                return InputRefusal("no_terminal", "the job has no terminal")
            return decide_message(end, is_running=known.is_running) or StorePiece()

        return _plain(await self._transact(user_id, job_id, decide, make))

    async def signal(self, user_id: str, job_id: str, name: str, context: CommandContext) -> Outcome:
        """Store a signal for the program. Raises BrokerError."""

        def make(end: InputEnd) -> JobSignalled:
            return JobSignalled(**_about(user_id, job_id, end, context), signal=name, ended=end.is_ended)

        def decide(end: InputEnd, known: Known, _: Interaction) -> PieceDecision:
            return decide_message(end, is_running=known.is_running) or StorePiece()

        return _plain(await self._transact(user_id, job_id, decide, make))

    async def read_end(self, user_id: str, job_id: str) -> Outcome:
        """How far the job's input goes. Raises BrokerError."""
        async with self._turns.turn(user_id, job_id) as known:
            read = await self._bounds(user_id, job_id, known)
        return read if isinstance(read, InputRefusal) else await self._reader.read_end(user_id, job_id)

    def on_job_ended(self, user_id: str, job_id: str) -> None:
        """The log reports the end of a job: what was added to its input meanwhile is removed too."""
        known = self._turns.end(user_id, job_id)
        if known is not None:
            task = asyncio.ensure_future(self._purge_after(known, user_id, job_id))
            self._purging.add(task)
            task.add_done_callback(self._purging.discard)

    async def _transact(
        self, user_id: str, job_id: str, decide: Decide, make: Callable[[InputEnd], InputMessage]
    ) -> Outcome | CompareStored:
        """Store the message, if `decide` says so; after a conflict, decide again."""
        async with self._turns.turn(user_id, job_id) as known:
            bounds = await self._bounds(user_id, job_id, known)
            if isinstance(bounds, InputRefusal):
                return bounds
            while True:
                remembered = known.end
                end = known.end = remembered or await self._reader.read_end(user_id, job_id)
                decision = decide(end, known, bounds)
                if remembered and isinstance(decision, AlreadyStored | InputRefusal):
                    # Another process may have added to it.
                    known.end = None
                    continue
                if isinstance(decision, InputRefusal) and _may_be_outdated(decision, known, end):
                    known.interaction = None
                    bounds = await self._bounds(user_id, job_id, known)
                    if isinstance(bounds, InputRefusal):
                        return bounds
                    decision = decide(end, known, bounds)
                stored = await self._perform(decision, known, end, make)
                if stored is not None:
                    return stored

    async def _perform(
        self,
        decision: PieceDecision,
        known: Known,
        end: InputEnd,
        make: Callable[[InputEnd], InputMessage],
    ) -> Outcome | CompareStored | None:
        """Do what was decided; None if that must be done again, after a conflict."""
        if known.has_ended:
            return ENDED
        if isinstance(decision, AlreadyStored):
            return end
        if isinstance(decision, InputRefusal):
            return decision
        if not known.pieces.take(self._clock()):
            return _too_fast(known.pieces, end)
        return decision if isinstance(decision, CompareStored) else await self._store(known, make(end), end)

    async def _store(self, known: Known, message: InputMessage, end: InputEnd) -> Outcome | None:
        """Append one message; None after a conflict."""
        subject = job_input(message.user_id, message.job_id)
        known.end = None
        try:
            result = await self._log.store(
                subject,
                encode(message),
                subject_filter=subject,
                expected=end.sequence,
                patience_s=self._patience_s,
                stream=INPUT,
                is_removable=True,
            )
        except UnreachableError as error:
            if FULL in str(error):
                return InputRefusal("storage_full", "there is no room for more input", end.offset, 5.0)
            raise
        if not isinstance(result, Appended):
            return None
        metrics.INPUT_STORED.labels(type=type(message).__name__).inc()
        known.end = end_of(message, result.sequence)
        return known.end

    async def _bounds(self, user_id: str, job_id: str, known: Known) -> Interaction | InputRefusal:
        """How the job is given input; read where it is not known. Raises BrokerError."""
        if known.interaction is None:
            read = await self._reader.read_job(user_id, job_id)
            if isinstance(read, InputRefusal):
                return read
            known.interaction, known.is_running = read
        return known.interaction

    async def _compare(self, user_id: str, job_id: str, piece: NewPiece) -> Outcome:
        """Whether a piece that stands before the end was stored before."""
        stored, end = await self._reader.read_pieces(user_id, job_id, piece)
        if end.offset < piece.until:
            # It was removed, with its job.
            read = await self._reader.read_job(user_id, job_id)
            return read if isinstance(read, InputRefusal) else ENDED
        decision = decide_repetition(stored, piece, end)
        return end if isinstance(decision, AlreadyStored) else decision

    async def _purge_after(self, known: Known, user_id: str, job_id: str) -> None:
        """Remove the input once no append of this process is under way."""
        purge = partial(purge_input, self._broker, user_id, job_id)
        try:
            async with known.turn:
                await retry(purge, on=UnreachableError, within_s=PURGE_WITHIN_S, pause_s=PURGE_AGAIN_S)
        except BrokerError as error:
            logger.warning("input_not_purged", job_id=job_id, why=str(error))


async def purge_input(broker: Broker, user_id: str, job_id: str) -> None:
    """Remove all input of a job. Idempotent. Raises BrokerError."""
    await broker.api(
        f"STREAM.PURGE.{INPUT}", {"filter": job_input(user_id, job_id)}, timeout_s=PURGE_TIMEOUT_S
    )


def _may_be_outdated(refusal: InputRefusal, known: Known, end: InputEnd) -> bool:
    """Whether the job may run by now, or have ended and lost its input."""
    if refusal.reason == "input_mismatch":
        return end.number == 0
    return refusal.retry_after_s is not None and not known.is_running


def _too_fast(pieces: TokenBucket, end: InputEnd) -> InputRefusal:
    return InputRefusal(
        "too_fast", f"more than {PIECES_PER_S:g} pieces a second", end.offset, pieces.wait_s(1)
    )


def _plain(outcome: Outcome | CompareStored) -> Outcome:
    assert not isinstance(outcome, CompareStored), "only pieces of input have content to compare"
    return outcome


def _about(user_id: str, job_id: str, end: InputEnd, context: CommandContext) -> dict[str, Any]:
    """The fields that every message has."""
    return {
        "job_id": job_id,
        "user_id": user_id,
        "time": context.time,
        "request_id": context.request_id,
        "trace": context.trace,
        "number": end.number,
        "offset": end.offset,
    }
