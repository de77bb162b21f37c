"""Who watches what: user → subscriptions, and the fan-out of live items to them. No I/O, never waits.

A subscription that is being caught up keeps live items aside, up to a bound; past it they are dropped and
the history is read again, because the log has them. So it is with a live one whose client has no room: it is
behind, and goes on from the log as soon as the client has read.
"""

from collections import deque
from collections.abc import Callable, Iterable

from services.notifier.events.item import Item, Text
from services.notifier.events.position import Position
from services.notifier.transports.encoding import FRAMES, Wire, show
from services.notifier.transports.headrace_v1.messages import Complete

KEPT_BYTES_MAX = 1024 * 1024
"""Live items kept aside for the one subscription of a connection that is being caught up."""

Send = Callable[[Text], bool]


class Subscription:
    """What one client asked to see: one job, or every job of its user (`job_id` is None)."""

    def __init__(
        self,
        user_id: str,
        subscription_id: str,
        job_id: str | None,
        *,
        send: Send,
        on_complete: Callable[[], None],
        on_behind: Callable[[], None] = lambda: None,
        wire: Wire = FRAMES,
    ) -> None:
        """`send` queues a text for the client and must not wait, and tells whether there was room for it.

        `on_complete` follows the last one. `on_behind`: it is not live any more, and must be caught up again.
        """
        self.user_id = user_id
        self.id = subscription_id
        self.job_id = job_id
        self.seen = Position()
        self.is_over = False
        self.has_shown = False
        self._send = send
        self._wire = wire
        self._key = wire.key(subscription_id)
        self._on_complete = on_complete
        self._on_behind = on_behind
        self._kept: deque[Item] | None = None
        self._kept_bytes = 0
        self._overflowed = False
        self._is_ahead = True

    def start_buffering(self) -> None:
        """Keep live items aside from now on."""
        self._kept = deque()
        self._kept_bytes = 0
        self._overflowed = False

    def keep_nothing(self) -> None:
        """Drop what was kept and what comes, until the history is read again."""
        self.start_buffering()
        self._overflowed = True

    def take_kept(self) -> Item | None:
        """The oldest kept item; None when there is none."""
        if not self._kept:
            return None
        item = self._kept.popleft()
        self._kept_bytes -= len(item.entry.payload)
        return item

    def buffer_overflowed(self) -> bool:
        """Whether items were dropped, so that the history must be read again."""
        return self._overflowed

    def advance(self, position: Position) -> None:
        """Everything of this subscription up to `position` was shown, or was not asked for."""
        self.seen = self.seen.later(position)
        self._is_ahead = True

    def go_live(self) -> None:
        """Nothing is kept any more: show items as they come."""
        self._kept = None

    def offer(self, item: Item) -> None:
        """A live item of this user, and of this job if it is one job's subscription."""
        if self._kept is None:
            if not self.show(item):
                self.keep_nothing()
                self._on_behind()
        elif not self._overflowed:
            self._keep(item)

    def show(self, item: Item) -> bool:
        """Send it unless it was seen; after the job's terminal event, say that this was all.

        False if the client has no room for it: it was not shown.
        """
        if self.is_over:
            return True
        if self._is_ahead:
            if item.is_covered_by(self.seen):
                return True
            if item.position.covers(self.seen):
                self._is_ahead = False
            else:
                item = item.moved_to(item.position.later(self.seen))
        text = item.texts.get(self._key) or show(self._wire, item, self.id)
        if text is not None and not self._send(text):
            return False
        self.seen = item.position
        if text is not None:
            self.has_shown = True
            if item.is_terminal and self.job_id is not None:
                self.complete()
        return True

    def complete(self) -> None:
        """The job has ended and everything of it was shown."""
        self._send(self._wire.message(Complete(id=self.id)))
        self.is_over = True
        self._on_complete()

    def _keep(self, item: Item) -> None:
        assert self._kept is not None
        self._kept.append(item)
        self._kept_bytes += len(item.entry.payload)
        if self._kept_bytes > KEPT_BYTES_MAX:
            self._overflowed = True
            self._kept.clear()
            self._kept_bytes = 0


class Hub:
    """Every subscription of this process."""

    def __init__(self) -> None:
        """Begin with none."""
        self._users: dict[str, dict[str | None, set[Subscription]]] = {}

    def is_watched(self, user_id: str) -> bool:
        """Whether anybody would see an item of this user."""
        return user_id in self._users

    def add(self, subscription: Subscription) -> None:
        """Offer it live items from now on."""
        jobs = self._users.setdefault(subscription.user_id, {})
        jobs.setdefault(subscription.job_id, set()).add(subscription)

    def remove(self, subscription: Subscription) -> None:
        """Offer it nothing more; removing twice is harmless."""
        jobs = self._users.get(subscription.user_id, {})
        watchers = jobs.get(subscription.job_id, set())
        watchers.discard(subscription)
        if not watchers:
            jobs.pop(subscription.job_id, None)
        if not jobs:
            self._users.pop(subscription.user_id, None)

    def publish(self, items: Iterable[Item]) -> int:
        """Offer each item to everyone who asked for it; returns how many bytes were queued, about."""
        offered = 0
        for item in items:
            jobs = self._users.get(item.named.user_id)
            if jobs is None:
                continue
            for subscription in (*jobs.get(None, ()), *jobs.get(item.named.job_id, ())):
                subscription.offer(item)
                offered += len(item.entry.payload)
                if subscription.is_over:
                    self.remove(subscription)
        return offered
