"""Knows the last entry of each user in log and feed, from what the followers gave to this process. Pure.

The server can be asked for the last message of a filter, but the answer costs more with each job of the user.
A user's last entry is known here as soon as one of the user's entries has arrived. Of any other user it is
known that nothing came after the horizon, where the followers began. The rest is asked once, and learned.
"""

from typing import TypeVar

from services.notifier.events.position import FeedMark, Position, feed_mark
from shared.contract.subjects import QUEUED_KIND, escape
from shared.jetstream.stored_message import Entry

USERS_MAX = 20_000
"""Users whose last entries are kept. Of the others, those that came longest ago, the server is asked."""

T = TypeVar("T")


class KnownEnds:
    """The last entries of log and feed, by the user's token of the subject."""

    def __init__(self, begin: Position, *, users_max: int = USERS_MAX) -> None:
        """`begin` is where the followers begin: every later entry is taken."""
        self.log_sequence = begin.log
        self.feed_sequence = begin.feed.sequence or 0
        self.is_feed_interrupted = False
        self._log_horizon = begin.log
        self._feed_horizon = begin.feed
        self._users_max = users_max
        self._log: dict[str, int] = {}
        self._feed: dict[str, FeedMark] = {}
        self._newest_jobs: dict[str, str] = {}

    def take_log(self, entry: Entry) -> None:
        """An entry of the log has arrived."""
        if entry.sequence < self.log_sequence:
            # The log is another one: it was made again.
            self._log.clear()
            self._newest_jobs.clear()
            self._log_horizon = entry.sequence
        self.log_sequence = entry.sequence
        _, user, job_id, kind = entry.subject.split(".", 3)
        self._put_log(user, entry.sequence)
        if kind == QUEUED_KIND:
            _put(self._newest_jobs, user, job_id, self._users_max)

    def take_feed(self, entry: Entry) -> None:
        """A note of the feed has arrived."""
        mark = feed_mark(entry.stored_at, entry.sequence)
        if entry.sequence < self.feed_sequence:
            # The feed uses sequences again: some of what was known is gone, and some may still be there.
            self._feed.clear()
            self._feed_horizon = mark
        self.feed_sequence = entry.sequence
        self.is_feed_interrupted = False
        _, user, _ = entry.subject.split(".", 2)
        self._put_feed(user, mark)

    def interrupt_feed(self) -> None:
        """No notes are given for now, and the feed may use sequences again: `feed_sequence` says nothing."""
        self.is_feed_interrupted = True

    def resume_feed(self, sequence: int) -> None:
        """The notes after this one will be given; after 0, sequences are new from the next note on."""
        self.is_feed_interrupted = sequence == 0

    def log_end(self, user_id: str, after: int) -> int | None:
        """The last sequence of a user; 0 if the user has none after `after`; None if that is not known."""
        end = self._log.get(escape(user_id))
        return 0 if end is None and after >= self._log_horizon else end

    def feed_end(self, user_id: str, after: FeedMark) -> FeedMark | None:
        """The last note of a user; the beginning if the user has none after `after`; None if not known."""
        end = self._feed.get(escape(user_id))
        return FeedMark() if end is None and after.covers(self._feed_horizon) else end

    def newest_job(self, user_id: str) -> str | None:
        """The id of the job that the user submitted last; None if that is not known."""
        return self._newest_jobs.get(escape(user_id))

    def learn_log_end(self, user_id: str, end: int) -> int:
        """Keep what the log's leader says of a user, 0 for no event. Returns the later of both."""
        user = escape(user_id)
        end = max(end, self._log.get(user, 0))
        self._put_log(user, end)
        return end

    def learn_feed_end(self, user_id: str, end: FeedMark) -> FeedMark:
        """Keep what the feed's leader says of a user. Returns the later of both."""
        user = escape(user_id)
        end = self._feed.get(user, end).later(end)
        self._put_feed(user, end)
        return end

    def _put_log(self, user: str, end: int) -> None:
        forgotten = _put(self._log, user, end, self._users_max)
        if forgotten is not None:
            self._log_horizon = max(self._log_horizon, forgotten)

    def _put_feed(self, user: str, end: FeedMark) -> None:
        forgotten = _put(self._feed, user, end, self._users_max)
        if forgotten is not None:
            horizon = self._feed_horizon
            self._feed_horizon = FeedMark(
                max(horizon.stored_us, forgotten.stored_us),
                max(horizon.sequence or 0, forgotten.sequence or 0),
            )


def _put(kept: dict[str, T], user: str, value: T, users_max: int) -> T | None:
    """Put the user behind all others. Returns the value of the first one, if there were too many."""
    kept.pop(user, None)
    kept[user] = value
    return kept.pop(next(iter(kept))) if len(kept) > users_max else None
