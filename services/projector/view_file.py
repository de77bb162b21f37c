"""Locks the view's file, and replaces it by another with its companions.

One process writes a view: projector and rebuild both hold an exclusive lock on ``<view>.lock`` while they
run, and the kernel releases it when they die. The lock is a separate file because the view itself is
replaced.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from services.projector.database import ViewInUseError
from shared.observability.logs import get_logger
from shared.settings import invalid_value

logger = get_logger(__name__)

COMPANIONS = ("-wal", "-shm", "-journal")


@contextmanager
def hold_view(path: Path) -> Iterator[None]:
    """Hold the exclusive lock of this view.

    Raises ViewInUseError at once if another process holds it, SettingsError for a place where no file can be.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = beside(path, ".lock").open("ab")
    except OSError as error:
        why = f"a view cannot be kept there: {error}"
        raise invalid_value(
            "HEADRACE_VIEW_PATH", str(path), "the path of a file that can be written", why
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ViewInUseError(
                f"{path} is in use by another projector or rebuild; stop it first"
            ) from error
        yield


def replace_view(fresh: Path, path: Path) -> None:
    """Put a closed, complete, synced `fresh` where `path` is, durably.

    A write-ahead log left by the old file would be applied to the new one, so it is removed first. An orderly
    close folds it into the old file; if that fails, the old file is lost anyway and is removed too.
    """
    _checkpoint_old(path)
    if any(companion.exists() for companion in _companions(path)):
        logger.warning("old_view_removed", path=str(path))
        remove_database(path)
    fresh.replace(path)
    sync_file(path.parent)


def remove_database(path: Path) -> None:
    """Remove a database file, and only then SQLite's companion files."""
    for file in (path, *_companions(path)):
        file.unlink(missing_ok=True)


def beside(path: Path, suffix: str) -> Path:
    """A file beside the view, named after it."""
    return path.with_name(path.name + suffix)


def _companions(path: Path) -> tuple[Path, ...]:
    return tuple(beside(path, suffix) for suffix in COMPANIONS)


def _checkpoint_old(path: Path) -> None:
    """Open and close the old file, which removes its companions if it is a database at all."""
    if path.exists():
        with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def sync_file(path: Path) -> None:
    """Sync a file, or a directory's entries, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
