"""Planted in the log itself."""

from collections.abc import Iterator, Sequence

import msgspec

from shared.domain.events import Event, JobQueued, JobRunning, Terminal
from tests import builders
from tests.faults.history import History
from tests.faults.planted.places import events_of, first, seen_of
from tests.faults.rules.story import TERMINAL


def begun_before_queued(history: History) -> History:
    """`running` comes before `queued`."""
    events = events_of(history)
    begun = first(at for at, event in enumerate(events) if isinstance(event, JobRunning))
    queued = [event.job_id for event in events].index(events[begun].job_id)
    events[queued], events[begun] = events[begun], events[queued]
    return seen_of(events)


def queued_again(history: History) -> History:
    """A job is accepted twice."""
    events = events_of(history)
    return seen_of([*events[:1], events[0], *events[1:]])


def second_attempt_first(history: History) -> History:
    """Attempts are counted from 2."""
    events = events_of(history)
    job = first(event.job_id for event in events if isinstance(event, JobRunning))
    return seen_of([_later_attempt(event) if event.job_id == job else event for event in events])


def _later_attempt(event: Event) -> Event:
    attempt = getattr(event, "attempt", None)
    return event if attempt is None else msgspec.structs.replace(event, attempt=attempt + 1)


def older_attempt_counts(history: History) -> History:
    """The result of attempt 1 ends a job whose attempt 2 had begun."""
    events = events_of(history)
    ended = first(event for event in _ends(events) if (event.attempt or 0) > 1)
    events[events.index(ended)] = msgspec.structs.replace(ended, attempt=1)
    return seen_of(events)


def _ends(events: Sequence[Event]) -> list[Terminal]:
    return [event for event in events if isinstance(event, TERMINAL)]


def ends_again(history: History) -> History:
    """A second terminal event."""
    events = events_of(history)
    ended = first(iter(_ends(events)))
    return seen_of([*events, ended])


def goes_on_after_end(history: History) -> History:
    """An event after the end."""
    events = events_of(history)
    ended = first(event for event in _ends(events) if event.attempt == 1)
    return seen_of([*events, builders.cancel_requested(ended.job_id, ended.user_id)])


def never_ends(history: History) -> History:
    """The last terminal event is missing."""
    return seen_of(events_of(history)[:-1])


def overtaken(history: History) -> History:
    """Of two jobs that wait in one lane, the later one is run first."""
    events = events_of(history)
    one, other = first(_neighbours(events))
    swapped = {one: other, other: one}
    return seen_of(
        [
            event
            if isinstance(event, JobQueued)
            else msgspec.structs.replace(event, job_id=swapped.get(event.job_id, event.job_id))
            for event in events
        ]
    )


def side_by_side(history: History) -> History:
    """Of two jobs that wait in one lane, the later one begins just after the earlier one."""
    events = events_of(history)
    one, other = first(_neighbours(events))
    second = first(e for e in events if isinstance(e, JobRunning) and e.job_id == other)
    events.remove(second)
    begun = first(at for at, e in enumerate(events) if isinstance(e, JobRunning) and e.job_id == one)
    return seen_of([*events[: begun + 1], second, *events[begun + 1 :]])


def _neighbours(events: Sequence[Event]) -> Iterator[tuple[str, str]]:
    """Jobs of a lane of one at a time that were both queued before the first of them began."""
    places = {event.job_id: at for at, event in enumerate(events) if isinstance(event, JobQueued)}
    begun: dict[str, JobRunning] = {}
    for at, event in enumerate(events):
        if not isinstance(event, JobRunning) or event.attempt > 1:
            continue
        queued = events[places[event.job_id]]
        if not isinstance(queued, JobQueued) or queued.concurrency > 1:
            continue
        before = begun.get(event.user_id)
        if before is not None and places[event.job_id] < events.index(before) < at:
            yield before.job_id, event.job_id
        begun[event.user_id] = event
