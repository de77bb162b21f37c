"""Stored messages that no version can decode: counted once, logged, and shown to nobody."""

from services.notifier.events.item import UNSHOWABLE, EncodedEvent, Item
from shared.contract.subjects import JobSubject, SubjectError, parse
from shared.jetstream.stored_message import Entry
from shared.observability import metrics
from shared.observability.logs import get_logger

logger = get_logger(__name__)

READER = "notifier"


def event_of(item: Item) -> EncodedEvent | None:
    """What every client sees of an item, encoded once; None for poison."""
    if item.is_poison:
        return None
    try:
        return item.encode()
    except UNSHOWABLE as error:
        item.is_poison = True
        count_poison(item.entry, error)
        return None


def parse_subject(entry: Entry) -> JobSubject | None:
    """The user, job and kind of an entry; None, and counted, for a subject that is not one of ours."""
    try:
        return parse(entry.subject)
    except SubjectError as error:
        count_poison(entry, error)
        return None


def count_poison(entry: Entry, error: Exception) -> None:
    """Only the kind of error is logged: its text may quote a user's program."""
    metrics.POISON.labels(reader=READER).inc()
    logger.warning("poison_skipped", subject=entry.subject, sequence=entry.sequence, why=type(error).__name__)
