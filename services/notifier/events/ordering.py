"""The order in which live entries of log and feed reach clients: a terminal event after its output.

Two followers bring the entries, so a terminal event may arrive before the last output of its attempt. It
is held until the feed has come that far, and with it what follows of the same user, so that a cursor
never runs ahead of something held. The wait is bounded, because the feed may have begun anew: shortly where
the feed is read and does not have the output, longer where it cannot be read. Pure: time comes in as an
argument.
"""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from services.notifier.events.item import LAST_KINDS, Item, feed_end, log_items
from services.notifier.events.position import FeedMark, Position
from services.notifier.events.recent_jobs import RecentJobs
from shared.contract.subjects import QUEUED_KIND, JobSubject
from shared.domain.cursor import microseconds
from shared.jetstream.stored_message import Entry

HOLD_S = 1.0
HOLD_MAX_S = 5.0
"""While the feed changes its leader, or the server is lost that it was read from."""
HELD_BYTES_MAX = 32 * 1024 * 1024
"""Of all that is held; beyond it the longest held goes first, as if its output never came."""
SETTLED_S = 0.5
"""Whoever has all of the feed so long after an event will not find what came before the event."""


@dataclass(frozen=True, slots=True)
class _Held:
    entry: Entry
    named: JobSubject
    feed_end: int
    since: float


class LiveOrder:
    """Takes entries as they arrive and gives items as they may be shown."""

    def __init__(
        self,
        start: Position,
        *,
        is_watched: Callable[[str], bool],
        parse_subject: Callable[[Entry], JobSubject | None],
    ) -> None:
        """`start` is the end of both streams; nothing is ever held for users whom nobody watches.

        `parse_subject` gives None for an entry that is skipped.
        """
        self._log_sequence = start.log
        self._feed_mark = start.feed
        self._feed_sequence = start.feed.sequence or 0
        self._is_watched = is_watched
        self._parse_subject = parse_subject
        self._ended = RecentJobs()
        self._lanes: dict[str, deque[_Held]] = {}
        self._by_feed_end: list[tuple[int, int, str]] = []
        self._by_time: deque[tuple[float, int, str]] = deque()
        self._held_bytes = 0

    def position(self, user_id: str) -> Position:
        """What of this user has been given out: everything before the first held entry."""
        lane = self._lanes.get(user_id)
        return Position(lane[0].entry.sequence - 1 if lane else self._log_sequence, self._feed_mark)

    def interrupt_feed(self) -> None:
        """The feed is not read any more, and may use sequences again: what was given tells nothing of it."""
        self._feed_sequence = 0

    def resume_feed(self, sequence: int) -> list[Item]:
        """The feed is read on after this sequence, which was given; 0 if it uses sequences again."""
        self._feed_sequence = sequence
        return self._release_reached()

    def take_log(self, entry: Entry, now: float) -> list[Item]:
        """An entry of the log has arrived."""
        if entry.sequence <= self._log_sequence:
            return []
        self._log_sequence = entry.sequence
        named = self._parse_subject(entry)
        if named is None:
            return []
        if named.kind == QUEUED_KIND:
            self._ended.discard(named.job_id)
        if not (named.user_id in self._lanes or self._is_watched(named.user_id)):
            if named.kind in LAST_KINDS:
                self._ended.add(named.job_id)
            return []
        needed = feed_end(entry) if named.kind in LAST_KINDS else 0
        held = _Held(entry, named, needed, now)
        lane = self._lanes.get(named.user_id)
        if lane is None and needed <= self._feed_sequence:
            return self._items(held)
        if lane is None:
            lane = self._lanes[named.user_id] = deque()
        lane.append(held)
        self._held_bytes += len(entry.payload)
        if needed > self._feed_sequence:
            heapq.heappush(self._by_feed_end, (needed, entry.sequence, named.user_id))
            self._by_time.append((held.since, entry.sequence, named.user_id))
        return self._release_what_is_too_much(now)

    def take_feed(self, entry: Entry) -> list[Item]:
        """A note of the feed has arrived; whatever was held for an earlier one goes first."""
        self._feed_sequence = entry.sequence - 1
        items = self._release_reached()
        self._feed_sequence = entry.sequence
        mark = FeedMark(microseconds(entry.stored_at), entry.sequence)
        if not self._feed_mark.covers(mark):
            self._feed_mark = mark
            named = self._parse_subject(entry)
            if named is not None and self._is_watched(named.user_id) and named.job_id not in self._ended:
                items.append(Item(entry, named, is_note=True, position=self.position(named.user_id)))
        return items + self._release_reached()

    def take_overdue(self, now: float, feed_read_at: float = inf) -> list[Item]:
        """What has waited long enough for output that may never come.

        `feed_read_at` is when the feed was last known to hold nothing that has not arrived.
        """
        overdue = max(min(now - HOLD_S, feed_read_at - SETTLED_S), now - HOLD_MAX_S)
        items: list[Item] = []
        while self._by_time and self._by_time[0][0] <= overdue:
            _, sequence, user_id = self._by_time.popleft()
            items += self._release(user_id, sequence, overdue)
        self._forget_released()
        return items

    def _release_what_is_too_much(self, now: float) -> list[Item]:
        items: list[Item] = []
        while self._held_bytes > HELD_BYTES_MAX and self._by_time:
            _, sequence, user_id = self._by_time.popleft()
            items += self._release(user_id, sequence, now)
        self._forget_released()
        return items

    def _release_reached(self) -> list[Item]:
        items: list[Item] = []
        while self._by_feed_end and self._by_feed_end[0][0] <= self._feed_sequence:
            _, sequence, user_id = heapq.heappop(self._by_feed_end)
            items += self._release(user_id, sequence, None)
        self._forget_released()
        return items

    def _forget_released(self) -> None:
        if not self._lanes:
            self._by_feed_end.clear()
            self._by_time.clear()

    def _release(self, user_id: str, sequence: int, overdue: float | None) -> list[Item]:
        """Empty the lane up to its first entry that must still wait, if `sequence` is its head."""
        lane = self._lanes.get(user_id)
        if lane is None or lane[0].entry.sequence != sequence:
            return []
        items = self._take_first(lane)
        while lane and self._may_go(lane[0], overdue):
            items += self._take_first(lane)
        if not lane:
            del self._lanes[user_id]
        return items

    def _may_go(self, held: _Held, overdue: float | None) -> bool:
        return held.feed_end <= self._feed_sequence or (overdue is not None and held.since <= overdue)

    def _take_first(self, lane: deque[_Held]) -> list[Item]:
        held = lane.popleft()
        self._held_bytes -= len(held.entry.payload)
        return self._items(held)

    def _items(self, held: _Held) -> list[Item]:
        if held.named.kind in LAST_KINDS:
            self._ended.add(held.named.job_id)
        return log_items(held.entry, held.named, self._feed_mark)
