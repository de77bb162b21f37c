"""Reads what a job's record does not have: the request that submitted it, and the notes of its progress."""

import msgspec

from services.notifier.events.poison import count_poison
from services.notifier.events.position import FeedMark, feed_mark
from services.notifier.events.stored_events import History
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
        """The job's notes of progress that the feed still has, in their order. Raises BrokerError."""
        subject = feed_note(user_id, job_id, "progress")
        notes: list[Note] = []
        async with self._history.place(user_id):
            last = await self._history.end_of(FEED, subject)
            if last is None:
                return []
            end = feed_mark(last.stored_at, last.sequence)
            async for entry in self._history.feed_entries(subject, after=FeedMark(), end=end):
                try:
                    notes.append(_note_decoder.decode(entry.payload))
                except UNREADABLE as error:
                    count_poison(entry, error)
        return notes
