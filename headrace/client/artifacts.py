"""``headrace artifacts JOB --output DIR``: writes a job's files below one directory.

The program chose the paths. Each directory is opened relative to its parent and no symbolic link is followed,
so nothing is written outside, whatever already exists there.
"""

import hashlib
import os
import stat
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from headrace.client.client import AsyncClient
from headrace.client.errors import HeadraceError
from shared.domain.result import Artifact

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: never wait for the reader of a named pipe that already exists there.
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class UnsafePathError(HeadraceError):
    """The file was not written: its path leads outside, or something other than a file is in its place."""


class WrongContentError(HeadraceError):
    """The received content differs from what the job's result names."""


async def download(client: AsyncClient, job_id: str, listed: Sequence[Artifact], directory: Path) -> None:
    """Write every listed artifact below `directory`. Raises HeadraceError."""
    for artifact in listed:
        with new_file(directory, artifact.path) as file:
            await _fill(file, client.artifact(job_id, artifact.path), artifact.sha256)


@contextmanager
def new_file(directory: Path, path: str) -> Iterator[BinaryIO]:
    """A file below `directory`, empty and open for writing. Raises UnsafePathError.

    Missing folders are made. The file is removed again if the block fails.
    """
    parts = path.split("/")
    if any(part in {"", ".", ".."} or "\0" in part for part in parts):
        raise UnsafePathError(f"{path!r} is not a path beneath {directory}")
    directory.mkdir(parents=True, exist_ok=True)
    # The caller names the directory itself, so this one may be a symbolic link.
    parent = os.open(directory, DIRECTORY & ~os.O_NOFOLLOW)
    try:
        for part in parts[:-1]:
            parent = _enter(parent, part, path)
        with _create(parent, parts[-1], path) as file:
            try:
                yield file
            except BaseException:
                with suppress(OSError):
                    os.unlink(parts[-1], dir_fd=parent)
                raise
    finally:
        os.close(parent)


def _enter(parent: int, name: str, path: str) -> int:
    """Open the directory of this name, making it if it is missing; closes its parent."""
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=parent)
    try:
        entered = os.open(name, DIRECTORY, dir_fd=parent)
    except OSError as error:
        raise UnsafePathError(f"{path!r} was not written: {name!r} is no directory") from error
    os.close(parent)
    return entered


def _create(parent: int, name: str, path: str) -> BinaryIO:
    try:
        opened = os.open(name, NEW_FILE, 0o644, dir_fd=parent)
    except OSError as error:
        raise UnsafePathError(f"{path!r} was not written: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise UnsafePathError(f"{path!r} was not written: something else is in its place")
    os.ftruncate(opened, 0)
    return os.fdopen(opened, "wb")


async def _fill(file: BinaryIO, pieces: AsyncIterator[bytes], sha256: str) -> None:
    digest = hashlib.sha256()
    async for piece in pieces:
        digest.update(piece)
        file.write(piece)
    if digest.hexdigest() != sha256:
        raise WrongContentError("an artifact did not arrive as the job left it")
