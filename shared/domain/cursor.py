"""One place in a user's story, over the log and the feed together; opaque to clients. Pure.

It says: everything up to here was seen. The log is counted by sequence. The feed is counted by the time at
which it stored a note, in microseconds, because its sequences may begin again after a restart; the note's
sequence may follow, because a burst stores several notes in one microsecond.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_FORM = re.compile(r"([0-9]{1,19})-([0-9]{1,19})(?:\.([0-9]{1,19}))?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class CursorError(ValueError):
    """The text is not a cursor that this service gave."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last log sequence seen, and the time of the last feed note seen (µs since 1970, UTC).

    `feed_sequence` is that note's; None means all notes of that time.
    """

    log: int
    feed_us: int
    feed_sequence: int | None = None

    def __str__(self) -> str:
        """Write it as clients see it."""
        text = f"{self.log}-{self.feed_us}"
        return text if self.feed_sequence is None else f"{text}.{self.feed_sequence}"


START = Cursor(0, 0)


def parse_cursor(text: str) -> Cursor:
    """Read what `str` wrote. Raises CursorError."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise CursorError("not a cursor of this service")
    return Cursor(int(match[1]), int(match[2]), None if match[3] is None else int(match[3]))


def microseconds(time: datetime) -> int:
    """Since 1970, UTC."""
    return (time - _EPOCH) // _MICROSECOND


def of_log(sequence: int, stored_at: datetime) -> str:
    """The cursor after one event of the log: what the feed held until then belongs to before it."""
    return str(Cursor(sequence, microseconds(stored_at)))
