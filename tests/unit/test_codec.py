"""Stored bytes are an event, newer than this program, or poison; a subject and its body name the same job."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contract.codec import (
    UndecodableError,
    UnknownTagError,
    decode_event,
    decode_input,
    decode_note,
    encode,
    event_object,
)
from shared.contract.subjects import feed_note, job_event, job_input
from shared.domain.enumerations import UnknownValueError
from shared.domain.events import InputMessage, JobInput, JobResized, JobSignalled
from shared.domain.output_text import as_bytes, as_text
from tests import builders

SUBJECT = job_event(builders.USER, builders.JOB, "queued")


def test_what_is_encoded_is_decoded() -> None:
    assert decode_event(SUBJECT, encode(builders.queued())) == builders.queued()


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b'{"type": 7}',
        b'{"type": "job.queued.v1"}',
        b'{"type": "other.v1"}',
        b'{"type":"job.queued.v1","job_id":' + b"[" * 100_000,
    ],
)
def test_garbage_is_undecodable(payload: bytes) -> None:
    with pytest.raises(UndecodableError):
        decode_event(SUBJECT, payload)


def test_a_newer_event_is_unknown_not_poison() -> None:
    with pytest.raises(UnknownTagError):
        decode_event(SUBJECT, b'{"type": "job.queued.v2", "job_id": "x"}')
    with pytest.raises(UnknownTagError):
        decode_note(feed_note("a", builders.JOB, "heat"), b'{"type": "job.heat.v1"}')


@pytest.mark.parametrize(
    "subject",
    [
        job_event("mallory", builders.JOB, "queued"),
        job_event(builders.USER, builders.job_id(), "queued"),
        job_event(builders.USER, builders.JOB, "completed"),
        "jobs.elsewhere",
    ],
    ids=["another user", "another job", "another kind", "no job"],
)
def test_an_event_under_another_subject_is_undecodable(subject: str) -> None:
    with pytest.raises(UndecodableError):
        decode_event(subject, encode(builders.queued()))


def test_a_later_field_does_not_disturb_an_older_reader() -> None:
    fields = msgspec.json.decode(encode(builders.running()))
    later = msgspec.json.encode({**fields, "added_later": [1, 2]})
    subject = job_event(builders.USER, builders.JOB, "running")
    assert decode_event(subject, later) == builders.running()


def test_clients_see_every_stored_field() -> None:
    shown = event_object(encode(builders.running()), cursor="7-1", stored_at=builders.NOON, seq=7)
    assert (shown.seq, shown.type, shown.job_id) == (7, "job.running.v1", builders.JOB)
    assert shown.data["attempt"] == 1
    assert shown.data["user_id"] == builders.USER
    assert "type" not in shown.data


def test_clients_see_events_that_this_program_does_not_know() -> None:
    payload = b'{"type":"job.paused.v1","job_id":"j","time":"2026-01-01T00:00:00Z","why":"x"}'
    assert event_object(payload, cursor="1-1", stored_at=builders.NOON, seq=1).data == {"why": "x"}


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"type":"a","job_id":"b"}'])
def test_clients_never_see_poison(payload: bytes) -> None:
    with pytest.raises(UndecodableError):
        event_object(payload, cursor="1-1", stored_at=builders.NOON, seq=1)


INPUT_SUBJECT = job_input(builders.USER, builders.JOB)
PIECE = builders.piece("a line\n")


@given(st.binary(max_size=200), st.integers(0, 2**31), st.integers(0, 2**40), st.booleans(), st.booleans())
def test_input_comes_back_byte_for_byte(
    content: bytes, number: int, offset: int, end: bool, secret: bool
) -> None:
    text, encoding = as_text(content)
    piece = builders.piece(text, number=number, offset=offset, encoding=encoding, end=end, secret=secret)
    found = decode_input(INPUT_SUBJECT, encode(piece))
    assert found == piece
    assert isinstance(found, JobInput)
    assert as_bytes(found.content, found.encoding) == content


@pytest.mark.parametrize("message", [PIECE, builders.resized(), builders.signalled()])
def test_a_note_of_input_is_the_message_with_its_attempt(message: InputMessage) -> None:
    assert decode_input(INPUT_SUBJECT, encode(message)) == message
    note = msgspec.structs.replace(message, attempt=2)
    kinds = {JobInput: "input", JobResized: "resized", JobSignalled: "signalled"}
    subject = feed_note(builders.USER, builders.JOB, kinds[type(message)])
    assert decode_note(subject, encode(note)) == note
    assert b"attempt" not in encode(message)


@pytest.mark.parametrize(
    "subject",
    [
        job_input("mallory", builders.JOB),
        job_input(builders.USER, builders.job_id()),
        feed_note(builders.USER, builders.JOB, "input"),
        job_event(builders.USER, builders.JOB, "queued"),
        "input.elsewhere",
    ],
    ids=["another user", "another job", "the feed", "the log", "no job"],
)
def test_input_under_another_subject_is_undecodable(subject: str) -> None:
    with pytest.raises(UndecodableError):
        decode_input(subject, encode(PIECE))


@pytest.mark.parametrize("payload", [b"", b"null", b"{}", b'{"type":"job.input.v1"}', b'{"type":"other.v1"}'])
def test_garbage_is_no_input(payload: bytes) -> None:
    with pytest.raises(UndecodableError):
        decode_input(INPUT_SUBJECT, payload)


def test_only_input_is_read_as_input() -> None:
    for other in (builders.queued(), builders.running()):
        with pytest.raises((UndecodableError, UnknownTagError)):
            decode_input(INPUT_SUBJECT, encode(other))
    with pytest.raises(UnknownTagError):
        decode_input(INPUT_SUBJECT, b'{"type": "job.pasted.v1"}')


def test_a_signal_of_a_later_version_is_read_and_not_written() -> None:
    later = msgspec.structs.replace(builders.signalled(), signal="SIGWINCH")
    assert decode_input(INPUT_SUBJECT, msgspec.json.encode(later)) == later
    with pytest.raises(UnknownValueError):
        encode(later)
