"""Finds where a subscription's history ends: the last entry of its filter in log and feed.

For all jobs of a user the answer comes from what this process was given, so that it costs the same with any
number of them; the server is asked for what is not known, once for all subscriptions that need it. For one
job the leaders are asked, because a job may be followed as soon as its submission was answered.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

from services.notifier.events.extent import Extent, Extents
from services.notifier.events.known_ends import KnownEnds
from services.notifier.events.position import FeedMark, Position, feed_mark
from services.notifier.events.stored_events import History
from shared.contract.subjects import FEED, JOBS, feed_notes, job_events, user_events, user_notes
from shared.jetstream.stored_message import Entry

ARRIVAL_MAX_S = 0.5
"""How long what a leader has may take to arrive here, before the leader is asked for the end instead."""

WaitFor = Callable[[int], Awaitable[None]]
"""Returns when a stream's follower has handled this sequence."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Everything of the filter that was stored when they were asked for is up to `position`, or comes live.

    `last` is the last event, of one job. `extents` were asked after the log's end was found, of all jobs.
    """

    position: Position
    last: Entry | None = None
    extents: Extents | None = None


class EndFinder:
    """Finds the ends for every subscription of this process."""

    def __init__(
        self, history: History, known: KnownEnds, *, wait_for_log: WaitFor, wait_for_feed: WaitFor
    ) -> None:
        """`known` is given every entry before it can be shown live."""
        self._history = history
        self._known = known
        self._wait_for_log = wait_for_log
        self._wait_for_feed = wait_for_feed
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def of_job(self, user_id: str, job_id: str) -> Ends:
        """Of one job. Raises BrokerError.

        The feed is asked second, so it has all output of every terminal event up to the log's end.
        """
        last = await self._history.end_of(JOBS, job_events(user_id, job_id))
        note = await self._history.end_of(FEED, feed_notes(user_id, job_id))
        position = Position(0 if last is None else last.sequence, _mark_of(note))
        return Ends(position, last)

    async def of_user(self, user_id: str, after: Position) -> Ends:
        """Of all jobs of a user, for a client that has seen everything up to `after`. Raises BrokerError.

        What of the user was given to the hub before this call is up to the ends.
        """
        log = self._known.log_end(user_id, after.log)
        if log is None:
            log = await self._learn_log_end(user_id, after.log)
        before = self._feed_given()
        extents = await self._history.extents()
        # Without a terminal event that is shown from the log, no output must precede one.
        is_settled = log <= after.log or await self._has_arrived(
            extents.feed, before, self._feed_given(), self._wait_for_feed
        )
        feed = self._known.feed_end(user_id, after.feed) if is_settled else None
        if feed is None:
            feed = await self._learn_feed_end(user_id, after.feed, is_settled=is_settled)
        is_gone = (feed.sequence or 0) < extents.feed.first_sequence
        return Ends(Position(log, FeedMark() if is_gone else feed), extents=extents)

    async def newest_job(self, user_id: str) -> str | None:
        """The id of the job that the user submitted last. Raises BrokerError."""
        before = self._known.log_sequence
        log = (await self._history.extents()).log
        newest = None
        if await self._has_arrived(log, before, self._known.log_sequence, self._wait_for_log):
            newest = self._known.newest_job(user_id)
        return newest or await self._history.newest_job(user_id)

    def _feed_given(self) -> int | None:
        return None if self._known.is_feed_interrupted else self._known.feed_sequence

    async def _has_arrived(
        self, stream: Extent, before: int | None, now: int | None, wait_for: WaitFor
    ) -> bool:
        """Whether this process was given everything that a stream held when it was asked.

        `before` and `now` are what it was given last, before the question and after the answer; None if that
        is not known. A stream that ends earlier than `before` was made again, or its leader is stale.
        """
        if before is None or now is None or stream.last_sequence < before:
            return False
        if stream.last_sequence <= now:
            return True
        try:
            async with asyncio.timeout(ARRIVAL_MAX_S):
                await wait_for(stream.last_sequence)
        except TimeoutError:
            return False
        return True

    async def _learn_log_end(self, user_id: str, after: int) -> int:
        async with self._turn(JOBS, user_id):
            known = self._known.log_end(user_id, after)
            if known is not None:
                return known
            last = await self._history.end_of(JOBS, user_events(user_id))
            return self._known.learn_log_end(user_id, 0 if last is None else last.sequence)

    async def _learn_feed_end(self, user_id: str, after: FeedMark, *, is_settled: bool) -> FeedMark:
        async with self._turn(FEED, user_id):
            known = self._known.feed_end(user_id, after) if is_settled else None
            if known is not None:
                return known
            note = await self._history.end_of(FEED, user_notes(user_id))
            return self._known.learn_feed_end(user_id, _mark_of(note))

    def _turn(self, stream: str, user_id: str) -> asyncio.Lock:
        """Those that need the same answer ask one after the other: the first one learns it for all."""
        return self._turns.setdefault(f"{stream} {user_id}", asyncio.Lock())


def _mark_of(note: Entry | None) -> FeedMark:
    return FeedMark() if note is None else feed_mark(note.stored_at, note.sequence)
