"""Planted in answers."""

from dataclasses import replace

import msgspec

from tests.faults.history import History
from tests.faults.planted.places import LATER, events_of, not_stopped
from tests.faults.rules.story import story_of
from tests.faults.sound import answered


def forgotten(history: History) -> History:
    """404 for an accepted job."""
    return _more_calls(history, status=404, sequence=None, record=None, etag=None)


def broken(history: History) -> History:
    """The service fails."""
    return _more_calls(history, status=500, sequence=None, record=None, etag=None)


def not_the_fold(history: History) -> History:
    """An answer that the log does not make."""
    return _more_calls(history, record="0" * 20)


def not_of_the_log(history: History) -> History:
    """An answer of an event that the log does not have."""
    return _more_calls(history, sequence=10_000, etag='"10000"')


def another_tag(history: History) -> History:
    """An entity tag that is not that of its answer."""
    return _more_calls(history, etag='"1000"')


def read_backwards(history: History) -> History:
    """An answer that is older than what its client knew."""
    event = events_of(history)[0]
    story = story_of(history.log)
    call = answered(story, event.job_id, 1, history.log[-1].stored_at + LATER)
    return replace(history, calls=(*history.calls, call))


def cancel_without_trace(history: History) -> History:
    """An acknowledged cancel that the log does not have."""
    job = not_stopped(history)
    return _more_calls(history, job=job, asked="cancel", status=202, etag=None)


def cancel_refused(history: History) -> History:
    """A cancel that was too late while the job went on."""
    at = history.log[0].stored_at
    return _more_calls(
        history,
        asked="cancel",
        status=409,
        sequence=None,
        record=None,
        etag=None,
        asked_at=at,
        answered_at=at,
    )


def _more_calls(history: History, *, job: str | None = None, **changes: object) -> History:
    """One more request, good but for the changes, after all was over."""
    story = story_of(history.log)
    job_id = job or story.facts[0].event.job_id
    newest = story.of_job[job_id][-1].sequence
    call = answered(story, job_id, newest, history.log[-1].stored_at + LATER)
    return replace(history, calls=(*history.calls, msgspec.structs.replace(call, **changes)))
