"""What may be added to a job's input: by its offset a repetition is harmless, and nothing interleaves.

Two writers send pieces, repeat them, leave gaps and write over each other, at random. What is stored is
always one sequence, each piece of it by one writer, and each refusal names where the next piece begins.
"""

from typing import Literal, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.domain.events import InputMessage, JobInput, JobResized, JobSignalled
from shared.domain.interaction import EARLY_BYTES_MAX, PIECE_BYTES_MAX, PIECES_MAX, Interaction
from shared.domain.job_input import (
    AlreadyStored,
    CompareStored,
    InputEnd,
    InputRefusal,
    NewPiece,
    StorePiece,
    decide_message,
    decide_piece,
    decide_repetition,
    end_of,
)
from shared.domain.output_text import as_bytes, as_text
from tests import builders

BOUNDS = Interaction(idle_s=60, input_bytes=100_000, output_bytes=1_000_000)
TOTAL = BOUNDS.input_bytes

Answer: TypeAlias = Literal["stored", "known"] | InputRefusal


class Stored:
    """One job's subject of the stream: appended to by compare-and-set, and so one after another."""

    def __init__(self) -> None:
        self.messages: list[InputMessage] = []

    @property
    def end(self) -> InputEnd:
        if not self.messages:
            return InputEnd()
        return end_of(self.messages[-1], len(self.messages))

    @property
    def content(self) -> bytes:
        pieces = [one for one in self.messages if isinstance(one, JobInput)]
        return b"".join(as_bytes(one.content, one.encoding) for one in pieces)

    def add(self, piece: NewPiece, *, seen: InputEnd | None = None, is_running: bool = True) -> Answer:
        """As `InputLog` does it. `seen` is what the writer knows; where that is old, the append conflicts."""
        decision = decide_piece(seen or self.end, piece, BOUNDS, is_running=is_running)
        if isinstance(decision, StorePiece) and seen not in {None, self.end}:
            decision = decide_piece(self.end, piece, BOUNDS, is_running=is_running)
        match decision:
            case StorePiece():
                content, encoding = as_text(piece.content)
                self._append(
                    builders.piece(
                        content,
                        number=self.end.number,
                        offset=self.end.offset,
                        encoding=encoding,
                        end=piece.end,
                        secret=piece.secret,
                    )
                )
                return "stored"
            case AlreadyStored():
                return "known"
            case CompareStored():
                compared = decide_repetition(self.overlapping(piece), piece, self.end)
                return "known" if isinstance(compared, AlreadyStored) else compared
            case InputRefusal():
                return decision

    def overlapping(self, piece: NewPiece) -> list[JobInput]:
        """The stored pieces that have some of its bytes."""
        return [
            one
            for one in self.messages
            if isinstance(one, JobInput) and one.offset < piece.until and end_of(one, 0).offset > piece.offset
        ]

    def tell(self, message: type[JobResized] | type[JobSignalled]) -> InputRefusal | None:
        refusal = decide_message(self.end, is_running=True)
        if refusal is None:
            fields = {"number": self.end.number, "offset": self.end.offset, "ended": self.end.is_ended}
            about = {"job_id": builders.JOB, "user_id": builders.USER, "time": builders.NOON}
            more = {"columns": 80, "rows": 24} if message is JobResized else {"signal": "SIGINT"}
            self._append(message(**about, **fields, **more, request_id="req-1"))  # type: ignore[arg-type]
        return refusal

    def _append(self, message: InputMessage) -> None:
        self.messages.append(message)


contents = st.binary(min_size=1, max_size=5)
writers = st.sampled_from(["a", "b"])


class TwoWriters(RuleBasedStateMachine):
    """Each writer knows the input as far as it has seen it, which may be long ago."""

    def __init__(self) -> None:
        super().__init__()
        self.stored = Stored()
        self.model = b""
        self.is_ended = False
        self.seen = {"a": InputEnd(), "b": InputEnd()}
        self.sent: list[NewPiece] = []

    def send(self, writer: str, piece: NewPiece) -> Answer:
        answer = self.stored.add(piece, seen=self.seen[writer])
        if answer == "stored":
            assert piece.offset == len(self.model), "it would leave a gap, or stand where another piece is"
            assert not self.is_ended
            self.model += piece.content
            self.is_ended = piece.end
            self.sent.append(piece)
        elif answer == "known":
            assert self.model[piece.offset : piece.until] == piece.content
            assert self.is_ended or not piece.end
        elif answer.reason == "input_mismatch" or answer.reason == "input_ended":
            # By what the writer knew, or by what is there.
            assert answer.expected in {self.seen[writer].offset, len(self.model)}
        self.seen[writer] = self.stored.end
        return answer

    @rule(writer=writers, content=contents, secret=st.booleans())
    def go_on(self, writer: str, content: bytes, secret: bool) -> None:
        """A writer that knows all sends the next piece."""
        self.seen[writer] = self.stored.end
        answer = self.send(writer, NewPiece(len(self.model), content, secret=secret))
        if self.is_ended and answer != "stored":
            assert isinstance(answer, InputRefusal)
            assert (answer.reason, answer.expected) == ("input_ended", len(self.model))
        else:
            assert answer == "stored"

    @rule(writer=writers, content=contents)
    def go_on_from_what_it_knows(self, writer: str, content: bytes) -> None:
        """The other writer may have been faster."""
        self.send(writer, NewPiece(self.seen[writer].offset, content))

    @precondition(lambda self: self.sent)
    @rule(writer=writers, which=st.integers(0, 50))
    def repeat(self, writer: str, which: int) -> None:
        """The answer was lost: the same piece comes again, by either writer, with whatever followed it."""
        self.seen[writer] = self.stored.end
        piece = self.sent[which % len(self.sent)]
        assert self.send(writer, piece) == "known"

    @rule(writer=writers, begin=st.integers(0, 40), length=st.integers(1, 10))
    def repeat_other_pieces(self, writer: str, begin: int, length: int) -> None:
        """The same bytes cut elsewhere are a repetition too."""
        self.seen[writer] = self.stored.end
        content = self.model[begin : begin + length]
        if content:
            assert self.send(writer, NewPiece(begin, content)) == "known"

    @precondition(lambda self: self.model)
    @rule(writer=writers, begin=st.integers(0, 40), content=contents)
    def write_over(self, writer: str, begin: int, content: bytes) -> None:
        """Other bytes where some are, or some bytes and more than there are."""
        self.seen[writer] = self.stored.end
        piece = NewPiece(begin % len(self.model), content)
        answer = self.send(writer, piece)
        if self.model[piece.offset : piece.until] == content:
            assert answer == "known"
        else:
            assert isinstance(answer, InputRefusal)
            assert (answer.reason, answer.expected) == ("input_mismatch", len(self.model))

    @rule(writer=writers, gap=st.integers(1, 5), content=contents, end=st.booleans())
    def leave_a_gap(self, writer: str, gap: int, content: bytes, end: bool) -> None:
        self.seen[writer] = self.stored.end
        answer = self.send(writer, NewPiece(len(self.model) + gap, content, end=end))
        assert isinstance(answer, InputRefusal)
        assert (answer.reason, answer.expected) == ("input_mismatch", len(self.model))

    @rule(writer=writers, content=st.one_of(st.just(b""), contents), chance=st.integers(0, 5))
    def end(self, writer: str, content: bytes, chance: int) -> None:
        """Now and then, a writer ends the input, perhaps with its last piece."""
        if chance == 0:
            self.send(writer, NewPiece(self.seen[writer].offset, content, end=True))

    @precondition(lambda self: self.is_ended)
    @rule(writer=writers)
    def end_again(self, writer: str) -> None:
        self.seen[writer] = self.stored.end
        assert self.send(writer, NewPiece(len(self.model), b"", end=True)) == "known"

    @rule(writer=writers)
    def ask_with_nothing(self, writer: str) -> None:
        self.seen[writer] = self.stored.end
        assert self.send(writer, NewPiece(len(self.model), b"")) == "known"

    @rule(message=st.sampled_from([JobResized, JobSignalled]))
    def tell(self, message: type[JobResized] | type[JobSignalled]) -> None:
        """Messages without bytes stand between: they change no offset, and do not open what has ended."""
        assert self.stored.tell(message) is None

    @invariant()
    def what_is_stored_is_one_sequence(self) -> None:
        assert self.stored.content == self.model
        assert [one.number for one in self.stored.messages] == [*range(len(self.stored.messages))]
        assert (self.stored.end.offset, self.stored.end.is_ended) == (len(self.model), self.is_ended)
        place = 0
        for one in self.stored.messages:
            assert one.offset == place
            place = end_of(one, 0).offset


class TestTwoWriters(TwoWriters.TestCase):  # type: ignore[misc,valid-type]
    """Histories of two writers."""

    settings = settings(max_examples=60, stateful_step_count=40)


def refusal(end: InputEnd, piece: NewPiece, *, is_running: bool = True) -> InputRefusal:
    decision = decide_piece(end, piece, BOUNDS, is_running=is_running)
    assert isinstance(decision, InputRefusal)
    return decision


def test_before_it_runs_a_job_is_given_little() -> None:
    most = NewPiece(0, b"x" * EARLY_BYTES_MAX)
    assert decide_piece(InputEnd(), most, BOUNDS, is_running=False) == StorePiece()
    more = NewPiece(EARLY_BYTES_MAX, b"x")
    end = InputEnd(1, 1, EARLY_BYTES_MAX)
    refused = refusal(end, more, is_running=False)
    assert (refused.reason, refused.expected) == ("input_not_read", EARLY_BYTES_MAX)
    assert refused.retry_after_s is not None
    assert decide_piece(end, more, BOUNDS, is_running=True) == StorePiece()
    # Its end may be told at any time.
    assert (
        decide_piece(end, NewPiece(EARLY_BYTES_MAX, b"", end=True), BOUNDS, is_running=False) == StorePiece()
    )


def test_a_job_is_given_so_much_in_all() -> None:
    end = InputEnd(1, 1, TOTAL - 1)
    assert decide_piece(end, NewPiece(TOTAL - 1, b"x"), BOUNDS, is_running=True) == StorePiece()
    refused = refusal(end, NewPiece(TOTAL - 1, b"xx"))
    assert (refused.reason, refused.expected, refused.retry_after_s) == ("input_limit", TOTAL - 1, None)


def test_a_job_is_given_so_many_pieces() -> None:
    end = InputEnd(1, PIECES_MAX, 5)
    refused = refusal(end, NewPiece(5, b"x"))
    assert (refused.reason, refused.expected) == ("input_limit", 5)
    told = decide_message(end, is_running=True)
    assert told is not None
    assert told.reason == "input_limit"
    # A repetition is still told apart.
    assert decide_piece(end, NewPiece(0, b"x"), BOUNDS, is_running=True) == CompareStored()


def test_a_piece_has_so_many_bytes() -> None:
    whole = NewPiece(0, b"x" * PIECE_BYTES_MAX)
    assert decide_piece(InputEnd(), whole, BOUNDS, is_running=True) == StorePiece()
    assert refusal(InputEnd(), NewPiece(0, b"x" * (PIECE_BYTES_MAX + 1))).reason == "input_limit"


def test_signals_and_sizes_are_for_a_program_that_runs() -> None:
    waiting = decide_message(InputEnd(), is_running=False)
    assert waiting is not None
    assert (waiting.reason, waiting.retry_after_s) == ("not_running", 1.0)
    assert decide_message(InputEnd(), is_running=True) is None
    assert decide_message(InputEnd(3, 3, 7, is_ended=True), is_running=True) is None


def test_an_end_where_bytes_follow_is_another_piece() -> None:
    """It would say that the input ended where it went on."""
    end = InputEnd(2, 2, 5)
    assert refusal(end, NewPiece(0, b"abc", end=True)).reason == "input_mismatch"
    # At the very end, the input has not ended: the piece is there, and its end is not.
    assert refusal(end, NewPiece(2, b"abc", end=True)).reason == "input_mismatch"
    ended = InputEnd(2, 2, 5, is_ended=True)
    assert decide_piece(ended, NewPiece(2, b"abc", end=True), BOUNDS, is_running=True) == CompareStored()


@pytest.mark.parametrize("piece", [NewPiece(0, b"", end=True), NewPiece(3, b"cdef")])
def test_what_reaches_beyond_what_is_there_names_where_to_go_on(piece: NewPiece) -> None:
    refused = refusal(InputEnd(1, 1, 5), piece)
    assert (refused.reason, refused.expected) == ("input_mismatch", 5)


@given(st.lists(st.binary(min_size=1, max_size=4), min_size=1, max_size=6), st.data())
def test_any_cut_of_what_is_stored_is_a_repetition(pieces: list[bytes], data: st.DataObject) -> None:
    stored, whole = Stored(), b"".join(pieces)
    for content in pieces:
        stored.add(NewPiece(stored.end.offset, content))
    begin = data.draw(st.integers(0, len(whole) - 1))
    piece = NewPiece(begin, whole[begin : data.draw(st.integers(begin + 1, len(whole)))])
    overlapping = stored.overlapping(piece)
    assert decide_repetition(overlapping, piece, stored.end) == AlreadyStored()
    other = NewPiece(begin, bytes([piece.content[0] ^ 1]) + piece.content[1:])
    assert isinstance(decide_repetition(overlapping, other, stored.end), InputRefusal)


def test_nothing_stored_is_no_repetition() -> None:
    """The messages were removed with their job meanwhile."""
    assert isinstance(decide_repetition([], NewPiece(0, b"a"), InputEnd(1, 1, 1)), InputRefusal)


def test_an_input_goes_as_far_as_its_newest_message_says() -> None:
    piece = builders.piece("ä", number=3, offset=10, end=True)
    assert end_of(piece, 9) == InputEnd(9, 4, 12, is_ended=True)
    assert end_of(builders.resized(number=4, offset=12), 10) == InputEnd(10, 5, 12)
    with pytest.raises(ValueError, match="later version"):
        end_of(builders.piece("?", encoding="utf-32"), 1)
