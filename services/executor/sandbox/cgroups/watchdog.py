"""Enforces limits without cgroups: sums /proc over a cell's processes and reports an excess.

This is sampling, not a hard limit. It misses memory that is allocated and freed between two samples, and the
last CPU time of a process that its parent did not wait for. No peak is reported.
"""

import contextlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.executor.sandbox import orphan_names
from services.executor.sandbox.cgroups.interface import CellGroup, Version
from services.executor.sandbox.verdict import Usage
from shared.domain.events import Limits

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
CPU_FIELDS = slice(11, 15)
"""utime, stime, cutime, cstime among the fields of `orphan_names.stat_fields` (proc(5), fields 14 to 17)."""
SOCKET_BYTES = 256 * 1024
"""Most memory that a socket may hold within a cell's loopback limits. It is charged to no process."""
RESIDENT_FIELD = 21
"""rss, in pages (proc(5), field 24)."""


@dataclass(slots=True)
class CellTree:
    """The processes below one bubblewrap or pid 1. Orphans are reparented to pid 1, so no process leaves the
    tree."""

    limits: Limits
    root: int | None = None
    cpu_ms: int = 0
    exceeded: bool = field(default=False)

    def join(self, pid: int) -> None:
        """See `CellGroup`."""
        self.root = pid

    @property
    def cgroup_procs_paths(self) -> tuple[Path, ...]:
        """See `CellGroup`."""
        return ()

    def limit(self, limits: Limits, *, spare_processes: int) -> None:
        """See `CellGroup`."""
        del spare_processes
        self.limits = limits

    def reset(self) -> bool:
        """See `CellGroup`."""
        self.root, self.cpu_ms, self.exceeded = None, 0, False
        return True

    def begin(self) -> None:
        """See `CellGroup`. Making the cell takes less than the resolution of these clocks."""

    def usage(self) -> Usage:
        """See `CellGroup`. Counts never fall, although processes end."""
        cpu_ticks = resident_pages = 0
        for pid in self._members():
            if fields := orphan_names.stat_fields(pid):
                cpu_ticks += sum(int(ticks) for ticks in fields[CPU_FIELDS])
                resident_pages += int(fields[RESIDENT_FIELD])
        self.cpu_ms = max(self.cpu_ms, cpu_ticks * 1000 // TICKS_PER_S)
        if sockets_held(self._members()) * SOCKET_BYTES > self.limits.memory_bytes:
            self.exceeded = True
        if not self.exceeded and resident_pages * PAGE_BYTES > self.limits.memory_bytes:
            # Pages shared between forks were counted for each process: read their proportional sizes, which
            # is slower.
            self.exceeded = sum(map(_own_share, self._members())) > self.limits.memory_bytes
        return Usage(self.cpu_ms, None, self.exceeded)

    def kill(self) -> None:
        """See `CellGroup`. Only direct children not yet reaped can be named safely."""
        for pid in children(self.root) if self.root is not None else []:
            os.kill(pid, signal.SIGKILL)

    def remove(self) -> bool:
        """See `CellGroup`."""
        return True

    def _members(self) -> list[int]:
        members = [] if self.root is None else [self.root]
        for pid in members:
            members += children(pid)
        return members


def sockets_held(members: Sequence[int]) -> int:
    """Number of sockets in a cell's network namespace, in whichever process (proc_net(5), sockstat)."""
    own = Path("/proc/self/ns/net").stat().st_ino
    for pid in reversed(members):
        with contextlib.suppress(OSError):  # gone, or not readable
            if Path(f"/proc/{pid}/ns/net").stat().st_ino == own:  # bubblewrap's own process, outside the cell
                continue
            return int(Path(f"/proc/{pid}/net/sockstat").read_text().split()[2])
    return 0


def _own_share(pid: int) -> int:
    """The bytes of a process, each shared page divided by its number of sharers (proc_pid_smaps(5))."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:  # gone, or not readable
        return 0
    return 0


class NoGroups:
    """Used where there is no cgroup."""

    version: Version = "none"
    has_shares = False

    def create(self, limits: Limits, *, spare_processes: int) -> CellGroup:
        """See `Groups`. RLIMIT_NPROC limits the processes, and counts only the program's."""
        del spare_processes
        return CellTree(limits)

    def remove(self) -> bool:
        """See `Groups`."""
        return True


def children(pid: int) -> list[int]:
    """The children of every thread of a process; empty if it is gone."""
    found: list[int] = []
    # Listing a /proc directory also fails when the process ends meanwhile.
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found += map(int, path.read_text().split())
    return found
