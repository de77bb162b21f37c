"""What the sandbox asks of whatever limits and counts a whole cell, and what cgroups v1 and v2 do alike.

`cgroup_v1`, `cgroup_v2` and, where the host gives us neither, `process_tree` answer it; `cgroups` chooses.
"""

import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from services.executor.sandbox.verdict import Usage
from shared.events import Limits

Version: TypeAlias = Literal["v1", "v2", "none"]


class CellGroup(Protocol):
    """The group of one cell. All calls are short; a group may be made and removed in a thread."""

    def join(self, pid: int) -> None:
        """Put a process, with all that it will ever start, under the limits. Raises OSError."""
        ...

    @property
    def entrances(self) -> tuple[Path, ...]:
        """The files by which a process joins on its own, writing 0; none if only `join` can do it."""
        ...

    def limit(self, limits: Limits, *, spare_processes: int) -> None:
        """Change the limits. Raises OSError; EBUSY if more memory is in use than would be allowed."""
        ...

    def usage(self) -> Usage:
        """What the group has used so far; valid until `remove`."""
        ...

    def kill(self) -> None:
        """Kill whatever is in it."""
        ...

    def remove(self) -> bool:
        """Remove the group; False while the kernel still finds somebody in it."""
        ...


class Groups(Protocol):
    """Makes the groups of one executor."""

    @property
    def version(self) -> Version:
        """What the isolation facts say."""
        ...

    def create(self, limits: Limits, *, spare_processes: int) -> CellGroup:
        """Make a cell's group. `spare_processes` are ours, beyond the program's. Raises OSError."""
        ...

    def remove(self) -> bool:
        """Remove the executor's own directory; False while a cell's is left in it."""
        ...


def processes(directory: Path) -> list[int]:
    """The processes directly in a group; none if it is gone."""
    try:
        return [int(word) for word in (directory / "cgroup.procs").read_text().split()]
    except OSError:
        return []


def kill_processes(directory: Path) -> None:
    """Kill every member. A process id is held by a descriptor, and looked for again, before the blow."""
    for pid in processes(directory):
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            try:
                if pid in processes(directory):
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            finally:
                os.close(descriptor)


def remove_directories(directories: Iterable[Path]) -> bool:
    """Remove all that can be; False if one could not."""
    done = [remove_directory(directory) for directory in directories]
    return all(done)


def remove_directory(directory: Path) -> bool:
    """Remove one group; False if the kernel still counts somebody in it."""
    try:
        directory.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
