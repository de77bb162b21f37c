"""How much memory this executor and its cells may use: the host's, or less in a container."""

import os
from pathlib import Path

LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Of cgroups of version 2 and 1, as a container sees its own."""


def memory_bytes(limits: tuple[Path, ...] = LIMITS) -> int:
    """The smallest of the host's memory and the limits that there are."""
    return min((os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *filter(None, map(_limit, limits))))


def _limit(path: Path) -> int | None:
    """The limit in a file; None if there is none."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
