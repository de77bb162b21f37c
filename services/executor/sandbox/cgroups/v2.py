"""Cgroup v2: one tree, one directory a cell, in a subtree that was delegated to the executor.

A group that hands controllers down may hold no processes itself, so the executor's directory cannot simply
be made in the executor's own group. `prepared_parent` tries, in this order: the directory that the operator
named; our own group, if controllers are handed down already; our own group, if the executor is alone in it
(or it is the root that a container sees), after moving its processes into a leaf; the group above, if we may
write there. No process that is not ours is ever moved, but in a container, where all are.
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
"""The controller by which every cell weighs the same, handed down where the host offers it."""
PROCESS_WEIGHT, WEIGHT_MAX = 100, 10_000
"""What one process weighs, and a new group by default (the kernel's cgroup-v2.rst, cpu.weight)."""
LEAF = "headrace-processes"
US_PER_MS = 1_000


class CellV2:
    """The directory of one cell, under limits."""

    def __init__(self, directory: Path, limits: Limits, spare_processes: int) -> None:
        """Make it. Raises OSError, leaving none."""
        self.directory = directory
        self._counters: list[Counter] = []
        directory.mkdir()
        try:
            _limit(directory, limits, spare_processes)
            self._held = self._counter("memory.current")
            self._kills = self._counter("memory.events")
            self._cpu_us = self._counter("cpu.stat")
            # Kernels before 5.19 keep no peak. Since 6.12 it counts anew for whoever writes to it.
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
    """The executor's directory, which hands memory and pids down to its cells."""

    version: Version = "v2"

    def __init__(self, parent: Path, name: str) -> None:
        """Make the executor's directory in `parent`, which hands the controllers down. Raises OSError."""
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
        """Let all cells together weigh as one process for each processor; False if it is not ours to say."""
        weight = min(PROCESS_WEIGHT * processors(), WEIGHT_MAX)
        try:
            (self._own / "cpu.weight").write_text(str(weight))
        except OSError:
            return False
        return True


def prepared_parent(tree: Hierarchy, named: Path | None = None) -> Path | None:
    """A group that we may make ours in and that hands memory and pids down; None if there is none."""
    if named is not None:
        return named if _hands_down_or_can(named) else None
    if _hands_down(tree.own) and _writable(tree.own):
        with contextlib.suppress(OSError):  # what we need is there
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
        # Gone meanwhile, or a thread of the kernel: if it matters, handing down is refused.
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
    """Hand down what is needed, and the processors' controller where that can be. Raises OSError."""
    needed = () if _hands_down(group) else CONTROLLERS
    if SHARING in _words(group / "cgroup.controllers") - _handed_down(group):
        # The kernel refuses it while a process of real time is somewhere in the group.
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
    if swap.exists():  # or the kernel was built without swap: there is none to limit
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
