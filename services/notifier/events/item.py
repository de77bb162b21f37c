"""One stored message on its way to clients, decoded once, and encoded once for all who call it the same.

A message that no version can decode is counted and shown to nobody.
"""

from dataclasses import dataclass, field

import msgspec

from services.notifier.events.position import FeedMark, Position, feed_mark
from shared.contract.codec import EventObject, UndecodableError, event_object
from shared.contract.subjects import EXPIRED_KIND, TERMINAL_KINDS, JobSubject, SubjectError, parse
from shared.jetstream.stored_message import Entry
from shared.observability import metrics
from shared.observability.logs import get_logger

logger = get_logger(__name__)

READER = "notifier"
LAST_KINDS = frozenset({*TERMINAL_KINDS, EXPIRED_KIND})
"""After these a client is told nothing more of a job: it has ended, or has left but for its tombstone."""


class _FeedEnd(msgspec.Struct):
    feed_sequence: int = 0


_feed_end_decoder = msgspec.json.Decoder(_FeedEnd)
_encoder = msgspec.json.Encoder()


@dataclass(slots=True, eq=False)
class Text:
    """What is sent at once, in UTF-8. `output` is the piece of output that it shows, if that may be joined.

    Only bulk, which is events and whole jobs, is refused where there is no room. `holders` is the number of
    queues that hold this text.
    """

    payload: bytes
    output: "Output | None" = None
    is_bulk: bool = False
    holders: int = 0

    @property
    def size(self) -> int:
        """Bytes to send."""
        return len(self.payload)

    @property
    def held_bytes(self) -> int:
        """Bytes of memory that a queue keeps alive with it."""
        return len(self.payload) + (0 if self.output is None else len(self.output.entry.payload))


@dataclass(frozen=True, slots=True)
class Output:
    """A note of a job's output in one subscription, as it is stored and where it is shown."""

    subscription_id: str
    entry: Entry
    position: Position

    def event(self) -> EventObject:
        """The event object, decoded anew. Raises UndecodableError."""
        return _event(self.entry, self.position, seq=None)


@dataclass(frozen=True, slots=True)
class Shown:
    """An event as clients see it, encoded, with what its surroundings repeat of it."""

    type: str
    cursor: str
    raw: msgspec.Raw

    @classmethod
    def of(cls, event: EventObject) -> "Shown":
        """Encode it. Raises OverflowError, UnicodeError or RecursionError for what no JSON can hold."""
        return cls(event.type, event.cursor, msgspec.Raw(_encoder.encode(event)))


@dataclass(slots=True)
class Item:
    """An entry of the log or, if `is_note`, of the feed; `position` is how far one is after it."""

    entry: Entry
    named: JobSubject
    is_note: bool
    position: Position
    texts: dict[str, Text] = field(default_factory=dict)
    _shown: Shown | None = None
    _is_poison: bool = False

    @property
    def is_terminal(self) -> bool:
        """Whether nothing of this job follows, by its subject."""
        return not self.is_note and self.named.kind in LAST_KINDS

    @property
    def is_output(self) -> bool:
        """Whether it is a piece of a job's output."""
        return self.is_note and self.named.kind == "output"

    @property
    def mark(self) -> FeedMark:
        """A note's own place in the feed."""
        return feed_mark(self.entry.stored_at, self.entry.sequence)

    def is_covered_by(self, position: Position) -> bool:
        """Whether someone who is at `position` has seen it."""
        if self.is_note:
            return position.feed.covers(self.mark)
        return self.entry.sequence <= position.log

    def shown(self) -> Shown | None:
        """What every client sees of it; None for poison, which is counted once."""
        if self._shown is None and not self._is_poison:
            try:
                seq = None if self.is_note else self.entry.sequence
                self._shown = Shown.of(_event(self.entry, self.position, seq))
            except (UndecodableError, OverflowError, UnicodeError, RecursionError) as error:
                self._is_poison = True
                count_poison(self.entry, error)
        return self._shown

    def moved_to(self, position: Position) -> "Item":
        """The same entry for someone who has seen more than this item says."""
        return Item(self.entry, self.named, self.is_note, position)


def _event(entry: Entry, position: Position, seq: int | None) -> EventObject:
    return event_object(entry.payload, cursor=str(position), stored_at=entry.stored_at, seq=seq)


def count_poison(entry: Entry, error: Exception) -> None:
    """Only the kind of error is logged: its text may quote a user's program."""
    metrics.POISON.labels(reader=READER).inc()
    logger.warning("poison_skipped", subject=entry.subject, sequence=entry.sequence, why=type(error).__name__)


def named_by(entry: Entry) -> JobSubject | None:
    """Whose entry it is; None, and counted, for a subject that is not ours."""
    try:
        return parse(entry.subject)
    except SubjectError as error:
        count_poison(entry, error)
        return None


def feed_end(entry: Entry) -> int:
    """The last feed sequence of the attempt that a terminal event ended; 0 where it says none."""
    try:
        return _feed_end_decoder.decode(entry.payload).feed_sequence
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return 0
