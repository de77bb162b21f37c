"""Applies entries of the log to the view: a batch and its checkpoint in one transaction, or nothing of it.

Everything here runs on the writing connection's thread. The records that a batch touches are loaded,
folded in memory by `shared.record.fold`, and written once, however many of their events the batch holds.
"""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import msgspec

from services.projector.database import ViewUnusableError
from shared.codec import UndecodableError, UnknownTagError
from shared.entries import Entry
from shared.events import Event, JobExpired, Result
from shared.record import JobRecord, fold
from shared.shares import file_bytes

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

LOADED_AT_ONCE = 64
_SELECT_RECORDS = " ".join(
    (
        "SELECT jobs.user_id, jobs.job_id, jobs.record, jobs.result FROM",
        f"(VALUES {', '.join(['(?, ?)'] * LOADED_AT_ONCE)}) AS wanted",
        "CROSS JOIN jobs ON jobs.user_id = wanted.column1 AND jobs.job_id = wanted.column2",
    )
)

JobKey: TypeAlias = tuple[str, str]
"""User id and job id."""

Change: TypeAlias = tuple[JobRecord | None, JobRecord | None]
"""A record before and after; None before a new job, and after one that has expired."""

_encoder = msgspec.json.Encoder()
_record_decoder = msgspec.json.Decoder(JobRecord)
_result_decoder = msgspec.json.Decoder(Result)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Up to which entry of which stream the rows go. A new view is at 0 of no stream yet."""

    sequence: int
    stored_at: datetime | None
    stream_created: str | None


@dataclass(frozen=True, slots=True)
class Oddity:
    """An entry that is no event of this program, and why."""

    sequence: int
    why: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a batch: where the view is now, what was skipped, and what stopped it."""

    checkpoint: int
    poison: tuple[Oddity, ...] = ()
    newer: Oddity | None = None


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What may be left of an expired job: events before its tombstone, and files of its attempts."""

    user_id: str
    job_id: str
    tombstone: int
    attempts: int = 0
    artifacts: int = 0


@dataclass(slots=True)
class _Batch:
    """A batch's events with their sequences, up to `last`, the entry that becomes the checkpoint."""

    events: list[tuple[int, Event]] = field(default_factory=list)
    poison: list[Oddity] = field(default_factory=list)
    newer: Oddity | None = None
    last: Entry | None = None
    sizes: Counter[JobKey] = field(default_factory=Counter)


def apply_entries(connection: sqlite3.Connection, entries: Sequence[Entry]) -> Applied:
    """Fold entries into the view and move its checkpoint, in one transaction.

    Entries at or below the checkpoint change nothing. Poison is skipped; at an event of a newer writer the
    batch ends, and what came before it is stored. Raises sqlite3.Error, and then nothing is stored.
    """
    with transaction(connection):
        checkpoint = select_checkpoint(connection).sequence
        batch = _decode([entry for entry in entries if entry.sequence > checkpoint])
        if batch.last is None:
            return Applied(checkpoint, tuple(batch.poison), batch.newer)
        changed, leftovers = _fold(connection, batch.events)
        _upsert_jobs(connection, [after for _, after in changed if after is not None], batch.sizes)
        _insert_labels(
            connection, [after for before, after in changed if before is None and after is not None]
        )
        delete_jobs(connection, [before for before, after in changed if before is not None and after is None])
        _insert_leftovers(connection, leftovers)
        update_totals(connection, changed)
        _update_checkpoint(connection, batch.last)
    return Applied(batch.last.sequence, tuple(batch.poison), batch.newer)


def _decode(entries: Sequence[Entry]) -> _Batch:
    batch = _Batch()
    for entry in entries:
        try:
            event = entry.event()
            batch.events.append((entry.sequence, event))
            batch.sizes[event.user_id, event.job_id] += entry.stored_bytes
        except UndecodableError as error:
            batch.poison.append(Oddity(entry.sequence, str(error)))
        except UnknownTagError as error:
            batch.newer = Oddity(entry.sequence, str(error))
            break
        batch.last = entry
    return batch


def _fold(
    connection: sqlite3.Connection, events: Sequence[tuple[int, Event]]
) -> tuple[list[Change], list[Leftovers]]:
    """The records that the events change, as they were and have become; and what expired jobs left."""
    before = select_records(connection, {(event.user_id, event.job_id) for _, event in events})
    after: dict[JobKey, JobRecord | None] = {}
    leftovers: list[Leftovers] = []
    for sequence, event in events:
        key = (event.user_id, event.job_id)
        known = after[key] if key in after else before.get(key)
        record = fold(known, event, sequence)
        if record is not known:
            after[key] = record
        if record is None and isinstance(event, JobExpired):
            leftovers.append(_leftovers(event, sequence, known))
    return [(before.get(key), record) for key, record in after.items()], leftovers


def _leftovers(event: JobExpired, sequence: int, known: JobRecord | None) -> Leftovers:
    if known is None:
        return Leftovers(event.user_id, event.job_id, sequence)
    artifacts = 0 if known.result is None else len(known.result.artifacts)
    return Leftovers(event.user_id, event.job_id, sequence, known.attempt, artifacts)


def _upsert_jobs(
    connection: sqlite3.Connection, records: Sequence[JobRecord], more_bytes: Mapping[JobKey, int]
) -> None:
    """`more_bytes` is what the batch adds to each job's part of the log."""
    connection.executemany(
        """
        INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (user_id, job_id) DO UPDATE SET
            status = excluded.status,
            reason = excluded.reason,
            last_sequence = excluded.last_sequence,
            expires_at_us = excluded.expires_at_us,
            log_bytes = log_bytes + excluded.log_bytes,
            artifact_bytes = excluded.artifact_bytes,
            record = excluded.record,
            result = excluded.result
        """,
        [_row(record, more_bytes[record.user_id, record.job_id]) for record in records],
    )


def _row(record: JobRecord, log_bytes: int) -> tuple[str | int | None, ...]:
    bare = msgspec.structs.replace(record, result=None)
    return (
        record.user_id,
        record.job_id,
        record.status,
        record.language,
        record.session,
        record.reason,
        microseconds(record.created_at),
        record.queued_sequence,
        record.last_sequence,
        None if record.expires_at is None else microseconds(record.expires_at),
        log_bytes,
        artifact_bytes(record),
        _encoder.encode(bare).decode(),
        None if record.result is None else _encoder.encode(record.result).decode(),
    )


def artifact_bytes(record: JobRecord) -> int:
    """What the job's files take in the object store."""
    files = () if record.result is None else record.result.artifacts
    return sum(file_bytes(file.size) for file in files)


def _insert_labels(connection: sqlite3.Connection, records: Sequence[JobRecord]) -> None:
    connection.executemany(
        "INSERT INTO labels VALUES (?, ?, ?, ?)",
        [
            (record.user_id, name, value, record.queued_sequence)
            for record in records
            for name, value in record.labels.items()
        ],
    )


def delete_jobs(connection: sqlite3.Connection, records: Sequence[JobRecord]) -> None:
    """Forget jobs and their labels; `update_totals` counts them out."""
    connection.executemany(
        "DELETE FROM jobs WHERE user_id = ? AND job_id = ?",
        [(record.user_id, record.job_id) for record in records],
    )
    connection.executemany(
        "DELETE FROM labels WHERE user_id = ? AND name = ? AND value = ? AND queued_sequence = ?",
        [
            (record.user_id, name, value, record.queued_sequence)
            for record in records
            for name, value in record.labels.items()
        ],
    )


def _insert_leftovers(connection: sqlite3.Connection, leftovers: Sequence[Leftovers]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO expired VALUES (?, ?, ?, ?, ?)",
        [(one.user_id, one.job_id, one.tombstone, one.attempts, one.artifacts) for one in leftovers],
    )


def update_totals(connection: sqlite3.Connection, changed: Sequence[Change]) -> None:
    """Count what has changed."""
    more: Counter[str] = Counter(after.status for _, after in changed if after is not None)
    more.subtract(before.status for before, _ in changed if before is not None)
    connection.executemany(
        "UPDATE totals SET jobs = jobs + ? WHERE status = ?",
        [(count, status) for status, count in more.items() if count],
    )


def _update_checkpoint(connection: sqlite3.Connection, last: Entry) -> None:
    connection.execute(
        "UPDATE checkpoint SET sequence = ?, stored_at_us = ?", (last.sequence, microseconds(last.stored_at))
    )


def select_checkpoint(connection: sqlite3.Connection) -> Checkpoint:
    """Up to where the rows go."""
    row = connection.execute("SELECT sequence, stored_at_us, stream_created FROM checkpoint").fetchone()
    if row is None:
        raise ViewUnusableError("the view has lost its checkpoint")
    sequence, stored_at_us, stream_created = row
    stored_at = None if stored_at_us is None else EPOCH + stored_at_us * MICROSECOND
    return Checkpoint(sequence, stored_at, stream_created)


def select_record(connection: sqlite3.Connection, key: JobKey) -> JobRecord | None:
    """One job of one user, with its result."""
    row = connection.execute(
        "SELECT record, result FROM jobs WHERE user_id = ? AND job_id = ?", key
    ).fetchone()
    return None if row is None else decode_record(*row)


def select_records(connection: sqlite3.Connection, keys: Collection[JobKey]) -> dict[JobKey, JobRecord]:
    """Those of the jobs that there are, many with one statement.

    Each statement lets go of Python's lock and waits for it again, which beside a busy event loop costs
    more than the statement. (Not by json_each, which cuts a text at a NUL character.)
    """
    found: dict[JobKey, JobRecord] = {}
    wanted = [part for key in keys for part in key]
    for begin in range(0, len(wanted), 2 * LOADED_AT_ONCE):
        values = wanted[begin : begin + 2 * LOADED_AT_ONCE]
        rows = connection.execute(_SELECT_RECORDS, (*values, *[None] * (2 * LOADED_AT_ONCE - len(values))))
        for user_id, job_id, record, result in rows:
            found[user_id, job_id] = decode_record(record, result)
    return found


def decode_record(record: str, result: str | None = None) -> JobRecord:
    """A stored record and its result. Raises ViewUnusableError."""
    try:
        decoded = _record_decoder.decode(record)
        if result is None:
            return decoded
        return msgspec.structs.replace(decoded, result=_result_decoder.decode(result))
    except msgspec.MsgspecError as error:
        raise ViewUnusableError(f"the view holds a record that cannot be read: {error}") from error


def clear_view(connection: sqlite3.Connection, stream_created: str) -> None:
    """Begin again, empty, at the start of the stream that was created then."""
    with transaction(connection):
        connection.execute("DELETE FROM jobs")
        connection.execute("DELETE FROM usage")
        connection.execute("DELETE FROM labels")
        connection.execute("DELETE FROM expired")
        connection.execute("UPDATE totals SET jobs = 0")
        connection.execute(
            "UPDATE checkpoint SET sequence = 0, stored_at_us = NULL, stream_created = ?", (stream_created,)
        )


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing of it."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 in UTC, exactly; a time without a zone is taken for UTC."""
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND
