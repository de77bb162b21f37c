"""Reads what a job's record does not have: the request that submitted it, and the notes of its progress.

A running job's notes are in the feed, but for those with which its attempts begin: the log tells these.
"""

from collections.abc import AsyncIterator

import msgspec

from services.notifier.events.poison import count_poison
from services.notifier.events.position import FeedMark, feed_mark
from services.notifier.events.stored_events import History
from services.notifier.events.told_notes import told_notes
from services.notifier.transports.dialects.progress.progression import Note
from shared.contract.subjects import FEED, JOBS, QUEUED_KIND, feed_note, job_event


class _Submission(msgspec.Struct):
    request_id: str


_submission_decoder = msgspec.json.Decoder(_Submission)
_note_decoder = msgspec.json.Decoder(Note)
UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)


class StoredJobs:
    """Reads for all sockets of the dialect in this process."""

    def __init__(self, history: History) -> None:
        """Read from this history."""
        self._history = history

    async def request_id(self, user_id: str, job_id: str) -> str | None:
        """The id of the request that submitted the job; None if there is no such job. Raises BrokerError."""
        subject = job_event(user_id, job_id, QUEUED_KIND)
        async with self._history.place(user_id):
            last = await self._history.end_of(JOBS, subject)
            if last is None:
                return None
            async for entry in self._history.log_entries(subject, after=0, end=last.sequence):
                try:
                    return _submission_decoder.decode(entry.payload).request_id
                except UNREADABLE as error:
                    count_poison(entry, error)
        return None

    async def notes(self, user_id: str, job_id: str) -> list[Note]:
        """The notes of progress of a job that runs, as far as they are kept, in order. Raises BrokerError."""
        async with self._history.place(user_id):
            begun = [note async for note in self._begun(job_event(user_id, job_id, "running"))]
            told = [note async for note in self._told(feed_note(user_id, job_id, "progress"))]
        return sorted([*begun, *told], key=lambda note: note.attempt)

    async def _begun(self, subject: str) -> AsyncIterator[Note]:
        last = await self._history.end_of(JOBS, subject)
        if last is None:
            return
        async for entry in self._history.log_entries(subject, after=0, end=last.sequence):
            _, notes = told_notes(entry)
            for note in notes:
                yield _note_decoder.decode(note.payload)

    async def _told(self, subject: str) -> AsyncIterator[Note]:
        last = await self._history.end_of(FEED, subject)
        if last is None:
            return
        end = feed_mark(last.stored_at, last.sequence)
        async for entry in self._history.feed_entries(subject, after=FeedMark(), end=end):
            try:
                yield _note_decoder.decode(entry.payload)
            except UNREADABLE as error:
                count_poison(entry, error)
