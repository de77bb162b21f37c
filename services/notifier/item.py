"""One stored message on its way to clients, encoded at most once per subscription id.

A message that no version can decode is counted and shown to nobody.
"""

from dataclasses import dataclass, field

import msgspec

from services.notifier.cursor import FeedMark, Position, feed_mark
from services.notifier.messages import EventShown, encode_message
from shared import metrics
from shared.codec import UndecodableError, event_object
from shared.log import Entry
from shared.logs import get_logger
from shared.subjects import JobSubject, SubjectError, parse

logger = get_logger(__name__)

READER = "notifier"
TERMINAL_KINDS = frozenset({"completed", "failed", "timeout", "cancelled"})


class _FeedEnd(msgspec.Struct):
    feed_sequence: int = 0


_feed_end_decoder = msgspec.json.Decoder(_FeedEnd)
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Text:
    """A text frame and its length in bytes."""

    text: str
    size: int


@dataclass(slots=True)
class Item:
    """An entry of the log or, if `is_note`, of the feed; `position` is how far one is after it."""

    entry: Entry
    named: JobSubject
    is_note: bool
    position: Position
    _texts: dict[str, Text] = field(default_factory=dict)
    _event: msgspec.Raw | None = None
    _is_poison: bool = False

    @property
    def is_terminal(self) -> bool:
        """Whether nothing of this job follows, by its subject."""
        return not self.is_note and self.named.kind in TERMINAL_KINDS

    @property
    def mark(self) -> FeedMark:
        """A note's own place in the feed."""
        return feed_mark(self.entry.stored_at, self.entry.sequence)

    def is_covered_by(self, position: Position) -> bool:
        """Whether someone who is at `position` has seen it."""
        if self.is_note:
            return position.feed.covers(self.mark)
        return self.entry.sequence <= position.log

    def text(self, subscription_id: str) -> Text | None:
        """The event message for one subscription; None for poison."""
        found = self._texts.get(subscription_id)
        if found is None and not self._is_poison:
            found = self._encode(subscription_id)
        return found

    def moved_to(self, position: Position) -> "Item":
        """The same entry for someone who has seen more than this item says."""
        return Item(self.entry, self.named, self.is_note, position)

    def _encode(self, subscription_id: str) -> Text | None:
        try:
            event = self._event = self._event or self._encode_event()
        except (UndecodableError, OverflowError, UnicodeError, RecursionError) as error:
            self._is_poison = True
            count_poison(self.entry, error)
            return None
        payload = encode_message(EventShown(id=subscription_id, event=event))
        text = self._texts[subscription_id] = Text(payload.decode(), len(payload))
        return text

    def _encode_event(self) -> msgspec.Raw:
        shown = event_object(
            self.entry.payload,
            cursor=str(self.position),
            stored_at=self.entry.stored_at,
            seq=None if self.is_note else self.entry.sequence,
        )
        return msgspec.Raw(_encoder.encode(shown))


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
