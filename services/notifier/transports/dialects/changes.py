"""What has happened to the jobs that one socket watches and has not been told yet: bounded.

A change is small: it names an event of the log, and its reader reads the job. A newer note of the same stage
takes the place of an older one.
"""

import asyncio
from dataclasses import dataclass

from services.notifier.events.item import Item
from services.notifier.events.poison import event_of
from shared.contract.codec import EventObject

CHANGES_MAX = 2_000


@dataclass(frozen=True, slots=True)
class Change:
    """An event of the log, or a note of the feed."""

    job_id: str
    kind: str
    """`queued`, `running`, `completed`, …, `expired`; of a note `progress`."""
    sequence: int | None
    """The event's place in the log; None for a note."""
    is_end: bool
    """Whether nothing of the job follows."""
    event: EventObject | None
    """The event where it is small: `running`, `cancel_requested`, and notes."""


class Changes:
    """A queue of changes, in the order in which they happened."""

    def __init__(self, changes_max: int = CHANGES_MAX) -> None:
        """Begin with none."""
        self._changes_max = changes_max
        self._waiting: dict[tuple[str, str, object], Change] = {}
        self._filled = asyncio.Event()

    def put(self, change: Change) -> bool:
        """Add a change; False if too many wait."""
        stage = None if change.event is None else change.event.data.get("stage")
        self._waiting[change.job_id, change.kind, change.sequence or str(stage)] = change
        self._filled.set()
        return len(self._waiting) <= self._changes_max

    async def take(self) -> Change:
        """The oldest change."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        return self._waiting.pop(next(iter(self._waiting)))


def change_of(item: Item) -> Change | None:
    """The change that an item is; None for output and for what cannot be decoded."""
    named = item.named
    if item.is_output or item.is_poison:
        return None
    has_bulk = item.is_terminal or named.kind == "queued"
    event = None if has_bulk else _event_of(item)
    if event is None and not has_bulk:
        return None
    sequence = None if item.is_note else item.entry.sequence
    return Change(named.job_id, named.kind, sequence, item.is_terminal, event)


def _event_of(item: Item) -> EventObject | None:
    encoded = event_of(item)
    return None if encoded is None else encoded.decode()
