"""Log files that processes hold open, kept from growing for ever.

A file that is too long is copied to `NAME.1` and cut to nothing. Its writer appends, so its next line is the
first. Earlier copies move on, and the oldest goes. A line that is written between the last look at the file
and the cut, microseconds later, is lost, as with logrotate's `copytruncate`.
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
    """Look again and again, until cancelled. What cannot be written is told once for each file."""
    told: set[Path] = set()
    while True:
        for path in paths:
            try:
                await asyncio.to_thread(rotate, path, bytes_max=bytes_max)
            except OSError as error:
                if path not in told:
                    told.add(path)
                    report(f"{path} grows: it cannot be rotated ({error.strerror})")
        await asyncio.sleep(LOOK_S)


def rotate(path: Path, *, bytes_max: int = BYTES_MAX, copies: int = COPIES) -> bool:
    """Copy and cut a file longer than `bytes_max`; whether it was. Raises OSError, and then cuts nothing."""
    if not path.is_file() or path.stat().st_size <= bytes_max:
        return False
    fresh = _numbered(path, 0)
    try:
        with path.open("rb+") as log, fresh.open("wb") as copy:
            shutil.copyfileobj(log, copy)
            for number in range(copies, 1, -1):
                with contextlib.suppress(FileNotFoundError):
                    _numbered(path, number - 1).replace(_numbered(path, number))
            fresh.replace(_numbered(path, 1))
            # What came meanwhile; the copy is whole before anything is cut.
            shutil.copyfileobj(log, copy)
            copy.flush()
            log.truncate(0)
    finally:
        fresh.unlink(missing_ok=True)
    return True


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")
