"""Planted in submissions and what is stored of them."""

from dataclasses import replace

import msgspec

from shared.domain.events import JobQueued
from tests.faults.history import Call, History
from tests.faults.planted.places import changed, events_of, first, not_stopped, record_of, seen_of
from tests.faults.rules.story import KEY_LABEL


def accepted_and_lost(history: History) -> History:
    """The log does not have a job that its client was told is accepted."""
    lost = not_stopped(history)
    kept = [at for at, event in enumerate(events_of(history)) if event.job_id != lost]
    return replace(
        history,
        log=tuple(history.log[at] for at in kept),
        shown=tuple(one for one in history.shown if one.job_id != lost),
        rows=tuple(row for row in history.rows if record_of(row).job_id != lost),
        views=tuple(
            msgspec.structs.replace(view, checkpoint=history.log[kept[-1]].sequence) for view in history.views
        ),
    )


def nobody_asked(history: History) -> History:
    """A job of the log that no client submitted."""
    key = history.calls[0].key
    return replace(history, calls=tuple(call for call in history.calls if call.key != key))


def two_jobs_of_one_key(history: History) -> History:
    """The same key asked again is answered with another job."""
    one, other = _two_submits(history)
    return _answered_like(history, [_the_repeat_of(history, one)], other)


def one_job_of_two_keys(history: History) -> History:
    """Another key is answered with the same job."""
    one, other = _two_submits(history)
    return _answered_like(history, [other, _the_repeat_of(history, other)], one)


def stored_twice(history: History) -> History:
    """A request that was never answered was stored under a key that is another job's."""
    one, other = _two_submits(history)
    events = [
        msgspec.structs.replace(event, labels={KEY_LABEL: one.key or ""})
        if isinstance(event, JobQueued) and event.job_id == other.job_id
        else event
        for event in events_of(history)
    ]
    made = seen_of(events)
    return replace(
        made,
        calls=tuple(call for call in made.calls if call.asked != "submit" or call.job_id != other.job_id),
    )


def silent_replay(history: History) -> History:
    """An answer from before does not say that it is one."""
    return replace(history, calls=changed(history.calls, lambda call: call.is_replay, is_replay=False))


def _two_submits(history: History) -> tuple[Call, Call]:
    submits = [
        call for call in history.calls if call.asked == "submit" and call.status and not call.is_replay
    ]
    one = submits[0]
    return one, first(call for call in submits[1:] if call.user == one.user)


def _the_repeat_of(history: History, one: Call) -> Call:
    return first(call for call in history.calls if call.is_replay and call.key == one.key)


def _answered_like(history: History, those: list[Call], other: Call) -> History:
    """With other answers, given when they are true."""
    calls = tuple(
        msgspec.structs.replace(
            call,
            job_id=other.job_id,
            sequence=other.sequence,
            record=other.record,
            asked_at=other.asked_at,
            answered_at=other.answered_at,
        )
        if call in those
        else call
        for call in history.calls
    )
    return replace(history, calls=_without_reads(calls))


def _without_reads(calls: tuple[Call, ...]) -> tuple[Call, ...]:
    """Answers that come later than those of others make them look old: leave only submissions."""
    return tuple(call for call in calls if call.asked == "submit")
