"""Pid 1 of a namespace, held by pidfd: what kills it can hit no other process, and its end is seen.

bubblewrap's own process, the monitor, stands outside and says who its child is. It may end before that child
does, and the kernel makes pid 1 the last of its namespace to die: nothing is left once this one is dead.
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
"""ppid among the fields of `owner.stat_fields` (proc(5), field 4)."""


def open_pidfd(said: bytes, *, monitor: int) -> int | None:
    """A pidfd of the child that bubblewrap told of; None if it told of none, or the child has left it."""
    told = CHILD_PID.search(said)
    if told is None:
        return None
    pid = int(told[1])
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    fields = orphan_names.stat_fields(pid)
    if fields and int(fields[PARENT_FIELD]) == monitor:
        return descriptor
    # It may be anybody's number by now.
    os.close(descriptor)
    return None


def pid_of(descriptor: int) -> int:
    """The number of the process that a descriptor holds, as seen from here (proc(5), fdinfo of a pidfd).

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
    """Wait for the end of a process that was killed: a blocking call."""
    ended = select.poll()
    ended.register(descriptor, select.POLLIN)
    ended.poll()


def reap_orphan(descriptor: int) -> None:
    """Reap a dead pid 1 if it became our child: so it is where the executor is the init of a container."""
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_PIDFD, descriptor, os.WEXITED | os.WNOHANG)
