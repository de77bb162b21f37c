"""One stored message on its way to clients: decoded once, and encoded once for all who get the same. Pure."""

from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from services.notifier.events.position import FeedMark, Place, Position, feed_mark
from services.notifier.events.told_notes import told_notes
from shared.contract.codec import EventObject, UndecodableError, event_object
from shared.contract.subjects import EXPIRED_KIND, TERMINAL_KINDS, JobSubject, parse
from shared.jetstream.stored_message import Entry

LAST_KINDS = frozenset({*TERMINAL_KINDS, EXPIRED_KIND})
"""After these a client is told nothing more of a job: it has ended, or has left but for its tombstone."""

UNSHOWABLE = (UndecodableError, OverflowError, UnicodeError, RecursionError)
"""What `Item.encode` raises for a message that cannot be shown."""


class _FeedEnd(msgspec.Struct):
    feed_sequence: int = 0


_feed_end_decoder = msgspec.json.Decoder(_FeedEnd)
_event_decoder = msgspec.json.Decoder(EventObject)
_encoder = msgspec.json.Encoder()


FRAMED_BYTES_MAX = 16 * 1024
"""Up to this size a text is kept with its frame too. For a larger one the copy costs more than it saves."""


@dataclass(slots=True, eq=False)
class Text:
    """What is sent at once, in UTF-8. `output` is the piece of output that it shows, if that may be joined.

    Only bulk, which is events and whole jobs, is refused where there is no room. `holders` is the number of
    queues that hold this text. `frame` is the text as its transport puts it on the wire, header included; the
    transport makes it for the first client and keeps it here for the others. It does so for small texts only.
    """

    payload: bytes
    output: "Output | None" = None
    is_bulk: bool = False
    holders: int = 0
    frame: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes to send."""
        return len(self.payload)

    @property
    def held_bytes(self) -> int:
        """Bytes of memory that a queue keeps alive with it, its frame included even if it is not made yet."""
        framed = len(self.payload) if len(self.payload) <= FRAMED_BYTES_MAX else 0
        return len(self.payload) + framed + (0 if self.output is None else len(self.output.entry.payload))


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
class EncodedEvent:
    """An event as JSON, with what its surroundings repeat of it."""

    type: str
    cursor: str
    raw: msgspec.Raw

    @classmethod
    def of(cls, event: EventObject) -> "EncodedEvent":
        """Encode it. Raises OverflowError, UnicodeError or RecursionError for what no JSON can hold."""
        return cls(event.type, event.cursor, msgspec.Raw(_encoder.encode(event)))

    def decode(self) -> EventObject:
        """The event object, for an encoding that writes only some of it."""
        return _event_decoder.decode(self.raw)


@dataclass(slots=True)
class Item:
    """An event of the log or, if `is_note`, a note; `position` is how far one is after it.

    `place` is where it stands in the log, as a part of an entry (`log_items`); a note of the feed has none.
    `texts` has the text of each encoding and subscription id that it was encoded for.
    """

    entry: Entry
    named: JobSubject
    is_note: bool
    position: Position
    place: Place | None = None
    texts: dict["TextKey", Text] = field(default_factory=dict)
    is_poison: bool = False
    _encoded: EncodedEvent | None = None

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
        if self.is_note and self.place is None:
            return position.feed.covers(self.mark)
        return (self.place or (self.entry.sequence, 0)) <= position.place

    def encode(self) -> EncodedEvent:
        """What every client sees of it, encoded once. Raises one of UNSHOWABLE."""
        if self._encoded is None:
            seq = None if self.is_note else self.entry.sequence
            self._encoded = EncodedEvent.of(_event(self.entry, self.position, seq))
        return self._encoded

    def moved_to(self, position: Position) -> "Item":
        """The same entry for someone who has seen more than this item says."""
        return Item(self.entry, self.named, self.is_note, position, self.place)


def log_items(entry: Entry, named: JobSubject, feed: FeedMark) -> list[Item]:
    """What is shown of an entry of the log, by a subscription that has shown the feed up to `feed`."""
    before, after = told_notes(entry)
    parts = [*before, entry, *after]
    items = []
    for number, part in enumerate(parts, start=1):
        is_last = number == len(parts)
        position = Position(entry.sequence, feed) if is_last else Position(entry.sequence - 1, feed, number)
        is_note = part is not entry
        items.append(Item(part, parse(part.subject) if is_note else named, is_note, position, position.place))
    return items


TextKey: TypeAlias = tuple[object, str]
"""An encoding, and the id of a subscription."""


def _event(entry: Entry, position: Position, seq: int | None) -> EventObject:
    return event_object(entry.payload, cursor=str(position), stored_at=entry.stored_at, seq=seq)


def feed_end(entry: Entry) -> int:
    """The last feed sequence of the attempt that a terminal event ended; 0 where it says none."""
    try:
        return _feed_end_decoder.decode(entry.payload).feed_sequence
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return 0
