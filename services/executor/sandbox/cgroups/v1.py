"""Cgroup v1: memory, pids, cpuacct and, where writable, cpu; a cell has one directory per hierarchy.

The memory controller of version 1 kills one process at a time; the limit monitor kills the rest.
"""

import itertools
from pathlib import Path

from services.executor.sandbox.cgroups.hierarchies import Hierarchy
from services.executor.sandbox.cgroups.interface import (
    LEFT_BEHIND_BYTES_MAX,
    CellGroup,
    Counter,
    Version,
    kill_processes,
    processors,
    remove_directories,
)
from services.executor.sandbox.cgroups.socket_memory import SocketMemory, keep_counting
from services.executor.sandbox.verdict import Usage
from shared.domain.events import Limits

CONTROLLERS = ("memory", "pids", "cpuacct")
SHARING = "cpu"
"""The controller that gives every cell the same weight. Cells are made without it where the host has none."""
PROCESS_SHARES = 1024
"""The weight of one process, and the default of a new group (cgroups(7), sched(7))."""
SHARES_MAX = 262_144
NS_PER_MS = 1_000_000


class CellV1:
    """One directory per controller, under limits."""

    def __init__(
        self,
        memory: Path,
        pids: Path,
        cpuacct: Path,
        limits: Limits,
        spare_processes: int,
        *,
        cpu: Path | None = None,
    ) -> None:
        """Make the directories. Raises OSError, leaving none."""
        self.memory, self.pids, self.cpuacct, self.cpu = memory, pids, cpuacct, cpu
        self._counters: list[Counter] = []
        self._sockets = SocketMemory()
        try:
            for directory in self.directories:
                directory.mkdir()
            self._sockets.open(memory)
            self.limit(limits, spare_processes=spare_processes)
            self._held = self._counter(memory / "memory.usage_in_bytes")
            self._peak = self._counter(memory / "memory.max_usage_in_bytes")
            self._kills = self._counter(memory / "memory.oom_control")
            self._cpu_ns = self._counter(cpuacct / "cpuacct.usage")
        except OSError:
            self.remove()
            raise
        self._memory_at_first: int | None = None
        self._cpu_ns_before = 0

    def __repr__(self) -> str:
        """Where it is."""
        return f"CellV1({str(self.memory)!r})"

    @property
    def directories(self) -> tuple[Path, ...]:
        """Every directory of the cell, once: controllers may be mounted together."""
        shared = () if self.cpu is None else (self.cpu,)
        return tuple(dict.fromkeys((self.memory, self.pids, self.cpuacct, *shared)))

    def join(self, pid: int) -> None:
        """See `CellGroup`."""
        for directory in self.directories:
            (directory / "cgroup.procs").write_text(str(pid))

    @property
    def cgroup_procs_paths(self) -> tuple[Path, ...]:
        """See `CellGroup`."""
        return tuple(directory / "cgroup.procs" for directory in self.directories)

    def limit(self, limits: Limits, *, spare_processes: int) -> None:
        """See `CellGroup`."""
        _limit(self, limits, spare_processes)
        self._sockets.limit(limits.memory_bytes)

    def reset(self) -> bool:
        """See `CellGroup`."""
        held = self._held.number()
        if self._memory_at_first is None:
            self._memory_at_first = held
        if held > self._memory_at_first + LEFT_BEHIND_BYTES_MAX or self._kills.named("oom_kill"):
            return False
        if self._sockets.used_bytes:
            return False
        self._peak.reset()
        self._sockets.reset()
        return True

    def begin(self) -> None:
        """See `CellGroup`."""
        self._cpu_ns_before = self._cpu_ns.number()

    def usage(self) -> Usage:
        """See `CellGroup`. Kernels before 4.13 do not count OOM kills.

        The peak is the sum of the memory peak and the socket peak, even if they occurred at different times.
        """
        return Usage(
            cpu_ms=(self._cpu_ns.number() - self._cpu_ns_before) // NS_PER_MS,
            memory_peak_bytes=self._peak.number() + self._sockets.peak_bytes,
            memory_exceeded=self._kills.named("oom_kill") > 0,
        )

    def kill(self) -> None:
        """See `CellGroup`."""
        for directory in self.directories:
            kill_processes(directory)

    def remove(self) -> bool:
        """See `CellGroup`."""
        self._sockets.close()
        for counter in self._counters:
            counter.close()
        return remove_directories(self.directories)

    def _counter(self, path: Path) -> Counter:
        self._counters.append(Counter(path))
        return self._counters[-1]


class GroupsV1:
    """The directories of one executor, one per hierarchy."""

    version: Version = "v1"

    def __init__(self, parents: dict[str, Path], name: str) -> None:
        """`parents` maps each controller to the directory that ours is made in. Raises OSError."""
        self._own = {controller: parent / name for controller, parent in parents.items()}
        self._numbers = itertools.count(1)
        try:
            for controller in CONTROLLERS:
                self._own[controller].mkdir(exist_ok=True)
            keep_counting(self._own["memory"])
            self.has_shares = SHARING in self._own and self._share()
        except OSError:
            self.remove()
            raise

    def create(self, limits: Limits, *, spare_processes: int) -> CellGroup:
        """See `Groups`."""
        number = next(self._numbers)
        memory, pids, cpuacct = (self._own[controller] / f"cell-{number}" for controller in CONTROLLERS)
        cpu = self._own[SHARING] / f"cell-{number}" if self.has_shares else None
        return CellV1(memory, pids, cpuacct, limits, spare_processes, cpu=cpu)

    def remove(self) -> bool:
        """See `Groups`."""
        return remove_directories(self._directories)

    def _share(self) -> bool:
        """Weigh all cells together as one process per processor; False if the weight is not writable."""
        shares = min(PROCESS_SHARES * processors(), SHARES_MAX)
        try:
            self._own[SHARING].mkdir(exist_ok=True)
            (self._own[SHARING] / "cpu.shares").write_text(str(shares))
        except OSError:
            return False
        return True

    @property
    def _directories(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys(self._own.values()))


def parents(found: list[Hierarchy]) -> dict[str, Path] | None:
    """The executor's own directory in each hierarchy used; None if a required one is missing."""
    own = {controller: tree.own for tree in found for controller in tree.controllers}
    used = {controller: own[controller] for controller in (*CONTROLLERS, SHARING) if controller in own}
    return used if used.keys() >= set(CONTROLLERS) else None


def _limit(cell: CellV1, limits: Limits, spare_processes: int) -> None:
    alone = cell.memory / "memory.limit_in_bytes"
    with_swap = cell.memory / "memory.memsw.limit_in_bytes"
    if with_swap.exists():
        # Memory and swap together get the memory limit: no swap. The combined limit may never be the lower.
        rises = limits.memory_bytes > _number(alone)
        for bound in (with_swap, alone) if rises else (alone, with_swap):
            bound.write_text(str(limits.memory_bytes))
    else:
        # The kernel does not count swap (swapaccount=0): disable swapping of the cell's pages instead.
        alone.write_text(str(limits.memory_bytes))
        (cell.memory / "memory.swappiness").write_text("0")
    (cell.pids / "pids.max").write_text(str(limits.processes + spare_processes))


def _number(path: Path) -> int:
    return int(path.read_text())
