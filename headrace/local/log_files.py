"""Rotates log files that processes hold open.

A file that is too long is copied to `NAME.1` and truncated. Its writer appends, so its next line is the
first. Earlier copies are renumbered, and the oldest is deleted. A line written between the copy and the
truncation, microseconds later, is lost, as with logrotate's `copytruncate`.
"""

import asyncio
import contextlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

BYTES_MAX = 16 * 1024 * 1024
COPIES = 3
LOOK_S = 10.0


async def keep_small(paths: Sequence[Path], report: Callable[[str], None], *, bytes_max: int) -> None:
    """Check the files periodically, until cancelled. A write error is reported once for each file."""
    reported_paths: set[Path] = set()
    while True:
        for path in paths:
            try:
                await asyncio.to_thread(rotate, path, bytes_max=bytes_max)
            except OSError as error:
                if path not in reported_paths:
                    reported_paths.add(path)
                    report(f"{path} grows: it cannot be rotated ({error.strerror})")
        await asyncio.sleep(LOOK_S)


def rotate(path: Path, *, bytes_max: int = BYTES_MAX, copies: int = COPIES) -> bool:
    """Copy and truncate a file longer than `bytes_max`; returns whether it did. Raises OSError, without
    truncating."""
    if not path.is_file() or path.stat().st_size <= bytes_max:
        return False
    fresh = _copy_path(path, 0)
    try:
        with path.open("rb+") as log, fresh.open("wb") as copy:
            shutil.copyfileobj(log, copy)
            for number in range(copies, 1, -1):
                with contextlib.suppress(FileNotFoundError):
                    _copy_path(path, number - 1).replace(_copy_path(path, number))
            fresh.replace(_copy_path(path, 1))
            # Lines that arrived meanwhile; the copy is complete before the truncation.
            shutil.copyfileobj(log, copy)
            copy.flush()
            log.truncate(0)
    finally:
        fresh.unlink(missing_ok=True)
    return True


def _copy_path(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")
