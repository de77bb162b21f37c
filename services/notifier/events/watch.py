"""A callback for the live items of one user, or of one of the user's jobs. No I/O, never waits.

Unlike a subscription it shows no history and encodes nothing: the callback's owner reads records.
"""

from collections.abc import Callable
from dataclasses import dataclass

from services.notifier.events.item import Item

OnItem = Callable[[Item], None]


@dataclass(slots=True, eq=False)
class Watch:
    """What the hub offers items to (`services.notifier.events.hub.Watcher`)."""

    user_id: str
    job_id: str | None
    on_item: OnItem
    is_over: bool = False

    def offer(self, item: Item) -> None:
        """A live item."""
        self.on_item(item)

    def interrupt(self) -> None:
        """Nothing is kept here."""
