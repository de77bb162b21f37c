"""Cgroup v1: memory, pids and cpuacct, each a tree of its own; a cell has a directory in each.

The kernel's memory controller of version 1 kills one process at a time, so the watch kills the rest.
"""

import itertools
from pathlib import Path

from services.executor.sandbox.groups import (
    LEFT_BEHIND_BYTES_MAX,
    CellGroup,
    Counter,
    Version,
    kill_processes,
    remove_directories,
)
from services.executor.sandbox.hierarchies import Hierarchy
from services.executor.sandbox.socket_memory import SocketMemory, keep_counting
from services.executor.sandbox.verdict import Usage
from shared.events import Limits

CONTROLLERS = ("memory", "pids", "cpuacct")
NS_PER_MS = 1_000_000


class CellV1:
    """One directory a controller, under limits."""

    def __init__(self, memory: Path, pids: Path, cpuacct: Path, limits: Limits, spare_processes: int) -> None:
        """Make the directories. Raises OSError, leaving none."""
        self.memory, self.pids, self.cpuacct = memory, pids, cpuacct
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
        return tuple(dict.fromkeys((self.memory, self.pids, self.cpuacct)))

    def join(self, pid: int) -> None:
        """See `CellGroup`."""
        for directory in self.directories:
            (directory / "cgroup.procs").write_text(str(pid))

    @property
    def entrances(self) -> tuple[Path, ...]:
        """See `CellGroup`."""
        return tuple(directory / "cgroup.procs" for directory in self.directories)

    def limit(self, limits: Limits, *, spare_processes: int) -> None:
        """See `CellGroup`."""
        _limit(self, limits, spare_processes)
        self._sockets.limit(limits.memory_bytes)

    def renew(self) -> bool:
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
        """See `CellGroup`. Kernels before 4.13 do not count whom they killed.

        The peak is that of its memory and that of its sockets, whenever each was.
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
    """The directories of one executor, one a hierarchy."""

    version: Version = "v1"

    def __init__(self, parents: dict[str, Path], name: str) -> None:
        """`parents` maps each controller to the directory that ours is made in. Raises OSError."""
        self._own = {controller: parent / name for controller, parent in parents.items()}
        self._numbers = itertools.count(1)
        try:
            for directory in self._directories:
                directory.mkdir(exist_ok=True)
            keep_counting(self._own["memory"])
        except OSError:
            self.remove()
            raise

    def create(self, limits: Limits, *, spare_processes: int) -> CellGroup:
        """See `Groups`."""
        number = next(self._numbers)
        memory, pids, cpuacct = (self._own[controller] / f"cell-{number}" for controller in CONTROLLERS)
        return CellV1(memory, pids, cpuacct, limits, spare_processes)

    def remove(self) -> bool:
        """See `Groups`."""
        return remove_directories(self._directories)

    @property
    def _directories(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys(self._own.values()))


def parents(found: list[Hierarchy]) -> dict[str, Path] | None:
    """The executor's own directory in each hierarchy that we need; None if one of them is missing."""
    own = {controller: tree.own for tree in found for controller in tree.controllers}
    return (
        {controller: own[controller] for controller in CONTROLLERS}
        if own.keys() >= set(CONTROLLERS)
        else None
    )


def _limit(cell: CellV1, limits: Limits, spare_processes: int) -> None:
    alone = cell.memory / "memory.limit_in_bytes"
    with_swap = cell.memory / "memory.memsw.limit_in_bytes"
    if with_swap.exists():
        # Memory and swap together may take what memory alone may: no swap. They never may take less.
        rises = limits.memory_bytes > _number(alone)
        for bound in (with_swap, alone) if rises else (alone, with_swap):
            bound.write_text(str(limits.memory_bytes))
    else:
        # The kernel does not count swap (swapaccount=0). Then no page of the cell is swapped out.
        alone.write_text(str(limits.memory_bytes))
        (cell.memory / "memory.swappiness").write_text("0")
    (cell.pids / "pids.max").write_text(str(limits.processes + spare_processes))


def _number(path: Path) -> int:
    return int(path.read_text())
