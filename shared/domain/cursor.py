"""Cursor: one position in a user's events, over log and feed together; opaque to clients. Pure.

Everything up to the position was seen. The log part is a sequence. The feed part is the time at which the
feed stored a note, in microseconds, because the feed's sequences may restart from 1. The note's sequence may
follow, because a burst stores several notes in one microsecond. So may a part of the log's next entry: the
notes that an event tells are shown one by one.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_FORM = re.compile(r"([0-9]{1,19})(?:\.([0-9]{1,5}))?-([0-9]{1,19})(?:\.([0-9]{1,19}))?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class CursorError(ValueError):
    """The text is not a valid cursor."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last log sequence seen, and the time of the last feed note seen (µs since 1970, UTC).

    `feed_sequence` is that note's sequence; None means all notes of that time. `part` counts what was seen of
    the entry after `log`.
    """

    log: int
    feed_us: int
    feed_sequence: int | None = None
    part: int = 0

    def __str__(self) -> str:
        """The text form that clients see."""
        part = f".{self.part}" if self.part else ""
        text = f"{self.log}{part}-{self.feed_us}"
        return text if self.feed_sequence is None else f"{text}.{self.feed_sequence}"


START = Cursor(0, 0)


def parse_cursor(text: str) -> Cursor:
    """Parse the text form. Raises CursorError."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise CursorError("not a cursor of this service")
    part, feed_sequence = match[2], match[4]
    return Cursor(
        int(match[1]), int(match[3]), None if feed_sequence is None else int(feed_sequence), int(part or 0)
    )


def microseconds(time: datetime) -> int:
    """Microseconds since 1970, UTC."""
    return (time - _EPOCH) // _MICROSECOND


def of_log(sequence: int, stored_at: datetime) -> str:
    """The cursor after one event of the log; notes that the feed stored until then precede it."""
    return str(Cursor(sequence, microseconds(stored_at)))
