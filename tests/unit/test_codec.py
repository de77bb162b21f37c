"""Stored bytes are an event, newer than this program, or poison; a subject and its body name the same job."""

import msgspec
import pytest

from shared.contract.codec import (
    UndecodableError,
    UnknownTagError,
    decode_event,
    decode_note,
    encode,
    event_object,
)
from shared.contract.subjects import feed_note, job_event
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
