"""What an attempt has to tell and has not sent yet: output, progress and input, in their order. Pure.

No piece ends within a UTF-8 character, unless the stream does.
"""

from dataclasses import dataclass
from typing import TypeAlias

from shared.domain.enumerations import StageName, StreamName
from shared.domain.events import InputMessage, JobProgress
from shared.domain.output_text import incomplete_tail
from shared.domain.result import STAGE_OUTPUT_BYTES_MAX
from shared.domain.unsent import UnsentNote

PIECE_BYTES = 16 * 1024
RUNS_MAX = 32
"""So many changes between the two streams are remembered; beyond them, only the order in each stream."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Output that follows `offset` bytes of its stream."""

    stage: StageName
    stream: StreamName
    offset: int
    content: bytes


Note: TypeAlias = JobProgress | InputMessage
"""What stands between the output around it."""
_Waiting: TypeAlias = "_Run | Note"
_Key: TypeAlias = tuple[StageName, StreamName]


@dataclass(frozen=True, slots=True)
class FeedEnd:
    """What of an attempt's notes is in the feed, the last of them at `sequence` (0: none), and what not."""

    sequence: int = 0
    unsent_notes: tuple[UnsentNote, ...] = ()


class FeedBacklog:
    """Of one attempt. `waiting_bytes` counts the output that has not been taken."""

    def __init__(self) -> None:
        """Begin with none."""
        self.waiting_bytes = 0
        self._waiting: list[_Waiting] = []
        self._printed: dict[_Key, int] = {}

    def write(self, stage: StageName, stream: StreamName, content: bytes) -> None:
        """Add output of one stream."""
        key = stage, stream
        run = self._last_run(key)
        if run is None:
            run = _Run(key, self._printed.get(key, 0), bytearray())
            self._waiting.append(run)
        run.content += content
        self._printed[key] = self._printed.get(key, 0) + len(content)
        self.waiting_bytes += len(content)

    def add(self, note: Note) -> None:
        """Add progress, or input that the program is given."""
        self._waiting.append(note)

    def take(self, *, final: bool) -> list[Piece | Note]:
        """What may be sent now, each stream in as few pieces as may be; with `final`, all that is left."""
        ready, tails = _whole_characters(_joined(self._waiting))
        self._waiting = [] if final else [_Run.of(tail) for tail in tails]
        self.waiting_bytes = 0 if final else sum(len(tail.content) for tail in tails)
        return [*ready, *tails] if final else ready

    def is_kept_by_result(self, last_stage: StageName) -> bool:
        """Whether the result has all the output that waits: of stages before the last it keeps less."""
        return all(
            not isinstance(one, _Run)
            or one.key[0] == last_stage
            or one.offset + len(one.content) <= STAGE_OUTPUT_BYTES_MAX
            for one in self._waiting
        )

    def leave(self) -> tuple[UnsentNote, ...]:
        """All that is left, in its order, for the terminal event to say; nothing waits any more."""
        ready, tails = _whole_characters(self._waiting)
        self._waiting = []
        return tuple(_unsent(one) for one in (*ready, *tails) if isinstance(one, Piece | JobProgress))

    def _last_run(self, key: _Key) -> "_Run | None":
        """The run that output of this stream goes on with, without passing any note."""
        for one in reversed(self._waiting):
            if not isinstance(one, _Run):
                return None
            if one.key == key:
                return one
            if len(self._waiting) < RUNS_MAX:
                return None
        return None


@dataclass(slots=True)
class _Run:
    key: _Key
    offset: int
    content: bytearray

    @classmethod
    def of(cls, piece: Piece) -> "_Run":
        return cls((piece.stage, piece.stream), piece.offset, bytearray(piece.content))


def _joined(waiting: list[_Waiting]) -> list[_Waiting]:
    """Between two notes, one run of each stream."""
    joined: list[_Waiting] = []
    runs: dict[_Key, _Run] = {}
    for one in waiting:
        if not isinstance(one, _Run):
            runs = {}
            joined.append(one)
        elif one.key in runs:
            runs[one.key].content += one.content
        else:
            runs[one.key] = _Run(one.key, one.offset, bytearray(one.content))
            joined.append(runs[one.key])
    return joined


def _whole_characters(waiting: list[_Waiting]) -> tuple[list[Piece | Note], list[Piece]]:
    """Pieces and notes, and the bytes at the streams' ends that begin a character."""
    ready: list[Piece | Note] = []
    tails: dict[_Key, Piece] = {}
    for one in waiting:
        if not isinstance(one, _Run):
            ready.append(one)
            continue
        begun = tails.pop(one.key, None)
        offset = one.offset if begun is None else begun.offset
        content = bytes(one.content) if begun is None else begun.content + one.content
        end = len(content) - incomplete_tail(content)
        for piece in _cut(content[:end]):
            ready.append(Piece(*one.key, offset, piece))
            offset += len(piece)
        if content[end:]:
            tails[one.key] = Piece(*one.key, offset, content[end:])
    return ready, list(tails.values())


def _cut(content: bytes) -> list[bytes]:
    """Split at whole characters into pieces of at most PIECE_BYTES."""
    pieces = []
    while content:
        piece = content[:PIECE_BYTES]
        if len(piece) < len(content):
            piece = piece[: len(piece) - incomplete_tail(piece)]
        pieces.append(piece)
        content = content[len(piece) :]
    return pieces


def _unsent(one: Piece | JobProgress) -> UnsentNote:
    if isinstance(one, JobProgress):
        return UnsentNote(
            stage=one.stage, percent=one.percent, message=one.message, remaining_s=one.remaining_s
        )
    return UnsentNote(stage=one.stage, stream=one.stream, offset=one.offset, length=len(one.content))
