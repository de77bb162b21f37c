"""Cgroup v2: one hierarchy, one directory a cell, in a subtree delegated to the executor.

A group with controllers enabled for its children may hold no processes, so the executor's directory cannot
simply be made in the executor's own group. `prepared_parent` tries, in this order: the directory that the
operator named; the own group, if controllers are already enabled for its children; the own group, if the
executor is alone in it (or it is the root that a container sees), after moving its processes into a leaf; the
group above, if writable. Processes that are not the executor's are never moved, except in a container, where
all are.
"""

import contextlib
import itertools
import os
from pathlib import Path

from services.executor.sandbox.cgroups.hierarchies import Hierarchy
from services.executor.sandbox.cgroups.interface import (
    LEFT_BEHIND_BYTES_MAX,
    CellGroup,
    Counter,
    Version,
    kill_processes,
    processes,
    processors,
    remove_directory,
)
from services.executor.sandbox.verdict import Usage
from shared.domain.events import Limits

CONTROLLERS = ("memory", "pids")
SHARING = "cpu"
"""The controller that gives every cell the same weight, enabled where the host offers it."""
PROCESS_WEIGHT, WEIGHT_MAX = 100, 10_000
"""The weight of one process, and the default of a new group (the kernel's cgroup-v2.rst, cpu.weight)."""
LEAF = "headrace-processes"
US_PER_MS = 1_000


class CellV2:
    """The directory of one cell, under limits."""

    def __init__(self, directory: Path, limits: Limits, spare_processes: int) -> None:
        """Make the directory. Raises OSError, leaving none."""
        self.directory = directory
        self._counters: list[Counter] = []
        directory.mkdir()
        try:
            _limit(directory, limits, spare_processes)
            self._held = self._counter("memory.current")
            self._kills = self._counter("memory.events")
            self._cpu_us = self._counter("cpu.stat")
            # Kernels before 5.19 have no memory.peak. Since 6.12 a write resets it for the writing
            # descriptor.
            has_peak = (directory / "memory.peak").exists()
            self._peak = self._counter("memory.peak") if has_peak else None
        except OSError:
            self.remove()
            raise
        self._memory_at_first: int | None = None
        self._cpu_us_before = 0

    def __repr__(self) -> str:
        """Where it is."""
        return f"CellV2({str(self.directory)!r})"

    def join(self, pid: int) -> None:
        """See `CellGroup`."""
        (self.directory / "cgroup.procs").write_text(str(pid))

    @property
    def cgroup_procs_paths(self) -> tuple[Path, ...]:
        """See `CellGroup`."""
        return (self.directory / "cgroup.procs",)

    def limit(self, limits: Limits, *, spare_processes: int) -> None:
        """See `CellGroup`."""
        _limit(self.directory, limits, spare_processes)

    def reset(self) -> bool:
        """See `CellGroup`."""
        held = self._held.number()
        is_new = self._memory_at_first is None
        if self._memory_at_first is None:
            self._memory_at_first = held
        if held > self._memory_at_first + LEFT_BEHIND_BYTES_MAX or self._kills.named("oom_kill"):
            return False
        return is_new or self._peak_reset()

    def begin(self) -> None:
        """See `CellGroup`."""
        self._cpu_us_before = self._cpu_us.named("usage_usec")

    def usage(self) -> Usage:
        """See `CellGroup`."""
        return Usage(
            cpu_ms=(self._cpu_us.named("usage_usec") - self._cpu_us_before) // US_PER_MS,
            memory_peak_bytes=None if self._peak is None else self._peak.number(),
            memory_exceeded=self._kills.named("oom_kill") > 0,
        )

    def _peak_reset(self) -> bool:
        try:
            if self._peak is not None:
                self._peak.reset()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """See `CellGroup`. Kernels before 5.14 have no cgroup.kill."""
        switch = self.directory / "cgroup.kill"
        if switch.exists():
            switch.write_text("1")
        else:
            kill_processes(self.directory)

    def remove(self) -> bool:
        """See `CellGroup`."""
        for counter in self._counters:
            counter.close()
        return remove_directory(self.directory)

    def _counter(self, name: str) -> Counter:
        self._counters.append(Counter(self.directory / name))
        return self._counters[-1]


class GroupsV2:
    """The executor's directory, which enables memory and pids for its cells."""

    version: Version = "v2"

    def __init__(self, parent: Path, name: str) -> None:
        """Make the executor's directory in `parent`, which enables the controllers. Raises OSError."""
        self._own = parent / name
        self._numbers = itertools.count(1)
        self._own.mkdir(exist_ok=True)
        try:
            _hand_down(self._own)
            self.has_shares = SHARING in _handed_down(self._own) and self._share()
        except OSError:
            self.remove()
            raise

    def create(self, limits: Limits, *, spare_processes: int) -> CellGroup:
        """See `Groups`."""
        return CellV2(self._own / f"cell-{next(self._numbers)}", limits, spare_processes)

    def remove(self) -> bool:
        """See `Groups`."""
        return remove_directory(self._own)

    def _share(self) -> bool:
        """Weigh all cells together as one process per processor; False if the weight is not writable."""
        weight = min(PROCESS_WEIGHT * processors(), WEIGHT_MAX)
        try:
            (self._own / "cpu.weight").write_text(str(weight))
        except OSError:
            return False
        return True


def prepared_parent(tree: Hierarchy, named: Path | None = None) -> Path | None:
    """A group in which ours can be made and which enables memory and pids; None if there is none."""
    if named is not None:
        return named if _hands_down_or_can(named) else None
    if _hands_down(tree.own) and _writable(tree.own):
        with contextlib.suppress(OSError):  # all that is required is enabled
            _hand_down(tree.own)
        return tree.own
    if _may_move_members(tree) and _offers(tree.own) and _writable(tree.own):
        _move_into_leaf(tree.own)
        return tree.own if _hands_down_or_can(tree.own) else None
    above = tree.own.parent
    return above if tree.own != tree.mount and _hands_down_or_can(above) else None


def _may_move_members(tree: Hierarchy) -> bool:
    return tree.own == tree.mount or processes(tree.own) == [os.getpid()]


def _move_into_leaf(group: Path) -> None:
    leaf = group / LEAF
    leaf.mkdir(exist_ok=True)
    for pid in processes(group):
        # The process ended, or is a kernel thread. If it still matters, enabling controllers fails.
        with contextlib.suppress(OSError):
            (leaf / "cgroup.procs").write_text(str(pid))


def _hands_down_or_can(group: Path) -> bool:
    if not _writable(group):
        return False
    try:
        _hand_down(group)
    except OSError:
        return False
    return True


def _hand_down(group: Path) -> None:
    """Enable the required controllers, and cpu where possible. Raises OSError."""
    needed = () if _hands_down(group) else CONTROLLERS
    if SHARING in _words(group / "cgroup.controllers") - _handed_down(group):
        # The kernel refuses cpu while a real-time process is anywhere in the group.
        with contextlib.suppress(OSError):
            return _control(group, *needed, SHARING)
    return _control(group, *needed) if needed else None


def _control(group: Path, *controllers: str) -> None:
    (group / "cgroup.subtree_control").write_text(" ".join(f"+{each}" for each in controllers))


def _hands_down(group: Path) -> bool:
    return set(CONTROLLERS) <= _handed_down(group)


def _handed_down(group: Path) -> set[str]:
    return {word.removeprefix("+") for word in _words(group / "cgroup.subtree_control")}


def _offers(group: Path) -> bool:
    return set(CONTROLLERS) <= _words(group / "cgroup.controllers")


def _writable(group: Path) -> bool:
    return os.access(group, os.W_OK) and os.access(group / "cgroup.procs", os.W_OK)


def _limit(group: Path, limits: Limits, spare_processes: int) -> None:
    (group / "memory.max").write_text(str(limits.memory_bytes))
    swap = group / "memory.swap.max"
    if swap.exists():  # or the kernel was built without swap, so there is none to limit
        swap.write_text("0")
    (group / "memory.oom.group").write_text("1")
    (group / "pids.max").write_text(str(limits.processes + spare_processes))


def _table(path: Path) -> dict[str, int]:
    lines = (line.split() for line in path.read_text().splitlines())
    return {name: int(value) for name, value in lines}


def _words(path: Path) -> set[str]:
    try:
        return set(path.read_text().split())
    except OSError:
        return set()
