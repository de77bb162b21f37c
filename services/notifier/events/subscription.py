"""What one client asked to see, and how far it has seen it. No I/O, never waits.

A subscription that is being caught up keeps live items aside, up to a bound; past it they are dropped and
the history is read again, because the log has them. So it is with a live one whose client has no room: it is
behind, and goes on from the log as soon as the client has read.
"""

from collections import deque
from collections.abc import Callable

from services.notifier.events.encoding import Encoding
from services.notifier.events.item import Item, Output, Text
from services.notifier.events.outcomes import Announcement, Ended
from services.notifier.events.poison import event_of
from services.notifier.events.position import Position

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
        encoding: Encoding,
        send: Send,
        on_complete: Callable[[], None],
        on_behind: Callable[[], None] = lambda: None,
    ) -> None:
        """`send` queues a text for the client and must not wait, and tells whether there was room for it.

        `on_complete` follows the last one. `on_behind`: it is not live any more, and must be caught up again.
        """
        self.user_id = user_id
        self.id = subscription_id
        self.job_id = job_id
        self.seen = Position()
        self.is_over = False
        self.has_sent = False
        self._send = send
        self._encoding = encoding
        self._key = (encoding, subscription_id)
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
        text = item.texts.get(self._key) or text_of(self._encoding, item, self.id)
        if text is not None:
            if not self._send(text):
                return False
            self.has_sent = True
        self.seen = item.position
        if self.job_id is not None and item.is_terminal and not item.is_poison:
            self.complete()
        return True

    def announce(self, announcement: Announcement) -> None:
        """Send it, where this encoding has something to send for it. It is small, so there is room for it."""
        payload = self._encoding.announcement(announcement, self.id)
        if payload is not None:
            self._send(Text(payload))

    def complete(self) -> None:
        """The job has ended and everything of it was shown."""
        self.announce(Ended())
        self.is_over = True
        self._on_complete()

    def interrupt(self) -> None:
        """Drop what was kept: the history that will be shown before it may be of a feed that lost it."""
        if self._kept is not None:
            self.keep_nothing()

    def _keep(self, item: Item) -> None:
        assert self._kept is not None
        self._kept.append(item)
        self._kept_bytes += len(item.entry.payload)
        if self._kept_bytes > KEPT_BYTES_MAX:
            self._overflowed = True
            self._kept.clear()
            self._kept_bytes = 0


def text_of(encoding: Encoding, item: Item, subscription_id: str) -> Text | None:
    """Encode an item, and keep the text for all who are sent the same.

    None for poison, and for what this encoding does not show.
    """
    event = event_of(item)
    payload = None if event is None else encoding.event(event, subscription_id)
    if payload is None:
        return None
    output = Output(subscription_id, item.entry, item.position) if item.is_output else None
    text = item.texts[encoding, subscription_id] = Text(payload, output, is_bulk=True)
    return text
