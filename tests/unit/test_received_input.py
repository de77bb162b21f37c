"""What the result says of a program's input: all of it within bounds, and nothing of what is secret."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from services.executor.attempts.received_input import InputRecord
from shared.domain.interaction import KEPT_BYTES_MAX, PIECES_KEPT_MAX, InputPiece
from shared.domain.output_text import as_bytes

PIECES = st.lists(st.tuples(st.binary(max_size=20), st.booleans()), max_size=20)


def recorded(pieces: list[tuple[bytes, bool]]) -> InputRecord:
    record = InputRecord()
    for number, (content, secret) in enumerate(pieces):
        record.add(content, at_ms=number, secret=secret)
    return record


@given(PIECES)
def test_secret_pieces_are_in_no_content_and_in_no_digest(pieces: list[tuple[bytes, bool]]) -> None:
    report = recorded(pieces).report()
    shown = b"".join(content for content, secret in pieces if not secret)
    assert as_bytes(report.content, report.encoding) == shown
    assert report.sha256 == hashlib.sha256(shown).hexdigest()
    assert report.total_bytes == sum(len(content) for content, _ in pieces)
    assert not report.truncated


@given(PIECES)
def test_each_piece_is_told_with_its_place_and_its_time(pieces: list[tuple[bytes, bool]]) -> None:
    place, told = 0, []
    for number, (content, secret) in enumerate(pieces):
        if content:
            told.append(InputPiece(offset=place, length=len(content), at_ms=number, secret=secret))
        place += len(content)
    assert recorded(pieces).report().pieces == tuple(told)


@given(st.lists(st.binary(min_size=4, max_size=20), min_size=1, max_size=8))
def test_other_secrets_make_no_other_report(secrets: list[bytes]) -> None:
    """But for their lengths, which are told."""
    one = recorded([(b"user\n", False), *((secret, True) for secret in secrets)])
    other = recorded([(b"user\n", False), *((b"x" * len(secret), True) for secret in secrets)])
    assert one.report() == other.report()


def test_the_first_bytes_are_kept_and_all_are_digested() -> None:
    record, piece = InputRecord(), b"y" * 10_000
    for number in range(10):
        record.add(piece, at_ms=number, secret=False)
    report = record.report()
    assert report.content == "y" * KEPT_BYTES_MAX
    assert (report.truncated, report.total_bytes) == (True, 100_000)
    assert report.sha256 == hashlib.sha256(piece * 10).hexdigest()


def test_what_is_kept_ends_with_a_whole_character() -> None:
    record = InputRecord()
    record.add(b"a" + "€".encode() * KEPT_BYTES_MAX, at_ms=0, secret=False)
    report = record.report()
    assert report.encoding == "utf-8"
    assert KEPT_BYTES_MAX - len(report.content.encode()) < 3


def test_later_pieces_have_no_times() -> None:
    record = recorded([(b"k", False)] * (PIECES_KEPT_MAX + 1))
    report = record.report()
    assert len(report.pieces) == PIECES_KEPT_MAX
    assert (report.truncated, report.content) == (True, "k" * (PIECES_KEPT_MAX + 1))


def test_its_end_is_told() -> None:
    record = InputRecord()
    assert not record.report().ended
    record.end()
    assert record.report().ended


def test_nothing_given_is_told_as_nothing() -> None:
    report = InputRecord().report()
    assert (report.total_bytes, report.content, report.pieces) == (0, "", ())
    assert report.sha256 == hashlib.sha256().hexdigest()
