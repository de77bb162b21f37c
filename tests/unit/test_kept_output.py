"""What is kept of a stream: its beginning and its end, whatever pieces it comes in."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from services.executor.attempts.kept_output import KeptOutput
from services.executor.attempts.outcome import kept_output
from shared.domain.output_text import as_bytes
from shared.domain.result import OutputTail

TEXT = st.text(alphabet="aäß€😀\n", max_size=60)


def collected(pieces: list[bytes], head_max: int, tail_max: int) -> KeptOutput:
    kept = KeptOutput(head_max=head_max, tail_max=tail_max)
    for piece in pieces:
        kept.add(piece)
    return kept


def cut(content: bytes, places: list[int]) -> list[bytes]:
    borders = [0, *sorted(min(place, len(content)) for place in places), len(content)]
    return [content[begin:end] for begin, end in pairwise(borders)]


@given(st.lists(st.binary(max_size=12), max_size=12), st.integers(0, 20), st.integers(0, 20))
def test_it_is_the_beginning_and_the_end(pieces: list[bytes], head_max: int, tail_max: int) -> None:
    kept, whole = collected(pieces, head_max, tail_max), b"".join(pieces)
    assert kept.total_bytes == len(whole)
    if len(whole) <= head_max + tail_max:
        assert (kept.head, kept.tail) == (whole, b"")
    else:
        assert kept.head == whole[:head_max]
        assert kept.tail == (whole[-tail_max:] if tail_max else b"")


@given(st.integers(1, 50), st.integers(1, 40))
def test_what_is_held_of_the_end_is_bounded(count: int, size: int) -> None:
    kept = collected([b"x" * size] * count, 0, 10)
    held = sum(map(len, kept._tail))  # noqa: SLF001 - what it holds is not shown
    assert held < 10 + size


@given(TEXT, st.lists(st.integers(0, 200), max_size=5), st.integers(0, 40), st.integers(0, 40))
def test_text_is_cut_between_characters(text: str, places: list[int], head_max: int, tail_max: int) -> None:
    content = text.encode()
    kept = collected(cut(content, places), head_max, tail_max)
    output = kept_output(kept.head, kept.total_bytes, kept.tail)
    assert output.encoding == "utf-8"
    assert text.startswith(output.content)
    assert output.total_bytes == len(content)
    assert output.kept_bytes == len(output.content.encode())
    tail = output.tail
    if len(content) <= head_max + tail_max:
        assert (output.content, output.truncated, tail) == (text, False, UNSET)
    else:
        assert output.truncated
        assert head_max - output.kept_bytes < 4
        check_tail(tail, content, tail_max)


def check_tail(tail: OutputTail | UnsetType, content: bytes, tail_max: int) -> None:
    if not tail_max:
        assert tail is UNSET
        return
    assert isinstance(tail, OutputTail)
    end = as_bytes(tail.content, tail.encoding)
    assert content[tail.offset :] == end
    assert len(end) <= tail_max
    if tail_max >= 4:
        assert tail.encoding == "utf-8"
        assert tail_max - len(end) < 4


@given(st.binary(min_size=1, max_size=60), st.integers(0, 20), st.integers(0, 20))
def test_bytes_that_are_no_text_come_back_too(content: bytes, head_max: int, tail_max: int) -> None:
    kept = collected([content], head_max, tail_max)
    output = kept_output(kept.head, kept.total_bytes, kept.tail)
    assert content.startswith(as_bytes(output.content, output.encoding))
    if isinstance(output.tail, OutputTail):
        end = as_bytes(output.tail.content, output.tail.encoding)
        assert content[output.tail.offset :] == end
        assert output.kept_bytes <= output.tail.offset


def test_the_end_begins_with_a_whole_character() -> None:
    content = b"head" + "€uro".encode()
    output = kept_output(b"head", len(content), content[-5:])
    assert output.tail == OutputTail(offset=7, content="uro")


@pytest.mark.parametrize("tail", [b"\x82\x82\x82\x82", b"\x82\x82\x82\xff"])
def test_an_end_without_a_beginning_of_a_character_is_kept_as_bytes(tail: bytes) -> None:
    output = kept_output(b"", 100, tail)
    assert isinstance(output.tail, OutputTail)
    end = as_bytes(output.tail.content, output.tail.encoding)
    assert output.tail.offset == 100 - len(end)
    assert output.tail.encoding == "base64"


def test_without_an_end_it_is_as_it_was() -> None:
    output = kept_output(b"abc\xe2\x82", 100)
    assert (output.content, output.kept_bytes, output.truncated) == ("abc", 3, True)
    assert output.tail is UNSET
