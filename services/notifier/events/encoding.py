"""The interface of an encoding: how one transport writes events and announcements. Pure.

An encoding is an object that lives as long as its transport. Subscriptions of one encoding that have the same
id are sent the same bytes, encoded once (`Item.texts`), so its results depend on its arguments alone.
"""

from typing import Protocol

from services.notifier.events.item import EncodedEvent
from services.notifier.events.outcomes import Announcement


class Encoding(Protocol):
    """Results are what is sent at once, in UTF-8; None where this transport sends nothing."""

    def event(self, event: EncodedEvent, subscription_id: str) -> bytes | None:
        """Encode an event of one subscription."""

    def announcement(self, announcement: Announcement, subscription_id: str) -> bytes | None:
        """Encode the beginning of a subscription, a gap in it, or its end."""
