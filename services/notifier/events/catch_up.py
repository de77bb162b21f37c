"""Brings one subscription from where its client was to live, without a gap and without a repeat.

Live items are kept aside first; then the ends of log and feed are found (`ends`), and what is stored up to
there is shown, merged by the time it was stored; then what was kept and is newer. Whatever
fails on the way begins again after the last item shown. So does what the client has no room for: nothing
that was read is held while a client reads.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import dataclass

from services.notifier.events.ends import EndFinder, Ends
from services.notifier.events.extent import Extent, Extents
from services.notifier.events.hub import Hub
from services.notifier.events.item import LAST_KINDS, Item, feed_end, log_items
from services.notifier.events.merge import has_ended, merge
from services.notifier.events.outcomes import CaughtUp, Ended, Gap, Refused, Started
from services.notifier.events.poison import parse_subject
from services.notifier.events.position import After, FeedMark, Position, feed_mark
from services.notifier.events.stored_events import History
from services.notifier.events.subscription import Subscription
from shared.contract.subjects import (
    QUEUED_KIND,
    JobSubject,
    feed_notes,
    job_events,
    user_events,
    user_notes,
)
from shared.domain.cursor import microseconds
from shared.jetstream.errors import BrokerError
from shared.jetstream.reused_sequences import CONFIRMATIONS, CONFIRMED_EVERY_S
from shared.jetstream.stored_message import Entry
from shared.observability.logs import get_logger

logger = get_logger(__name__)

LOG_OUTAGE_MAX_S = 5.0
AGAIN_S = 0.1


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the one client's queue has room for: `wait_for_capacity` returns when history may be queued.

    `has_room` tells whether more of it may be. `turn` makes the context in which some of it is read.
    """

    wait_for_capacity: Callable[[], Awaitable[None]]
    has_room: Callable[[], bool]
    turn: Callable[[], AbstractAsyncContextManager[object]] = nullcontext


@dataclass(frozen=True, slots=True)
class _Filters:
    log: str
    feed: str


class CatchUp:
    """Does it for every subscription of this process."""

    def __init__(
        self, hub: Hub, history: History, ends: EndFinder, live_position: Callable[[str], Position]
    ) -> None:
        """`live_position` tells what of a user has been given to the hub."""
        self._hub = hub
        self._history = history
        self._ends = ends
        self._live_position = live_position

    async def run(
        self, subscription: Subscription, after: After | None, capacity: Capacity
    ) -> CaughtUp | Ended | Refused:
        """Return when it is live or over. If it is not live, it is not in the hub.

        `after` is None for one that was live before: it goes on after what it has seen.
        """
        is_live = False
        try:
            outcome = await self._try(subscription, after, capacity)
            is_live = isinstance(outcome, CaughtUp)
        finally:
            if not is_live:
                self._hub.remove(subscription)
        return outcome

    async def _try(
        self, subscription: Subscription, after: After | None, capacity: Capacity
    ) -> CaughtUp | Ended | Refused:
        clock = asyncio.get_running_loop().time
        failing_since: float | None = None
        while True:
            seen = subscription.seen
            try:
                async with capacity.turn():
                    await capacity.wait_for_capacity()
                    ends: Ends | None = None
                    if after is not None:
                        introduced = await self._introduce(subscription, after)
                        if isinstance(introduced, Refused):
                            return introduced
                        ends = introduced
                    after, began_with = None, after
                    if await self._show_all(subscription, began_with, ends, capacity):
                        subscription.go_live()
                        return Ended() if subscription.is_over else CaughtUp()
                failing_since = None
            except BrokerError as error:
                failing_since = failing_since or clock()
                if clock() >= failing_since + LOG_OUTAGE_MAX_S:
                    logger.warning("catch_up_gave_up", why=str(error))
                    return Refused("unavailable", "the log does not answer")
            subscription.keep_nothing()
            if subscription.seen == seen:
                await asyncio.sleep(AGAIN_S)

    async def _introduce(self, subscription: Subscription, after: After) -> Ends | Refused | None:
        """Join the hub, find out what there is, and tell the client where its events begin.

        Returns where its history ends, if that was asked for.
        """
        subscription.start_buffering()
        self._hub.add(subscription)
        live = self._live_position(subscription.user_id)
        ends: Ends | None = None
        if subscription.job_id is not None or after != "now":
            ends = await self._find_ends(subscription, after if isinstance(after, Position) else Position())
        if subscription.job_id is not None and (ends is None or ends.last is None):
            return Refused("unknown_job", "you have no job of this id")
        to = live if ends is None else live.later(ends.position)
        start = to if after == "now" else Position() if after == "start" else after
        gaps: list[Gap] = []
        if after != "now" and ends is not None:
            extents = ends.extents or await self._history.extents()
            if await self._is_ahead(start, live, extents.log):
                return Refused("bad_cursor", "the log does not reach this cursor")
            gaps = await self._gaps(subscription, start, ends, extents)
        subscription.advance(start)
        subscription.announce(Started(start, start.later(to), is_whole=not gaps))
        for gap in gaps:
            subscription.announce(gap)
        if ends is not None and has_ended(ends.last) and ends.position.log <= start.log:
            subscription.complete()
        return ends

    async def _is_ahead(self, start: Position, live: Position, extent: Extent) -> bool:
        """Whether nobody can have seen so much of the log. One answer is not enough."""
        for number in range(1 + CONFIRMATIONS):
            if number:
                await asyncio.sleep(CONFIRMED_EVERY_S)
                extent = (await self._history.extents()).log
            if extent.is_in_the_past_of(start):
                return True
            if start.log <= live.log or not extent.is_before(start):
                return False
        return True

    async def _gaps(
        self, subscription: Subscription, start: Position, ends: Ends, extents: Extents
    ) -> list[Gap]:
        """What of the requested history may be gone for ever."""
        gaps: list[Gap] = []
        mark: FeedMark | None = start.feed
        if subscription.job_id is not None:
            async with self._history.place(subscription.user_id):
                mark = await self._feed_needed(subscription, start, ends)
        log, feed = extents.log, extents.feed
        if start.log + 1 < log.first_sequence and not await self._is_whole(subscription, ends):
            to = Position(log.first_sequence - 1, start.feed)
            gaps.append(Gap(start, to, "log_purged"))
        lost = None if mark is None else feed.lost_after(mark)
        if lost is not None:
            to = Position(start.log, lost)
            gaps.append(Gap(start, to, "feed_expired"))
        return gaps

    async def _is_whole(self, subscription: Subscription, ends: Ends) -> bool:
        """Whether the log still has everything of the one job that is asked for."""
        if subscription.job_id is None:
            return False
        entries = self._history.log_entries(_filters(subscription).log, after=0, end=ends.position.log)
        async with self._history.place(subscription.user_id), aclosing(entries):
            async for entry in entries:
                return entry.subject.endswith(f".{QUEUED_KIND}")
        return False

    async def _feed_needed(self, subscription: Subscription, start: Position, ends: Ends) -> FeedMark | None:
        """After which mark the feed may hold output of one job that is new to the client, if it may."""
        if has_ended(ends.last) and ends.position.log <= start.log:
            return None
        filters = _filters(subscription)
        begun: FeedMark | None = None
        async for entry in self._history.log_entries(filters.log, after=0, end=ends.position.log):
            kind = entry.subject.rpartition(".")[2]
            if kind == "running" and begun is None:
                begun = FeedMark(microseconds(entry.stored_at), None)
            if kind in LAST_KINDS and feed_end(entry) == 0:
                return None
        return None if begun is None else start.feed.later(begun)

    async def _show_all(
        self, subscription: Subscription, after: After | None, ends: Ends | None, capacity: Capacity
    ) -> bool:
        """False if it is to be gone on with: the client has no room, or too much came to be kept aside."""
        if subscription.is_over or (after == "now" and _show_kept(subscription)):
            return True
        if ends is None:
            ends = await self._begin_anew(subscription)
        if subscription.seen.covers(ends.position):
            return _show_kept(subscription)
        async with self._history.place(subscription.user_id):
            if subscription.buffer_overflowed():
                ends = await self._begin_anew(subscription)
            return await self._replay(subscription, ends.position, capacity)

    async def _begin_anew(self, subscription: Subscription) -> Ends:
        subscription.start_buffering()
        return await self._find_ends(subscription, subscription.seen)

    async def _replay(self, subscription: Subscription, end: Position, capacity: Capacity) -> bool:
        """Show what is stored after the last item shown, and then what was kept."""
        filters = _filters(subscription)
        seen = subscription.seen
        log = self._history.log_entries(filters.log, after=seen.log, end=end.log)
        feed = self._history.feed_entries(filters.feed, after=seen.feed, end=end.feed)

        async def had_ended(note: Entry) -> bool:
            return await self._history.had_ended(note, seen.log)

        async with aclosing(log), aclosing(feed), aclosing(merge(log, feed, had_ended)) as merged:
            async for entry, is_note in merged:
                named = parse_subject(entry)
                if named is None:
                    continue
                for item in _items(entry, named, is_note=is_note):
                    if item.place is not None and item.is_covered_by(seen):
                        continue
                    if not capacity.has_room():
                        return False
                    if not subscription.show(item.moved_to(subscription.seen.later(item.position))):
                        return False
                    if subscription.is_over:
                        return True
        subscription.advance(end)
        return _show_kept(subscription)

    async def _find_ends(self, subscription: Subscription, after: Position) -> Ends:
        if subscription.job_id is None:
            return await self._ends.of_user(subscription.user_id, after)
        return await self._ends.of_job(subscription.user_id, subscription.job_id)


def _items(entry: Entry, named: JobSubject, *, is_note: bool) -> list[Item]:
    """What is shown of an entry of either stream; positions are of that stream alone."""
    if not is_note:
        return log_items(entry, named, FeedMark())
    mark = feed_mark(entry.stored_at, entry.sequence)
    return [Item(entry, named, is_note=True, position=Position(0, mark))]


def _show_kept(subscription: Subscription) -> bool:
    """Nothing may come between the last of it and what is live, so it does not wait."""
    while not subscription.buffer_overflowed():
        item = subscription.take_kept()
        if item is None or subscription.is_over:
            return True
        if not subscription.show(item):
            return False
    return False


def _filters(subscription: Subscription) -> _Filters:
    user_id, job_id = subscription.user_id, subscription.job_id
    if job_id is None:
        return _Filters(user_events(user_id), user_notes(user_id))
    return _Filters(job_events(user_id, job_id), feed_notes(user_id, job_id))
