"""Writes the follower's batches into the view, and logs the entries that it skips.

Poison is counted and skipped. An event of a newer writer stops the writer: it is never skipped, because the
view would then be silently wrong.
"""

from services.projector.database import Database
from services.projector.view import SkippedEntry, apply_entries
from shared.jetstream.stored_message import Entry
from shared.observability import metrics
from shared.observability.logs import get_logger

logger = get_logger(__name__)

READER = "projector"


class NewerEventError(Exception):
    """The entry at `sequence` has a type unknown to this program; the view ends before it."""

    def __init__(self, newer: SkippedEntry) -> None:
        """Keep the entry's sequence and type."""
        super().__init__(f"entry {newer.sequence} is a {newer.why}, which this program does not know")
        self.sequence = newer.sequence


class ReadAgainError(Exception):
    """The follower restarted: the log may be another one than the view was made from."""


class BatchWriter:
    """The follower's handler for one view, starting after `after`."""

    def __init__(self, database: Database, after: int) -> None:
        """Write to this view."""
        self._database = database
        self._last = after
        self.count = 0

    async def take(self, batch: list[Entry]) -> None:
        """Store a batch. Raises NewerEventError, ReadAgainError, or ViewError."""
        if batch[0].sequence <= self._last:
            raise ReadAgainError(f"entry {batch[0].sequence} came again after {self._last}")
        applied = await self._database.writer.call(apply_entries, batch)
        for poison in applied.poison:
            metrics.POISON.labels(reader=READER).inc()
            logger.warning("poison_skipped", sequence=poison.sequence, why=poison.why)
        if applied.newer is not None:
            raise NewerEventError(applied.newer)
        self._last = batch[-1].sequence
        self.count += len(batch)
