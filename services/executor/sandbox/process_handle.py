"""Holds pid 1 of a namespace by pidfd, so that it can be killed safely and its end observed.

bubblewrap's own process, the monitor, is outside and names its child. It may end before that child does. The
kernel lets pid 1 die last in its namespace: nothing is left once it is dead.
"""

import contextlib
import os
import re
import select
import signal
from pathlib import Path

from services.executor.sandbox import orphan_names

CHILD_PID = re.compile(rb'"child-pid": (\d+).*\n')
PARENT_FIELD = 1
"""ppid among the fields of `orphan_names.stat_fields` (proc(5), field 4)."""


def open_pidfd(status: bytes, *, monitor: int) -> int | None:
    """A pidfd of the child that bubblewrap named; None if it named none, or is no longer its parent."""
    match = CHILD_PID.search(status)
    if match is None:
        return None
    pid = int(match[1])
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    fields = orphan_names.stat_fields(pid)
    if fields and int(fields[PARENT_FIELD]) == monitor:
        return descriptor
    # The number may have been reused by now.
    os.close(descriptor)
    return None


def pid_of(descriptor: int) -> int:
    """The pid of the process that a descriptor holds, as seen from here (proc(5), fdinfo of a pidfd).

    Raises OSError if it has none here.
    """
    for line in Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines():
        if line.startswith("Pid:") and (pid := int(line.removeprefix("Pid:"))) > 0:
            return pid
    raise ProcessLookupError("a held process has no number here")


def kill(descriptor: int) -> None:
    """Kill the process that a descriptor holds, if it has not ended."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)


def wait(descriptor: int) -> None:
    """Wait for the end of a killed process: a blocking call."""
    ended = select.poll()
    ended.register(descriptor, select.POLLIN)
    ended.poll()


def reap_orphan(descriptor: int) -> None:
    """Reap a dead pid 1 if it became our child, as it does where the executor is a container's init."""
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_PIDFD, descriptor, os.WEXITED | os.WNOHANG)
