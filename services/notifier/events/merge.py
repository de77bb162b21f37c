"""Lays log and feed together by the time they were stored, a terminal event after its attempt's output.

Output that was stored even later than that is left out, as it is where events come live. It may be of a job
that ended before the history that is shown begins: of such a job the log is asked.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from datetime import timedelta

from services.notifier.events.item import LAST_KINDS, feed_end
from services.notifier.events.recent_jobs import RecentJobs
from shared.jetstream.stored_message import Entry

SKEW = timedelta(seconds=1)
"""How far the clocks of two stream leaders may be apart before output could follow its terminal event."""

HadEnded = Callable[[Entry], Awaitable[bool]]
"""Whether a note's job had ended before the history that is shown."""


async def merge(
    log: AsyncIterator[Entry], feed: AsyncIterator[Entry], had_ended: HadEnded
) -> AsyncGenerator[tuple[Entry, bool], None]:
    """Both by the time they were stored, but a terminal event after its attempt's output; True for notes."""
    jobs = _Jobs(had_ended)
    event, note = await anext(log, None), await anext(feed, None)
    while event is not None or note is not None:
        if note is not None and (event is None or _goes_first(note, event)):
            if not await jobs.is_too_late(note):
                yield note, True
            note = await anext(feed, None)
        elif event is not None:
            jobs.see(event)
            yield event, False
            event = await anext(log, None)


class _Jobs:
    """Which have ended so far, and which have not."""

    def __init__(self, had_ended: HadEnded) -> None:
        self._had_ended = had_ended
        self._ended = RecentJobs()
        self._unfinished = RecentJobs()

    def see(self, event: Entry) -> None:
        self._put(_job_of(event), has_ended=has_ended(event))

    async def is_too_late(self, note: Entry) -> bool:
        job = _job_of(note)
        if job not in self._ended and job not in self._unfinished:
            self._put(job, has_ended=await self._had_ended(note))
        return job in self._ended

    def _put(self, job: str, *, has_ended: bool) -> None:
        now, before = (self._ended, self._unfinished) if has_ended else (self._unfinished, self._ended)
        before.discard(job)
        now.add(job)


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
