"""Planted in what subscribers were shown."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import msgspec

from tests.faults.history import History, Missed, Shown
from tests.faults.planted.places import Plant, changed, first
from tests.faults.rules.story import story_of


def of_the_log(shown: Shown) -> bool:
    """Not a note."""
    return shown.seq is not None


def not_shown(history: History) -> History:
    """An event that one subscriber was not shown."""
    gone = first(one for one in history.shown if of_the_log(one))
    return replace(history, shown=tuple(one for one in history.shown if one is not gone))


def shown_twice(which: Callable[[Shown], bool]) -> Plant:
    """The same again."""

    def plant(history: History) -> History:
        at = first(at for at, one in enumerate(history.shown) if which(one))
        return replace(history, shown=(*history.shown[: at + 1], *history.shown[at:]))

    return plant


def shown_in_another_order(history: History) -> History:
    """Two events that came next to each other, the other way round."""
    shown = list(history.shown)
    at = first(
        at
        for at, (one, other) in enumerate(pairwise(shown))
        if one.subscriber == other.subscriber and of_the_log(one) and of_the_log(other)
    )
    shown[at], shown[at + 1] = shown[at + 1], shown[at]
    return replace(history, shown=tuple(shown))


def of_somebody_else(history: History) -> History:
    """An event of another user."""
    one = history.shown[0]
    other = first(each for each in history.shown if each.user != one.user and of_the_log(each))
    slipped = msgspec.structs.replace(other, subscriber=one.subscriber, user=one.user)
    return replace(history, shown=(*history.shown, slipped))


def altered(history: History) -> History:
    """Not as it is stored."""
    return replace(history, shown=changed(history.shown, of_the_log, digest="0" * 20))


def after_the_end(history: History) -> History:
    """Output of a job that has ended."""
    note = _newest_note(history)
    return replace(history, shown=(*history.shown, note))


def older_attempt_after_the_end(history: History) -> History:
    """What an executor tells that was believed dead: no fault."""
    note = _newest_note(history)
    return replace(history, shown=(*history.shown, msgspec.structs.replace(note, attempt=0)))


def _newest_note(history: History) -> Shown:
    """Another note of the attempt that ended its job."""
    ends = {fact.event.job_id: fact.event for fact in story_of(history.log).facts if fact.is_terminal}
    note = first(
        one
        for one in history.shown
        if one.type == "job.progress.v1" and one.attempt == getattr(ends[one.job_id], "attempt", None)
    )
    return msgspec.structs.replace(note, digest="another")


def told_of_a_gap(history: History) -> History:
    """The log was passed over."""
    one = history.connections[0]
    missed = Missed(subscriber=one.subscriber, connection=0, at=one.closed_at, reason="log_purged")
    return replace(history, missed=(missed,))
