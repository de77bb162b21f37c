"""Cgroup v1: memory, pids and cpuacct, each a tree of its own; a cell has a directory in each.

The kernel's memory controller of version 1 kills one process at a time, so the watch kills the rest.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path

from services.executor.sandbox.groups import CellGroup, Version, kill_processes, remove_directories
from services.executor.sandbox.hierarchies import Hierarchy
from services.executor.sandbox.verdict import Usage
from shared.events import Limits

CONTROLLERS = ("memory", "pids", "cpuacct")
NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class CellV1:
    """One directory a controller."""

    memory: Path
    pids: Path
    cpuacct: Path

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

    def usage(self) -> Usage:
        """See `CellGroup`."""
        return Usage(
            cpu_ms=_number(self.cpuacct / "cpuacct.usage") // NS_PER_MS,
            memory_peak_bytes=_number(self.memory / "memory.max_usage_in_bytes"),
            memory_exceeded=_kills(self.memory / "memory.oom_control") > 0,
        )

    def kill(self) -> None:
        """See `CellGroup`."""
        for directory in self.directories:
            kill_processes(directory)

    def remove(self) -> bool:
        """See `CellGroup`."""
        return remove_directories(self.directories)


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
        except OSError:
            self.remove()
            raise

    def create(self, limits: Limits, *, spare_processes: int) -> CellGroup:
        """See `Groups`."""
        number = next(self._numbers)
        cell = CellV1(**{controller: own / f"cell-{number}" for controller, own in self._own.items()})
        try:
            for directory in cell.directories:
                directory.mkdir()
            _limit(cell, limits, spare_processes)
        except OSError:
            cell.remove()
            raise
        return cell

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


def _kills(oom_control: Path) -> int:
    """The kernel's count of processes killed for this group; kernels before 4.13 keep none."""
    for line in oom_control.read_text().splitlines():
        name, _, value = line.partition(" ")
        if name == "oom_kill":
            return int(value)
    return 0


def _number(path: Path) -> int:
    return int(path.read_text())
