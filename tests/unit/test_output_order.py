"""The order in which both streams were read: whole, bounded, and never within a character."""

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from headrace.client.models import output_pieces
from services.executor.attempts.outcome import kept_output
from services.executor.attempts.output_order import RUNS_MAX, ReadOrder
from shared.domain.enumerations import StreamName
from shared.domain.result import OutputOrder, OutputRun, Result

Pieces = list[tuple[StreamName, bytes]]
STREAMS = st.sampled_from(["stdout", "stderr"])


def result_of(pieces: Pieces, total_bytes: int | None = None) -> Result:
    """A result after these were read, of streams of so many bytes."""
    order, read = ReadOrder(), {"stdout": b"", "stderr": b""}
    for stream, piece in pieces:
        order.add(stream, len(piece))
        read[stream] += piece
    outputs = {name: kept_output(content, total_bytes or len(content)) for name, content in read.items()}
    kept: dict[StreamName, bytes] = {
        "stdout": read["stdout"][: outputs["stdout"].kept_bytes],
        "stderr": read["stderr"][: outputs["stderr"].kept_bytes],
    }
    return Result(stdout=outputs["stdout"], stderr=outputs["stderr"], order=order.of(kept))


def joined(pieces: Pieces) -> list[tuple[str, bytes]]:
    """Adjacent pieces of one stream as one."""
    groups = groupby(pieces, key=lambda piece: piece[0])
    return [(stream, b"".join(content for _, content in group)) for stream, group in groups]


def run(stream: str, offset: int, length: int) -> OutputRun:
    return OutputRun(stream=stream, offset=offset, length=length)


def test_each_run_has_its_stream_its_offset_and_its_length() -> None:
    result = result_of([("stdout", b"one"), ("stdout", b"\n"), ("stderr", b"two"), ("stdout", b"three")])
    runs = (run("stdout", 0, 4), run("stderr", 0, 3), run("stdout", 4, 5))
    assert result.order == OutputOrder(runs=runs)


def test_one_stream_alone_needs_no_order() -> None:
    assert result_of([("stdout", b"one"), ("stdout", b"two")]).order is None
    assert result_of([]).order is None


@given(st.lists(st.tuples(STREAMS, st.text(st.characters(codec="ascii"), min_size=1).map(str.encode))))
def test_the_pieces_are_what_was_read_in_its_order(pieces: Pieces) -> None:
    whole = joined(pieces)
    found = list(output_pieces(result_of(pieces)))
    if len({stream for stream, _ in pieces}) == 2:
        assert found == whole
    for name in ("stdout", "stderr"):
        assert b"".join(piece for stream, piece in found if stream == name) == b"".join(
            piece for stream, piece in whole if stream == name
        )


@given(st.lists(st.tuples(STREAMS, st.binary(min_size=1, max_size=9)), max_size=20), st.integers(1, 60))
def test_any_bytes_are_told_whole_and_without_gaps(pieces: Pieces, more: int) -> None:
    """Of truncated streams too, whose last character may be dropped."""
    total = sum(len(piece) for _, piece in pieces) + more
    result = result_of(pieces, total)
    if result.order is None:
        return
    for name, output in (("stdout", result.stdout), ("stderr", result.stderr)):
        mine = [one for one in result.order.runs if one.stream == name]
        ends = [one.offset + one.length for one in mine]
        assert [one.offset for one in mine] == [0, *ends[:-1]]
        assert ends[-1] == output.kept_bytes
        assert min(one.length for one in mine) > 0


@given(st.text(min_size=1, max_size=6), st.text(min_size=1, max_size=6), st.data())
def test_no_run_ends_within_a_character(out: str, err: str, data: st.DataObject) -> None:
    """However the pipes were read: here both in turns of a few bytes."""
    left: dict[StreamName, bytes] = {"stdout": out.encode(), "stderr": err.encode()}
    pieces: Pieces = []
    while any(left.values()):
        stream: StreamName = data.draw(st.sampled_from([name for name in left if left[name]]))
        size = data.draw(st.integers(1, 3))
        pieces.append((stream, left[stream][:size]))
        left[stream] = left[stream][size:]
    result = result_of(pieces)
    assert result.order is not None
    for _, piece in output_pieces(result):
        piece.decode()


def test_a_program_that_goes_to_and_fro_leaves_a_bounded_order() -> None:
    turns: Pieces = [("stdout", b"a"), ("stderr", b"b")] * RUNS_MAX
    result = result_of(turns)
    assert result.order is not None
    assert (len(result.order.runs), result.order.truncated) == (RUNS_MAX, True)
    rest = RUNS_MAX // 2
    assert list(output_pieces(result)) == [
        *turns[:RUNS_MAX],
        ("stdout", b"a" * rest),
        ("stderr", b"b" * rest),
    ]
    just = result_of(turns[:RUNS_MAX])
    assert just.order is not None
    assert (len(just.order.runs), just.order.truncated) == (RUNS_MAX, False)


def test_a_result_of_an_earlier_or_a_later_version_is_told_whole() -> None:
    result = result_of([("stderr", b"two"), ("stdout", b"one"), ("stderr", b"three")])
    stdout, stderr = result.stdout, result.stderr
    earlier = Result(stdout=stdout, stderr=stderr)
    assert list(output_pieces(earlier)) == [("stdout", b"one"), ("stderr", b"twothree")]
    odd = OutputOrder(runs=(run("trace", 0, 9), run("stderr", 1, 2), run("stdout", 0, 1)))
    later = Result(stdout=stdout, stderr=stderr, order=odd)
    assert list(output_pieces(later)) == [("stdout", b"o"), ("stdout", b"ne"), ("stderr", b"twothree")]
