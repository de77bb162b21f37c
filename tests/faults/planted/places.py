"""Where in a history a fault can be planted, and the rest of it made anew."""

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TypeAlias, TypeVar

import msgspec

from shared.contract.codec import decode_event
from shared.domain.events import Event, JobCancelled, JobCancelRequested, JobQueued
from shared.domain.record import JobRecord
from tests.faults.history import History, Row, Stored
from tests.faults.sound import history_of
from tests.faults.sound_log import stored_at

LATER = timedelta(hours=1)
STOPS = JobCancelled | JobCancelRequested

Plant: TypeAlias = Callable[[History], History]
One = TypeVar("One")
LineT = TypeVar("LineT", bound=msgspec.Struct)


class NoPlaceError(Exception):
    """This history has nothing that could be spoiled in this way."""


def first(found: Iterator[One]) -> One:
    """The first of some places. Raises NoPlaceError."""
    for one in found:
        return one
    raise NoPlaceError


def events_of(history: History) -> list[Event]:
    """The log, decoded."""
    return [decode_event(stored.subject, bytes(stored.event)) for stored in history.log]


def seen_of(events: Sequence[Event]) -> History:
    """What everybody would have seen of another log."""
    log: list[Stored] = [stored_at(sequence, event) for sequence, event in enumerate(events, 1)]
    return history_of(log, random.Random(1))  # noqa: S311 - a test's dice


def not_stopped(history: History) -> str:
    """A job that nobody wanted to cancel. Raises NoPlaceError."""
    stopped = {event.job_id for event in events_of(history) if isinstance(event, STOPS)}
    return first(
        event.job_id
        for event in events_of(history)
        if isinstance(event, JobQueued) and event.job_id not in stopped
    )


def changed(lines: Sequence[LineT], which: Callable[[LineT], bool], **changes: object) -> tuple[LineT, ...]:
    """With one line changed, the first that fits. Raises NoPlaceError."""
    at = first(at for at, line in enumerate(lines) if which(line))
    return (*lines[:at], msgspec.structs.replace(lines[at], **changes), *lines[at + 1 :])


def record_of(row: Row) -> JobRecord:
    """What a row holds."""
    return msgspec.json.decode(row.record, type=JobRecord)
