"""Opening the file: made when missing, refused with a clear error when it cannot be trusted."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from services.projector import database
from services.projector.database import (
    VERSION,
    ViewError,
    ViewLockedError,
    ViewUnusableError,
    open_database,
)
from services.projector.queries import count_jobs
from services.projector.rows import clear_view, select_checkpoint
from services.projector.view import apply_entries
from shared.domain.events import Event
from tests import builders
from tests.unit.projector.histories import rows_of, stored


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a view may be made."""
    return tmp_path / "view.sqlite3"


@pytest.fixture
def empty(path: Path) -> Path:
    """A file without a byte in it."""
    path.touch()
    return path


@pytest.fixture
def garbage(path: Path) -> Path:
    """A file that is no database."""
    path.write_bytes(b"not a database, but long enough to have a header" * 50)
    return path


def value_of(view: sqlite3.Connection, pragma: str) -> object:
    return view.execute(f"PRAGMA {pragma}").fetchone()[0]


def damage(path: Path) -> None:
    """Overwrite all but the first two pages."""
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xa5" * (len(content) - 8192)
    path.write_bytes(content)


async def test_a_missing_file_is_made_and_kept(path: Path) -> None:
    async with open_database(path) as opened:
        assert (await opened.writer.call(select_checkpoint)).sequence == 0
        await opened.writer.call(apply_entries, stored([builders.queued()]))
    async with open_database(path) as opened:
        assert (await opened.reader.call(select_checkpoint)).sequence == 1


async def test_an_empty_file_is_taken_for_a_missing_one(empty: Path) -> None:
    async with open_database(empty) as opened:
        assert (await opened.reader.call(count_jobs)).checkpoint == 0


async def test_what_was_committed_is_there_after_a_kill(path: Path) -> None:
    """The copies are what a killed process leaves: a file that nobody closed, and its write-ahead log."""
    killed = path.with_name("killed.sqlite3")
    async with open_database(path) as opened:
        await opened.writer.call(apply_entries, stored([builders.queued(), builders.running()]))
        expected = await opened.writer.call(rows_of)
        for suffix in ("", "-wal"):
            killed.with_name(killed.name + suffix).write_bytes(
                path.with_name(path.name + suffix).read_bytes()
            )
    async with open_database(killed) as opened:
        assert await opened.reader.call(rows_of) == expected


async def test_questions_are_answered_during_a_batch(path: Path) -> None:
    async with open_database(path) as opened:
        await opened.writer.call(sqlite3.Connection.execute, "BEGIN IMMEDIATE")
        await opened.writer.call(sqlite3.Connection.execute, "UPDATE totals SET jobs = 9")
        assert (await opened.reader.call(count_jobs)).jobs["queued"] == 0
        await opened.writer.call(sqlite3.Connection.rollback)


async def test_the_reader_cannot_write(path: Path) -> None:
    async with open_database(path) as opened:
        with pytest.raises(ViewError, match="readonly"):
            await opened.reader.call(apply_entries, stored([builders.queued()]))


async def test_every_batch_waits_for_the_disk(path: Path) -> None:
    async with open_database(path) as opened:
        for pragma, expected in (("synchronous", 2), ("journal_mode", "wal")):
            assert await opened.writer.call(value_of, pragma) == expected


async def test_garbage_is_unusable(garbage: Path) -> None:
    with pytest.raises(ViewUnusableError, match=str(garbage)):
        async with open_database(garbage):
            pass


async def test_another_version_is_unusable(path: Path) -> None:
    async with open_database(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(ViewUnusableError, match=f"version {VERSION + 1}, this program needs {VERSION}"):
        async with open_database(path):
            pass


async def test_a_file_of_somebody_else_is_unusable(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE other (x)")
    with pytest.raises(ViewUnusableError, match="version 0"):
        async with open_database(path):
            pass


async def test_damaged_pages_are_found_when_they_are_read(path: Path) -> None:
    async with open_database(path) as opened:
        await opened.writer.call(
            apply_entries, stored(builders.queued(builders.job_id()) for _ in range(500))
        )
    damage(path)
    with pytest.raises(ViewUnusableError, match="corrupt"):
        async with open_database(path) as opened:
            await opened.reader.call(rows_of)


async def test_a_lock_of_another_program_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_database(path):
        pass
    monkeypatch.setattr(database, "_PRAGMAS", ("PRAGMA busy_timeout = 1",))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ViewLockedError, match="locked by another program"):
            async with open_database(path) as opened:
                await opened.writer.call(apply_entries, stored([builders.queued()]))


async def test_a_closed_view_says_so(path: Path) -> None:
    async with open_database(path) as opened:
        pass
    with pytest.raises(ViewError, match="closed"):
        await opened.reader.call(count_jobs)


async def test_a_directory_is_no_view(tmp_path: Path) -> None:
    with pytest.raises(ViewError, match="unable to open"):
        async with open_database(tmp_path):
            pass


@pytest.mark.full
async def test_no_statement_needs_a_place_for_temporary_files(path: Path) -> None:
    """A container may have none."""
    open_files = set[str]()

    def look(statement: str) -> None:
        if statement != "COMMIT":
            return
        for descriptor in Path("/proc/self/fd").iterdir():
            with suppress(FileNotFoundError):
                open_files.add(str(descriptor.readlink()))

    jobs = [builders.job_id() for _ in range(2_000)]
    phases: list[list[Event]] = [
        [builders.queued(job) for job in jobs],
        [builders.running(job) for job in jobs],
        [builders.completed(job) for job in jobs],
        [builders.expired(job) for job in jobs],
    ]
    async with open_database(path) as opened:
        await opened.writer.call(lambda connection: connection.set_trace_callback(look))
        for number, events in enumerate(phases):
            entries = stored(events, first=1 + number * len(jobs))
            for begin in range(0, len(entries), 100):
                await opened.writer.call(apply_entries, entries[begin : begin + 100])
        assert (await opened.writer.call(count_jobs)).jobs["completed"] == 0
        await opened.writer.call(clear_view, "another")
    assert str(path) in open_files
    assert not {name for name in open_files if "etilqs" in name}
