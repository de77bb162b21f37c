"""How far someone has seen the log and the feed, and what is new to them. Pure.

An entry of the log may be shown in parts, which are notes and then or before them the event itself: see
`told_notes`.

The feed may lose its end and use sequences again when its server restarts, so neither a note's sequence
nor its time alone tells whether it was seen; both together do.
"""

from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import Literal, TypeAlias

from shared.domain.cursor import Cursor, CursorError, microseconds, parse_cursor


@dataclass(frozen=True, slots=True)
class FeedMark:
    """A place in the feed. Without a sequence it is a moment: everything stored until then."""

    stored_us: int = 0
    sequence: int | None = 0

    def covers(self, other: "FeedMark") -> bool:
        """Whether what is at `other` was seen by whoever has seen everything up to here.

        A later time with an earlier sequence is a feed that began anew: not seen. An earlier time with a
        later sequence is a clock that was set back: not seen either.
        """
        if other.stored_us > self.stored_us:
            return False
        return self.sequence is None or other.sequence is None or other.sequence <= self.sequence

    def later(self, other: "FeedMark") -> "FeedMark":
        """The newer of the two; of one moment, the one that has seen more of it."""
        return max(self, other, key=_age)


Place: TypeAlias = tuple[int, int]
"""Of the log: the last sequence seen, and how many parts of the entry after it. They compare as tuples."""


@dataclass(frozen=True, slots=True)
class Position:
    """Everything in the log up to `log` was seen, and everything in the feed up to `feed`.

    Of the log's next entry, the first `part` parts were seen, and not yet the last one.
    """

    log: int = 0
    feed: FeedMark = FeedMark()
    part: int = 0

    def __str__(self) -> str:
        """The cursor that a client may come back with."""
        return str(Cursor(self.log, self.feed.stored_us, self.feed.sequence, self.part))

    @property
    def place(self) -> Place:
        """How far the log alone was seen."""
        return self.log, self.part

    def covers(self, other: "Position") -> bool:
        """Whether nothing up to `other` is new to whoever is here."""
        return other.place <= self.place and self.feed.covers(other.feed)

    def later(self, other: "Position") -> "Position":
        """Everything that either of the two has seen."""
        log, part = max(self.place, other.place)
        return Position(log, self.feed.later(other.feed), part)


After: TypeAlias = Position | Literal["start", "now"]
"""Where a client wants to begin."""


def _age(mark: FeedMark) -> tuple[int, float]:
    return mark.stored_us, inf if mark.sequence is None else mark.sequence


def parse_after(text: str | None, *, of_one_job: bool) -> After | None:
    """Where to begin: a cursor, ``start`` or ``now``; None for any other text.

    Without a text, one job begins at its start, and every job of a user begins now.
    """
    if text is None:
        return "start" if of_one_job else "now"
    if text == "start":
        return "start"
    if text == "now":
        return "now"
    try:
        return position_of(parse_cursor(text))
    except CursorError:
        return None


def position_of(cursor: Cursor) -> Position:
    """Where a client says it is."""
    return Position(cursor.log, FeedMark(cursor.feed_us, cursor.feed_sequence), cursor.part)


def feed_mark(stored_at: datetime, sequence: int) -> FeedMark:
    """The place of one stored message of the feed."""
    return FeedMark(microseconds(stored_at), sequence)
