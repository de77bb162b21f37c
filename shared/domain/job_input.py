"""What may be added to a job's input: decisions by byte offset. Pure.

The offset of a piece makes its repetition harmless: a piece that is there already is answered as stored. One
that would leave a gap, or that stands where another piece is, is refused with the offset that is expected, so
that two writers cannot interleave unnoticed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

from shared.domain.events import InputMessage, JobInput, JobResized, JobSignalled
from shared.domain.interaction import EARLY_BYTES_MAX, PIECE_BYTES_MAX, PIECES_MAX, Interaction
from shared.domain.output_text import as_bytes

RefusalReason: TypeAlias = Literal[
    "unknown_job",
    "expired",
    "already_finished",
    "not_interactive",
    "no_terminal",
    "not_running",
    "input_mismatch",
    "input_ended",
    "input_limit",
    "input_not_read",
    "too_fast",
    "storage_full",
]


@dataclass(frozen=True, slots=True)
class InputEnd:
    """How far a job's input goes: its newest message in the log, how many there are, and their bytes."""

    sequence: int = 0
    number: int = 0
    offset: int = 0
    is_ended: bool = False


def end_of(message: InputMessage, sequence: int) -> InputEnd:
    """How far a job's input goes by its newest message.

    Raises ValueError for an encoding of a later version.
    """
    match message:
        case JobInput():
            length = len(as_bytes(message.content, message.encoding))
            return InputEnd(sequence, message.number + 1, message.offset + length, message.end)
        case JobResized() | JobSignalled():
            return InputEnd(sequence, message.number + 1, message.offset, message.ended)
    assert_never(message)


@dataclass(frozen=True, slots=True)
class NewPiece:
    """A piece of input as a client sends it."""

    offset: int
    content: bytes
    end: bool = False
    secret: bool = False

    @property
    def until(self) -> int:
        """The offset behind it."""
        return self.offset + len(self.content)


@dataclass(frozen=True, slots=True)
class StorePiece:
    """It follows what is there."""


@dataclass(frozen=True, slots=True)
class AlreadyStored:
    """It adds nothing."""


@dataclass(frozen=True, slots=True)
class CompareStored:
    """It stands before the end: it may be a repetition, which `decide_repetition` tells."""


@dataclass(frozen=True, slots=True)
class InputRefusal:
    """It is not stored. `expected` is the offset of the next piece; `retry_after_s` if waiting may help."""

    reason: RefusalReason
    detail: str
    expected: int | None = None
    retry_after_s: float | None = None


PieceDecision: TypeAlias = StorePiece | AlreadyStored | CompareStored | InputRefusal


def decide_piece(end: InputEnd, piece: NewPiece, bounds: Interaction, *, is_running: bool) -> PieceDecision:
    """Whether a piece may be added to an input that goes so far."""
    if len(piece.content) > PIECE_BYTES_MAX:
        return InputRefusal("input_limit", f"a piece has at most {PIECE_BYTES_MAX} bytes", end.offset)
    if piece.offset > end.offset:
        return InputRefusal("input_mismatch", f"the next piece begins at {end.offset}", end.offset)
    if not piece.content and not piece.end:
        return AlreadyStored()
    if piece.until <= end.offset and piece.content:
        if piece.end and not (end.is_ended and piece.until == end.offset):
            return _mismatch(end)
        return CompareStored()
    if piece.offset < end.offset:
        return _mismatch(end)
    if end.is_ended:
        if not piece.content:
            return AlreadyStored()
        return InputRefusal("input_ended", f"the input has ended after {end.offset} bytes", end.offset)
    if piece.until > bounds.input_bytes:
        return InputRefusal("input_limit", f"a job is given at most {bounds.input_bytes} bytes", end.offset)
    return _bounded(end, piece.until, is_running=is_running) or StorePiece()


def decide_message(end: InputEnd, *, is_running: bool) -> InputRefusal | None:
    """Whether a message without bytes may be added: a new size, or a signal."""
    if not is_running:
        return InputRefusal("not_running", "the program does not run yet", retry_after_s=1.0)
    return _bounded(end, end.offset, is_running=True)


def decide_repetition(
    stored: Sequence[JobInput], piece: NewPiece, end: InputEnd
) -> AlreadyStored | InputRefusal:
    """Whether a piece that stands before the end says what is stored there."""
    content = b"".join(as_bytes(one.content, one.encoding) for one in stored)
    begin = piece.offset - (stored[0].offset if stored else 0)
    if begin >= 0 and content[begin : begin + len(piece.content)] == piece.content:
        return AlreadyStored()
    return _mismatch(end)


def _bounded(end: InputEnd, until: int, *, is_running: bool) -> InputRefusal | None:
    if end.number >= PIECES_MAX:
        return InputRefusal("input_limit", f"a job's input has at most {PIECES_MAX} pieces", end.offset)
    if not is_running and until > EARLY_BYTES_MAX:
        return InputRefusal(
            "input_not_read",
            f"before it runs, a job is given at most {EARLY_BYTES_MAX} bytes",
            end.offset,
            retry_after_s=1.0,
        )
    return None


def _mismatch(end: InputEnd) -> InputRefusal:
    return InputRefusal(
        "input_mismatch", f"another piece stands there; the next one begins at {end.offset}", end.offset
    )
