"""Opens the view's SQLite file and runs functions on its thread, one round trip for each.

A file that another program damaged, or that another version of this one wrote, is never repaired: it is
reported as unusable, and the caller rebuilds it from the log.

Errors::

    ViewError                the view cannot be read or written now; the message names the file
    ├── ViewInUseError       another projector or a rebuild holds it (view_file.py); nothing was touched
    ├── ViewLockedError      another program keeps it locked; the call may be repeated
    ├── RebuildError         the view was not replaced by a new one (rebuild.py)
    └── ViewUnusableError    corrupt, or written by another version: only a rebuild helps
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, get_args

import aiosqlite

from shared.domain.job import Status
from shared.service.runtime import ServiceError

VERSION = 9
"""Written as `user_version`. Increment it with every change of schema.sql, JobRecord, or fold."""

SCHEMA = Path(__file__).with_name("schema.sql")
BUSY_TIMEOUT_MS = 5_000
_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    # 32 MiB, as negative KiB: keeps the index pages that every batch touches in memory.
    "PRAGMA cache_size = -32768",
    # The rollback journal of a statement with triggers holds the pages that it changes. Beyond 64 KiB SQLite
    # wants a temporary file, for which a container has no place.
    "PRAGMA temp_store = MEMORY",
)
_DURABLE = (
    # Requests are answered while a batch is written.
    "PRAGMA journal_mode = WAL",
    # An acknowledged checkpoint is on disk. With batches of 500 it costs 3 % (measured; 30 % event by event).
    "PRAGMA synchronous = FULL",
)
_FAST = (
    # Every page is written once, in place, and no batch waits for the disk.
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
)
_UNUSABLE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

ArgsP = ParamSpec("ArgsP")
FoundT = TypeVar("FoundT")


class ViewError(ServiceError):
    """The view cannot be read or written."""


class ViewInUseError(ViewError):
    """Another process holds this view; it was not touched."""


class ViewLockedError(ViewError):
    """Another program held a lock on the file for longer than the timeout."""


class RebuildError(ViewError):
    """The rebuild failed; the view was left as it was."""


class ViewUnusableError(ViewError):
    """The file is corrupt or of another version, and must be rebuilt from the log."""


class Connection(aiosqlite.Connection):
    """One SQLite connection on its own thread."""

    def __init__(self, path: Path, pragmas: tuple[str, ...]) -> None:
        """Prepare; `async with` opens it."""
        super().__init__(self._open, iter_chunk_size=64)
        self._path = path
        self._pragmas = pragmas
        self._opened: sqlite3.Connection | None = None
        self._stopped: asyncio.Future[Any] | None = None

    async def __aenter__(self) -> Self:
        """Open it. Raises sqlite3.Error."""
        try:
            await super().__aenter__()
        except BaseException:
            # aiosqlite does not wait here for its thread, which would then report to a closed loop.
            if self._stopped is not None:
                await self._stopped
            raise
        return self

    def stop(self) -> "asyncio.Future[Any] | None":
        """Close the file and end the thread; the future is done when the thread has ended."""
        # aiosqlite itself does not close what was opened for a caller that was cancelled meanwhile.
        self._tx.put_nowait((None, self._close_opened))
        self._stopped = super().stop()
        return self._stopped

    def _open(self) -> sqlite3.Connection:
        self._opened = _connect(self._path, self._pragmas)
        return self._opened

    def _close_opened(self) -> None:
        if self._opened is not None:
            self._opened.close()

    async def call(
        self,
        function: Callable[Concatenate[sqlite3.Connection, ArgsP], FoundT],
        *args: ArgsP.args,
        **kwargs: ArgsP.kwargs,
    ) -> FoundT:
        """Run a whole function on the connection's thread: one round trip for many statements.

        A cancelled call still runs to its end, so a transaction is whole. Raises ViewError.
        """
        if self._connection is None:
            raise ViewError(f"{self._path} is closed")
        try:
            found: FoundT = await self._execute(  # type: ignore[no-untyped-call]  # aiosqlite leaves it untyped
                function, self._conn, *args, **kwargs
            )
        except sqlite3.Error as error:
            raise view_error(self._path, error) from error
        return found


@dataclass(frozen=True, slots=True)
class Database:
    """The view's file: `writer` for batches, `reader` so that no request waits for a batch's fsync."""

    path: Path
    writer: Connection
    reader: Connection


@asynccontextmanager
async def open_database(path: Path, *, durable: bool = True) -> AsyncIterator[Database]:
    """Open the view in `path`, creating it if it is missing. Raises ViewError.

    `durable=False` is for a file that is discarded on any failure before it is synced as a whole.
    """
    pragmas = (*_PRAGMAS, *(_DURABLE if durable else _FAST))
    try:
        async with Connection(path, pragmas) as writer:
            await writer.call(_prepare, path)
            async with Connection(path, (*pragmas, "PRAGMA query_only = ON")) as reader:
                yield Database(path, writer, reader)
    except sqlite3.Error as error:
        raise view_error(path, error) from error


def view_error(path: Path, error: sqlite3.Error) -> ViewError:
    """Translate an error of SQLite into a ViewError for the caller."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _UNUSABLE:
        return ViewUnusableError(f"{path} is corrupt: {error}")
    if code in _LOCKED:
        return ViewLockedError(f"{path} is locked by another program for over {BUSY_TIMEOUT_MS} ms")
    return ViewError(f"{path}: {error} ({getattr(error, 'sqlite_errorname', 'no code')})")


def _connect(path: Path, pragmas: tuple[str, ...]) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in pragmas:
            connection.execute(pragma)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables in a new file, in one transaction; check the version of an old one."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables == 0:
            create_tables(connection)
        elif version != VERSION:
            raise ViewUnusableError(f"{path} has schema version {version}, this program needs {VERSION}")


def create_tables(connection: sqlite3.Connection) -> None:
    """Create an empty view, within the open transaction."""
    # Not executescript, which would commit first.
    statement = ""
    for line in SCHEMA.read_text().splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
    connection.execute("INSERT INTO checkpoint (id, sequence) VALUES (1, 0)")
    connection.executemany("INSERT INTO totals VALUES (?, 0)", [(status,) for status in get_args(Status)])
    connection.execute(f"PRAGMA user_version = {VERSION}")
