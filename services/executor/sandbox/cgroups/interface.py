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
from shared.domain.events import Limits

Version: TypeAlias = Literal["v1", "v2", "none"]


COUNTER_BYTES_MAX = 4096
LEFT_BEHIND_BYTES_MAX = 4 * 1024 * 1024
"""By how much more memory than at first a group may use and still be renewed: mostly pages of files that a
program was the first to read. They count against the next cell's limit until then."""


class CellGroup(Protocol):
    """The group of one cell at a time. All calls are short; a group may be made and removed in a thread."""

    def join(self, pid: int) -> None:
        """Put a process, with all that it will ever start, under the limits. Raises OSError."""
        ...

    @property
    def cgroup_procs_paths(self) -> tuple[Path, ...]:
        """The files by which a process joins on its own, writing 0; none if only `join` can do it."""
        ...

    def limit(self, limits: Limits, *, spare_processes: int) -> None:
        """Change the limits. Raises OSError; EBUSY if more memory is in use than would be allowed."""
        ...

    def reset(self) -> bool:
        """Forget what was used, for another cell; False if it cannot be as good as new. Raises OSError.

        It cannot where something was killed, or stays behind, or the kernel's counts cannot be set back.
        """
        ...

    def begin(self) -> None:
        """Count processor time from now on only: what it took to make the cell is not the program's."""
        ...

    def usage(self) -> Usage:
        """What was used since it was made, renewed or begun; valid until `remove`. Raises OSError."""
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

    @property
    def has_shares(self) -> bool:
        """Whether each cell has an equal share of the processors, however many processes it has."""
        ...

    def create(self, limits: Limits, *, spare_processes: int) -> CellGroup:
        """Make a cell's group. `spare_processes` are ours, beyond the program's. Raises OSError."""
        ...

    def remove(self) -> bool:
        """Remove the executor's own directory; False while a cell's is left in it."""
        ...


class Counter:
    """One of the kernel's files of a group, kept open: to open it takes ten times as long as to read it."""

    def __init__(self, path: Path) -> None:
        """To be read and, where the kernel allows, written. Raises OSError."""
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except PermissionError:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def number(self) -> int:
        """Its only number. Raises OSError."""
        return int(os.pread(self._descriptor, COUNTER_BYTES_MAX, 0))

    def named(self, name: str) -> int:
        """The number after a name at the beginning of a line; 0 if this kernel has no such line."""
        for line in os.pread(self._descriptor, COUNTER_BYTES_MAX, 0).decode().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
        return 0

    def reset(self) -> None:
        """Write to it what makes it count anew. Raises OSError."""
        os.write(self._descriptor, b"0")

    def close(self) -> None:
        """More than once does no harm."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def processors() -> int:
    """How many this process may use. All cells together weigh as so many processes of ours: programs cannot
    starve the services beside them, nor other processes of the host the programs."""
    return len(os.sched_getaffinity(0))


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
