"""Who watches what: user → subscriptions, and the fan-out of live items to them. No I/O, never waits."""

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Protocol

from services.notifier.events.item import Item
from shared.jetstream.stored_message import Entry

OnQueued = Callable[[Entry], None]
"""Called with each `job.queued` of any user, before its item is published; must not wait or raise."""

OnLogged = Callable[[Entry], None]
"""Called with each event of the log, of any user, before its item is published; must not wait or raise."""


class Watcher(Protocol):
    """Something that is offered the live items of one user, or of one job of that user."""

    user_id: str
    job_id: str | None
    is_over: bool

    def offer(self, item: Item) -> None:
        """A live item; must not wait."""

    def interrupt(self) -> None:
        """The feed may have lost live notes that were offered, and may use their sequences again."""


class Hub:
    """Every subscription of this process."""

    def __init__(self) -> None:
        """Begin with none."""
        self._users: dict[str, dict[str | None, set[Watcher]]] = {}
        self.on_queued: list[OnQueued] = []
        self.on_logged: list[OnLogged] = []

    def is_watched(self, user_id: str) -> bool:
        """Whether anybody would see an item of this user."""
        return user_id in self._users

    def add(self, subscription: Watcher) -> None:
        """Offer it live items from now on."""
        jobs = self._users.setdefault(subscription.user_id, {})
        jobs.setdefault(subscription.job_id, set()).add(subscription)

    def remove(self, subscription: Watcher) -> None:
        """Offer it nothing more; removing twice is harmless."""
        jobs = self._users.get(subscription.user_id, {})
        watchers = jobs.get(subscription.job_id, set())
        watchers.discard(subscription)
        if not watchers:
            jobs.pop(subscription.job_id, None)
        if not jobs:
            self._users.pop(subscription.user_id, None)

    def tell_queued(self, entry: Entry) -> None:
        """Tell of a job of any user, watched or not."""
        for listener in self.on_queued:
            listener(entry)

    def tell_logged(self, entry: Entry) -> None:
        """Tell of an event of any user, watched or not."""
        for listener in self.on_logged:
            listener(entry)

    def interrupt(self) -> None:
        """Tell everyone that the feed is not read any more."""
        for jobs in self._users.values():
            for subscription in chain.from_iterable(jobs.values()):
                subscription.interrupt()

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
