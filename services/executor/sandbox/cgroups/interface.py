"""Interface for the limits and usage of a whole cell, and what cgroups v1 and v2 have in common.

`v1`, `v2` and, where the host offers neither, `watchdog` implement it; `choose` selects one.
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
"""How much more memory than initially a group may use and still be reset. Most of it is page cache of files
that a program read first, which counts against the next cell's limit until it is reclaimed."""


class CellGroup(Protocol):
    """The group of one cell at a time. All calls are short; a group may be made and removed in a thread."""

    def join(self, pid: int) -> None:
        """Put a process and all its descendants under the limits. Raises OSError."""
        ...

    @property
    def cgroup_procs_paths(self) -> tuple[Path, ...]:
        """Files through which a process joins by writing 0; empty if only `join` can add it."""
        ...

    def limit(self, limits: Limits, *, spare_processes: int) -> None:
        """Change the limits. Raises OSError; EBUSY if more memory is in use than would be allowed."""
        ...

    def reset(self) -> bool:
        """Clear the usage for another cell; False if the group cannot be reused. Raises OSError.

        It cannot be reused if a process was killed or is left, or if the kernel's counters cannot be reset.
        """
        ...

    def begin(self) -> None:
        """Start counting processor time: the time to make the cell is not charged to the program."""
        ...

    def usage(self) -> Usage:
        """Usage since the group was made, reset or begun; valid until `remove`. Raises OSError."""
        ...

    def kill(self) -> None:
        """Kill every process in it."""
        ...

    def remove(self) -> bool:
        """Remove the group; False while the kernel still counts a process in it."""
        ...


class Groups(Protocol):
    """Makes the groups of one executor."""

    @property
    def version(self) -> Version:
        """The version that the isolation facts report."""
        ...

    @property
    def has_shares(self) -> bool:
        """Whether each cell has an equal share of the processors, however many processes it has."""
        ...

    def create(self, limits: Limits, *, spare_processes: int) -> CellGroup:
        """Make a cell's group. `spare_processes` are the sandbox's, beyond the program's. Raises OSError."""
        ...

    def remove(self) -> bool:
        """Remove the executor's own directory; False while a cell's is left in it."""
        ...


class Counter:
    """One of a group's kernel files, kept open: opening it takes ten times as long as reading it."""

    def __init__(self, path: Path) -> None:
        """Open it for reading and, where the kernel allows, writing. Raises OSError."""
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except PermissionError:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def number(self) -> int:
        """The single number in it. Raises OSError."""
        return int(os.pread(self._descriptor, COUNTER_BYTES_MAX, 0))

    def named(self, name: str) -> int:
        """The number after `name` at the beginning of a line; 0 if this kernel has no such line."""
        for line in os.pread(self._descriptor, COUNTER_BYTES_MAX, 0).decode().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
        return 0

    def reset(self) -> None:
        """Reset the counter by writing to it. Raises OSError."""
        os.write(self._descriptor, b"0")

    def close(self) -> None:
        """Close it. Idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def processors() -> int:
    """Number of processors that this process may use. All cells together weigh as much as that many of our
    processes: programs cannot starve the services beside them, nor can other host processes starve the
    programs."""
    return len(os.sched_getaffinity(0))


def processes(directory: Path) -> list[int]:
    """The processes directly in a group; empty if the group is gone."""
    try:
        return [int(word) for word in (directory / "cgroup.procs").read_text().split()]
    except OSError:
        return []


def kill_processes(directory: Path) -> None:
    """Kill every member. The pidfd is opened first and membership checked again, so that a reused pid is
    never killed."""
    for pid in processes(directory):
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            try:
                if pid in processes(directory):
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            finally:
                os.close(descriptor)


def remove_directories(directories: Iterable[Path]) -> bool:
    """Remove all that can be removed; False if one could not."""
    done = [remove_directory(directory) for directory in directories]
    return all(done)


def remove_directory(directory: Path) -> bool:
    """Remove one group; False if the kernel still counts a process in it."""
    try:
        directory.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
