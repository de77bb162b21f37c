"""What the core tells of a subscription, as plain values. How each is written is an encoding's concern. Pure.

A subscription begins with `Started`, tells each `Gap` next, and ends with `Ended`; or it is `Refused`. Events
come in between (`services.notifier.events.item`).
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from services.notifier.events.position import Position


@dataclass(frozen=True, slots=True)
class Started:
    """Events follow: history after `begin` up to `end`, then live. `is_whole`: none of it is gone."""

    begin: Position
    end: Position
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """Something between the two positions may be gone for ever; `reason` says which stream lost it."""

    begin: Position
    end: Position
    reason: Literal["log_purged", "feed_expired"]


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """History is shown, and events are shown from now on as they happen."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The job has ended and everything of it was shown."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The subscription cannot be shown, or not any further. `detail` may be told to the client."""

    reason: Literal["unknown_job", "bad_cursor", "unavailable"]
    detail: str

    @property
    def is_temporary(self) -> bool:
        """Whether the same subscription may succeed later."""
        return self.reason == "unavailable"


Announcement: TypeAlias = Started | Gap | Ended
"""What a subscription says besides its events, in its place between them."""
