"""Assigns uids to cells: one to each running cell where the host can give a range, else one to all.

The kernel counts some resources per uid (descriptors in flight, pages of pipes, pending signals), so cells
with one uid share them. A claim is a lock on one byte of a file common to all executors of a host, so two
executors never use one uid at a time. bubblewrap's pid 1 holds the file too: after an executor was killed,
its claims last until the last process of its cells has ended.
"""

import contextlib
import fcntl
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from services.executor.sandbox.interface import CellError
from services.executor.sandbox.isolation import id_ranges
from services.executor.sandbox.isolation.id_ranges import IdRange
from services.executor.sandbox.settings import SandboxSettings


class Identity(NamedTuple):
    """A uid and a gid of this host."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class SharedIdentity:
    """Used where the host gives no range: every cell has the same uid."""

    common: Identity
    size: int = 1
    lock: int | None = None

    @property
    def first_uid(self) -> int:
        """The shared uid."""
        return self.common.uid

    def claim(self) -> None:
        """Does nothing: None stands for `common`."""

    def release(self, identity: Identity | None) -> None:
        """Does nothing."""


class Identities:
    """A range of uids, claimed one by one, least recently used first."""

    def __init__(self, ids: IdRange, lock: int) -> None:
        """`lock` is the file on which all executors lock bytes; the caller closes it."""
        self.ids = ids
        self.lock = lock
        self._free = list(range(ids.count))
        self._held: dict[Identity, int] = {}

    @property
    def size(self) -> int:
        """How many cells may have a uid at a time."""
        return self.ids.count

    @property
    def first_uid(self) -> int:
        """First uid of the range."""
        return self.ids.uid

    def claim(self) -> Identity:
        """Claim a uid that no running cell of this host has. Raises CellError if there is none."""
        for place, number in enumerate(self._free):
            identity = Identity(self.ids.uid + number, self.ids.gid + number)
            if self._set_lock(identity, fcntl.F_WRLCK):
                del self._free[place]
                self._held[identity] = number
                return identity
        last = self.ids.uid + self.ids.count - 1
        raise CellError(f"each of the uids {self.ids.uid} to {last} has a cell: the range is too small")

    def release(self, identity: Identity | None) -> None:
        """Release a uid. No process of its cell may be left."""
        if identity is not None and identity in self._held:
            self._free.append(self._held.pop(identity))
            self._set_lock(identity, fcntl.F_UNLCK)

    def _set_lock(self, identity: Identity, kind: int) -> bool:
        """Change the lock on a uid's byte; False if another executor holds it (fcntl_locking(2))."""
        try:
            fcntl.fcntl(self.lock, fcntl.F_OFD_SETLK, _flock(kind, identity.uid))
        except BlockingIOError:
            return False
        return True


@contextlib.contextmanager
def open_identities(
    settings: SandboxSettings, *, cold: bool = False
) -> Iterator[Identities | SharedIdentity]:
    """Open the ids that this host can give, within the settings. Raises SandboxError if a uid is taken.

    A cold cell's namespace has one user, so an ordinary user has no subordinate ids there.
    """
    root = os.geteuid() == 0
    own = Identity(settings.uid, settings.gid) if root else Identity(os.getuid(), os.getgid())
    ids = "cells are cold" if cold and not root else id_ranges.of_this_user(settings)
    if not isinstance(ids, IdRange):
        yield SharedIdentity(own)
        return
    lock = os.open(
        id_ranges.lock_path(settings), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
    )
    try:
        yield Identities(ids, lock)
    finally:
        os.close(lock)


def _flock(kind: int, byte: int) -> bytes:
    """Struct flock with 64-bit offsets, as every 64-bit Linux has it."""
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, byte, 1, 0)
