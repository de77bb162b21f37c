"""Stored entries and live items for tests, with places and times that a test can read."""

from datetime import timedelta

import msgspec

from services.notifier.events.item import Item
from services.notifier.events.poison import parse_subject
from services.notifier.events.position import FeedMark, Position
from shared.contract.codec import encode
from shared.contract.subjects import feed_note, job_event
from shared.domain.cursor import microseconds
from shared.domain.events import Event, JobOutput, kind_of
from shared.jetstream.stored_message import Entry
from tests import builders

OTHER_JOB = "01890a5d-ac96-774b-bcce-b302099a8058"


def logged(event: Event, sequence: int, at_ms: int = 0) -> Entry:
    """An entry of the log, stored some milliseconds after noon."""
    subject = job_event(event.user_id, event.job_id, kind_of(event))
    return Entry(sequence, builders.NOON + timedelta(milliseconds=at_ms), subject, encode(event))


def noted(sequence: int, at_ms: int = 0, *, job: str = builders.JOB, user: str = builders.USER) -> Entry:
    """An entry of the feed."""
    note = JobOutput(
        job_id=job,
        user_id=user,
        time=builders.NOON,
        request_id="req-1",
        attempt=1,
        stage="run",
        stream="stdout",
        offset=sequence,
        content="out",
    )
    stored_at = builders.NOON + timedelta(milliseconds=at_ms)
    return Entry(sequence, stored_at, feed_note(user, job, "output"), encode(note))


def over(feed_sequence: int, job: str = builders.JOB, user: str = builders.USER) -> Event:
    """A terminal event whose attempt's output ends there."""
    return msgspec.structs.replace(builders.completed(job, user), feed_sequence=feed_sequence)


def us(at_ms: int) -> int:
    """Some milliseconds after noon, in µs of the epoch."""
    return microseconds(builders.NOON) + at_ms * 1_000


def live(entry: Entry, position: Position | None = None) -> Item:
    """The item of an entry, at its own place if no other is given."""
    named = parse_subject(entry)
    assert named is not None
    is_note = entry.subject.startswith("feed.")
    mark = FeedMark(microseconds(entry.stored_at), entry.sequence)
    own = Position(0, mark) if is_note else Position(entry.sequence)
    return Item(entry, named, is_note, position or own)
