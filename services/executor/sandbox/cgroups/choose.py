"""Chooses the cgroup version of this host and removes directories left by dead executors.

Every executor makes its directory below its own cgroup, so a limit on the executor also limits its cells.
Version 1 is used where its memory, pids and cpuacct controllers are all mounted: a controller belongs to one
version at a time, so version 2 cannot offer them on such a host.
"""

import contextlib
import itertools
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from services.executor.sandbox import orphan_names
from services.executor.sandbox.cgroups import v1, v2
from services.executor.sandbox.cgroups.hierarchies import Hierarchy, hierarchies
from services.executor.sandbox.cgroups.interface import CellGroup, Groups, kill_processes, remove_directory
from services.executor.sandbox.cgroups.watchdog import NoGroups
from services.executor.sandbox.interface import SandboxError
from services.executor.sandbox.settings import SandboxSettings
from shared.retry import poll

REMOVAL_S = 10.0
"""How long the kernel may take to release a dead cell's group. Milliseconds are usual."""
SWEEP_S = 1.0

_opened = itertools.count(1)


@contextlib.asynccontextmanager
async def open_groups(settings: SandboxSettings) -> AsyncIterator[Groups]:
    """Make this executor's directories, sweeping those of dead ones first; remove them at the end."""
    name = f"{orphan_names.own_name(settings.cgroup_prefix)}-{next(_opened)}"
    groups = await _choose(settings, name)
    try:
        yield groups
    finally:
        await remove_group(groups)


async def remove_group(group: CellGroup | Groups) -> None:
    """Remove a group, waiting while the kernel still counts a process in it. Raises SandboxError."""

    async def remove() -> bool:
        return group.remove()

    try:
        await poll(remove, until=bool, within_s=REMOVAL_S, pause_s=0.001, pause_max_s=0.1)
    except TimeoutError as error:
        raise SandboxError(f"a cgroup was still busy after {REMOVAL_S:.0f} s: {group!r}") from error


async def _choose(settings: SandboxSettings, name: str) -> Groups:
    found = list(hierarchies()) if settings.cgroup == "auto" else []
    if parents := v1.parents(found):
        with contextlib.suppress(OSError):  # not writable: try the next
            groups = v1.GroupsV1(parents, name)
            await _sweep_all(parents.values(), settings.cgroup_prefix)
            return groups
    for tree in filter(Hierarchy.is_v2, found):
        with contextlib.suppress(OSError):
            if parent := v2.prepared_parent(tree, settings.cgroup_parent):
                second = v2.GroupsV2(parent, name)
                await _sweep_all([parent], settings.cgroup_prefix)
                return second
    return NoGroups()


async def _sweep_all(parents: Iterable[Path], prefix: str) -> None:
    """Sweep until nothing is left, for at most SWEEP_S. What remains is swept at the next start."""
    places = list(parents)

    async def sweep_once() -> list[Path]:
        return sweep(places, prefix)

    with contextlib.suppress(TimeoutError):
        await poll(sweep_once, until=lambda left: not left, within_s=SWEEP_S, pause_s=0.05)


def sweep(parents: Iterable[Path], prefix: str) -> list[Path]:
    """Kill and remove what dead executors left; return what could not be removed yet."""
    ours = (directory for parent in parents for directory in sorted(parent.glob(f"{prefix}-*")))
    orphans = [directory for directory in ours if orphan_names.is_orphaned(directory.name, prefix)]
    return [directory for directory in orphans if not _remove_with_cells(directory)]


def _remove_with_cells(directory: Path) -> bool:
    for cell in directory.glob("*/"):
        kill_processes(cell)
        remove_directory(cell)
    return remove_directory(directory)
