"""Names what an executor leaves on its host, so that a later executor recognizes orphans.

A name begins with `<prefix>-<pid>-<start>`. The start time, in clock ticks since boot, distinguishes a reused
process id from its former holder.
"""

import os
import re
from pathlib import Path

PROC = Path("/proc")
START_FIELD = 19
"""Index of `starttime` among what `stat_fields` returns (proc(5), field 22)."""


def own_name(prefix: str) -> str:
    """The name of what this process leaves."""
    pid = os.getpid()
    return f"{prefix}-{pid}-{start_ticks(pid)}"


def is_orphaned(name: str, prefix: str) -> bool:
    """Whether `name` has our form and its process is gone."""
    match = re.fullmatch(rf"{re.escape(prefix)}-(\d+)-(\d+)(?:[-.].*)?", name)
    return match is not None and start_ticks(int(match[1])) != int(match[2])


def start_ticks(pid: int) -> int | None:
    """When a process started, or None if there is no such process."""
    fields = stat_fields(pid)
    return int(fields[START_FIELD]) if fields else None


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/pid/stat after the command name, from `state` on; empty if the process is gone.

    A command name may hold spaces and brackets, so the fields begin after the last closing bracket.
    """
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()
