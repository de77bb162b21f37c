"""Who watches what: user → subscriptions, and the fan-out of live items to them. No I/O, never waits."""

from collections.abc import Iterable

from services.notifier.events.item import Item
from services.notifier.events.subscription import Subscription


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
