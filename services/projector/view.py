"""Applies entries of the log to the view: a batch and its checkpoint in one transaction.

Everything here runs on the writing connection's thread. A batch is applied in pieces of a bounded size. The
records that a piece touches are loaded, folded in memory by `shared.domain.record.fold`, and written once,
however many of their events the piece holds; then they are released.
"""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.projector.rows import (
    Change,
    JobKey,
    PendingCleanup,
    count_artifacts,
    delete_jobs,
    insert_labels,
    insert_leftovers,
    select_checkpoint,
    select_records,
    transaction,
    update_checkpoint,
    update_totals,
    upsert_jobs,
)
from shared.contract.codec import UndecodableError, UnknownTagError
from shared.domain.events import Event, JobExpired
from shared.domain.record import JobRecord, fold
from shared.jetstream.stored_message import Entry, pieces_of

PIECE_BYTES_MAX = 1024 * 1024
"""Payload decoded at a time, at least one entry. Decoded it takes up to four times as much, since one
emoji makes every character of a str four bytes. A record holds the same texts once more as JSON."""


@dataclass(frozen=True, slots=True)
class SkippedEntry:
    """An entry that is no event of this program, and the reason."""

    sequence: int
    why: str


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of a batch: the view's position, the skipped entries, and what stopped it."""

    checkpoint: int
    poison: tuple[SkippedEntry, ...] = ()
    newer: SkippedEntry | None = None


@dataclass(slots=True)
class _Taken:
    """What was decoded of a batch: its poison, what stopped it, and `last`, which becomes the checkpoint."""

    poison: list[SkippedEntry] = field(default_factory=list)
    newer: SkippedEntry | None = None
    last: Entry | None = None


def apply_entries(connection: sqlite3.Connection, entries: Sequence[Entry]) -> Applied:
    """Fold entries into the view and advance its checkpoint, in one transaction.

    Entries at or below the checkpoint change nothing. Poison is skipped; at an event of a newer writer the
    batch ends, and what came before it is stored. Raises sqlite3.Error, and then nothing is stored.
    """
    taken = _Taken()
    with transaction(connection):
        checkpoint = select_checkpoint(connection).sequence
        fresh = [entry for entry in entries if entry.sequence > checkpoint]
        for piece in pieces_of(fresh, PIECE_BYTES_MAX):
            _store(connection, _decode(piece, taken))
            if taken.newer is not None:
                break
        if taken.last is not None:
            checkpoint = taken.last.sequence
            update_checkpoint(connection, taken.last)
    return Applied(checkpoint, tuple(taken.poison), taken.newer)


def _store(connection: sqlite3.Connection, events: Sequence[tuple[Entry, Event]]) -> None:
    changed, leftovers = _fold(connection, [(entry.sequence, event) for entry, event in events])
    sizes: Counter[JobKey] = Counter()
    for entry, event in events:
        sizes[event.user_id, event.job_id] += entry.stored_bytes
    upsert_jobs(connection, changed, sizes)
    insert_labels(connection, [after for before, after in changed if before is None and after is not None])
    delete_jobs(connection, [before for before, after in changed if before is not None and after is None])
    insert_leftovers(connection, leftovers)
    update_totals(connection, changed)


def _decode(entries: Sequence[Entry], taken: _Taken) -> list[tuple[Entry, Event]]:
    """The events of a piece with their entries, up to one of a newer writer."""
    events: list[tuple[Entry, Event]] = []
    for entry in entries:
        try:
            events.append((entry, entry.event()))
        except UndecodableError as error:
            taken.poison.append(SkippedEntry(entry.sequence, str(error)))
        except UnknownTagError as error:
            taken.newer = SkippedEntry(entry.sequence, str(error))
            break
        taken.last = entry
    return events


def _fold(
    connection: sqlite3.Connection, events: Sequence[tuple[int, Event]]
) -> tuple[list[Change], list[PendingCleanup]]:
    """The records before and after the events, and the cleanup of expired jobs."""
    before = select_records(connection, {(event.user_id, event.job_id) for _, event in events})
    after: dict[JobKey, JobRecord | None] = {}
    leftovers: list[PendingCleanup] = []
    for sequence, event in events:
        key = (event.user_id, event.job_id)
        known = after[key] if key in after else before.get(key)
        record = fold(known, event, sequence)
        if record is not known:
            after[key] = record
        if record is None and isinstance(event, JobExpired):
            leftovers.append(_leftovers(connection, event, sequence, known))
    return [(before.get(key), record) for key, record in after.items()], leftovers


def _leftovers(
    connection: sqlite3.Connection, event: JobExpired, sequence: int, known: JobRecord | None
) -> PendingCleanup:
    key = (event.user_id, event.job_id)
    if known is None:
        return PendingCleanup(*key, sequence)
    # A result in the same piece is in memory; one of an earlier piece is stored.
    artifacts = count_artifacts(connection, key) if known.result is None else len(known.result.artifacts)
    return PendingCleanup(*key, sequence, known.attempt, artifacts)
