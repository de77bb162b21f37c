"""The view's rows: the layout of a record in them, and the statements that read and write a few of them.

Everything here runs on a connection's thread. JSON is stored as bytes: a text would be decoded into a str, in
which one emoji makes every character four bytes. Large parts of a job (arguments, names of files, output)
have their own columns, which are read only for a single job.
"""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import msgspec

from services.projector.database import ViewUnusableError, create_tables
from shared.domain.contract_struct import ContractStruct
from shared.domain.record import FileSummary, JobRecord
from shared.domain.result import Result
from shared.domain.shares import file_bytes
from shared.jetstream.stored_message import Entry

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

LOADED_AT_ONCE = 64
_SELECT_RECORDS = " ".join(
    (
        "SELECT jobs.user_id, jobs.job_id, jobs.record FROM",
        f"(VALUES {', '.join(['(?, ?)'] * LOADED_AT_ONCE)}) AS wanted",
        "CROSS JOIN jobs ON jobs.user_id = wanted.column1 AND jobs.job_id = wanted.column2",
    )
)

JobKey: TypeAlias = tuple[str, str]
"""User id and job id."""

Change: TypeAlias = tuple[JobRecord | None, JobRecord | None]
"""A record before and after; None before a new job, and after one that has expired."""


class _Program(ContractStruct, frozen=True, kw_only=True):
    """The part of a submission in the column `program`."""

    files: tuple[FileSummary, ...]
    args: tuple[str, ...]
    compiler_args: tuple[str, ...] = ()
    interpreter_args: tuple[str, ...] = ()


class _Left(ContractStruct, frozen=True, kw_only=True):
    """The part of a result that tells how many files an attempt left."""

    artifacts: tuple[msgspec.Raw, ...] = ()


_encoder = msgspec.json.Encoder()
_record_decoder = msgspec.json.Decoder(JobRecord)
_program_decoder = msgspec.json.Decoder(_Program)
_result_decoder = msgspec.json.Decoder(Result)
_left_decoder = msgspec.json.Decoder(_Left)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The last entry, and its stream, that the rows include. A new view is at 0 of no stream yet."""

    sequence: int
    stored_at: datetime | None
    stream_created: str | None


@dataclass(frozen=True, slots=True)
class PendingCleanup:
    """What may be left of an expired job: events before its tombstone, and files of its attempts."""

    user_id: str
    job_id: str
    tombstone: int
    attempts: int = 0
    artifacts: int = 0


def upsert_jobs(
    connection: sqlite3.Connection, changed: Iterable[Change], more_bytes: Mapping[JobKey, int]
) -> None:
    """Write each changed record, one row at a time. Columns not loaded with a record stay unchanged.

    `more_bytes` is the size of each job's new events in the log.
    """
    connection.executemany(
        """
        INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (user_id, job_id) DO UPDATE SET
            status = excluded.status,
            reason = excluded.reason,
            last_sequence = excluded.last_sequence,
            expires_at_us = excluded.expires_at_us,
            log_bytes = log_bytes + excluded.log_bytes,
            artifact_bytes = iif(excluded.result IS NULL, artifact_bytes, excluded.artifact_bytes),
            record = excluded.record,
            result = coalesce(excluded.result, result)
        """,
        (
            _row(before, after, more_bytes[after.user_id, after.job_id])
            for before, after in changed
            if after is not None
        ),
    )


def _row(before: JobRecord | None, record: JobRecord, log_bytes: int) -> tuple[str | int | bytes | None, ...]:
    program = _program_of(record) if before is None else None
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
        _encoder.encode(record.without_bulk()),
        None if program is None else _encoder.encode(program),
        None if record.result is None else _encoder.encode(record.result),
    )


def _program_of(record: JobRecord) -> _Program:
    return _Program(**{name: getattr(record, name) for name in _Program.__struct_fields__})


def artifact_bytes(record: JobRecord) -> int:
    """The size of the job's files in the object store."""
    files = () if record.result is None else record.result.artifacts
    return sum(file_bytes(file.size) for file in files)


def insert_labels(connection: sqlite3.Connection, records: Sequence[JobRecord]) -> None:
    """Index new jobs by their labels."""
    connection.executemany(
        "INSERT INTO labels VALUES (?, ?, ?, ?)",
        [
            (record.user_id, name, value, record.queued_sequence)
            for record in records
            for name, value in record.labels.items()
        ],
    )


def delete_jobs(connection: sqlite3.Connection, records: Sequence[JobRecord]) -> None:
    """Delete jobs and their labels; `update_totals` subtracts them."""
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


def insert_leftovers(connection: sqlite3.Connection, leftovers: Sequence[PendingCleanup]) -> None:
    """Add expired jobs to the cleanup list."""
    connection.executemany(
        "INSERT OR REPLACE INTO expired VALUES (?, ?, ?, ?, ?)",
        [(one.user_id, one.job_id, one.tombstone, one.attempts, one.artifacts) for one in leftovers],
    )


def update_totals(connection: sqlite3.Connection, changed: Sequence[Change]) -> None:
    """Add the changes to the totals."""
    more: Counter[str] = Counter(after.status for _, after in changed if after is not None)
    more.subtract(before.status for before, _ in changed if before is not None)
    connection.executemany(
        "UPDATE totals SET jobs = jobs + ? WHERE status = ?",
        [(count, status) for status, count in more.items() if count],
    )


def update_checkpoint(connection: sqlite3.Connection, last: Entry) -> None:
    """Store the new checkpoint."""
    connection.execute(
        "UPDATE checkpoint SET sequence = ?, stored_at_us = ?", (last.sequence, microseconds(last.stored_at))
    )


def select_checkpoint(connection: sqlite3.Connection) -> Checkpoint:
    """The stored checkpoint."""
    row = connection.execute("SELECT sequence, stored_at_us, stream_created FROM checkpoint").fetchone()
    if row is None:
        raise ViewUnusableError("the view has lost its checkpoint")
    sequence, stored_at_us, stream_created = row
    stored_at = None if stored_at_us is None else EPOCH + stored_at_us * MICROSECOND
    return Checkpoint(sequence, stored_at, stream_created)


def select_record(connection: sqlite3.Connection, key: JobKey) -> JobRecord | None:
    """One job of one user, with all columns."""
    row = connection.execute(
        "SELECT record, program, result FROM jobs WHERE user_id = ? AND job_id = ?", key
    ).fetchone()
    return None if row is None else decode_record(*row)


def select_records(connection: sqlite3.Connection, keys: Collection[JobKey]) -> dict[JobKey, JobRecord]:
    """The jobs that exist, without their large columns, many with one statement.

    Each statement releases the GIL and waits for it again, which beside a busy event loop costs more than the
    statement. (Not by json_each, which truncates a text at a NUL character.)
    """
    found: dict[JobKey, JobRecord] = {}
    wanted = [part for key in keys for part in key]
    for begin in range(0, len(wanted), 2 * LOADED_AT_ONCE):
        values = wanted[begin : begin + 2 * LOADED_AT_ONCE]
        rows = connection.execute(_SELECT_RECORDS, (*values, *[None] * (2 * LOADED_AT_ONCE - len(values))))
        for user_id, job_id, record in rows:
            found[user_id, job_id] = decode_record(record)
    return found


def count_artifacts(connection: sqlite3.Connection, key: JobKey) -> int:
    """How many files the result of a job names."""
    row = connection.execute("SELECT result FROM jobs WHERE user_id = ? AND job_id = ?", key).fetchone()
    return 0 if row is None or row[0] is None else len(_left_decoder.decode(row[0]).artifacts)


def decode_record(record: bytes, program: bytes | None = None, result: bytes | None = None) -> JobRecord:
    """Decode a stored record and its other columns. Raises ViewUnusableError."""
    try:
        decoded = _record_decoder.decode(record)
        if program is not None:
            submitted = _program_decoder.decode(program)
            decoded = msgspec.structs.replace(decoded, **msgspec.structs.asdict(submitted))
        if result is not None:
            decoded = msgspec.structs.replace(decoded, result=_result_decoder.decode(result))
    except msgspec.MsgspecError as error:
        raise ViewUnusableError(f"the view holds a record that cannot be read: {error}") from error
    return decoded


def clear_view(connection: sqlite3.Connection, stream_created: str) -> None:
    """Start over, empty, at the start of the stream that was created then.

    Tables are dropped: deleting rows fires triggers, and SQLite then journals all of them for a rollback.
    """
    with transaction(connection):
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in tables:
            connection.execute(f"DROP TABLE {name}")
        create_tables(connection)
        connection.execute("UPDATE checkpoint SET stream_created = ?", (stream_created,))


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run a block atomically."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 in UTC, exactly; a time without a zone is taken for UTC."""
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND
