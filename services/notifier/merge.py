"""Lays log and feed together by the time they were stored, a terminal event after its attempt's output.

Output that was stored even later than that is left out, as it is where events come live.
"""

from collections.abc import AsyncIterator
from datetime import timedelta

from services.notifier.ended import Ended
from services.notifier.item import LAST_KINDS, feed_end
from shared.log import Entry

SKEW = timedelta(seconds=1)
"""How far the clocks of two stream leaders may be apart before output could follow its terminal event."""


async def merge(log: AsyncIterator[Entry], feed: AsyncIterator[Entry]) -> AsyncIterator[tuple[Entry, bool]]:
    """Both by the time they were stored, but a terminal event after its attempt's output; True for notes."""
    ended = Ended()
    event, note = await anext(log, None), await anext(feed, None)
    while event is not None or note is not None:
        if note is not None and (event is None or _goes_first(note, event)):
            if _job_of(note) not in ended:
                yield note, True
            note = await anext(feed, None)
        elif event is not None:
            if has_ended(event):
                ended.add(_job_of(event))
            else:
                ended.discard(_job_of(event))
            yield event, False
            event = await anext(log, None)


def _job_of(entry: Entry) -> str:
    """By its subject alone: whoever shows the entry reads it properly."""
    return ".".join(entry.subject.split(".")[1:3])


def _goes_first(note: Entry, event: Entry) -> bool:
    if note.stored_at <= event.stored_at:
        return True
    return note.stored_at <= event.stored_at + SKEW and has_ended(event) and note.sequence <= feed_end(event)


def has_ended(entry: Entry | None) -> bool:
    """Whether this is the last event of its job, by its subject."""
    return entry is not None and entry.subject.rpartition(".")[2] in LAST_KINDS
