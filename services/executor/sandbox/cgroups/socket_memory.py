"""Buffers of sockets on a host with cgroups of version 1, whose memory limit does not count them.

The kernel has a count and a limit of their own for them (memory.kmem.tcp). Where it was built without, only
the bounds of a cell's loopback hold (`guest/config.py`).
"""

from pathlib import Path

from services.executor.sandbox.cgroups.interface import Counter

LIMIT = "memory.kmem.tcp.limit_in_bytes"
SHARE = 4
"""How many times a cell's socket buffers go into its memory: they come on top of it."""


class SocketMemory:
    """The counts of one group; all are 0 where the kernel has none. `close` must be called."""

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self._limit: Path | None = None
        self._used: Counter | None = None
        self._peak: Counter | None = None

    def open(self, memory: Path) -> None:
        """Count in the group that has this directory in the memory controller's hierarchy. Raises OSError."""
        limit = memory / LIMIT
        if limit.exists():
            self._limit = limit
            self._used = Counter(memory / "memory.kmem.tcp.usage_in_bytes")
            self._peak = Counter(memory / "memory.kmem.tcp.max_usage_in_bytes")

    def limit(self, memory_bytes: int) -> None:
        """Bound them for a cell with so much memory; what is in use stays. Raises OSError."""
        if self._limit is not None:
            self._limit.write_text(str(memory_bytes // SHARE))

    @property
    def used_bytes(self) -> int:
        """Now. Some milliseconds longer than the sockets were there. Raises OSError."""
        return 0 if self._used is None else self._used.number()

    @property
    def peak_bytes(self) -> int:
        """Since it was reset. Raises OSError."""
        return 0 if self._peak is None else self._peak.number()

    def reset(self) -> None:
        """Forget the peak. Raises OSError."""
        if self._peak is not None:
            self._peak.reset()

    def close(self) -> None:
        """More than once does no harm."""
        for counter in (self._used, self._peak):
            if counter is not None:
                counter.close()


def keep_counting(memory: Path) -> None:
    """Have the kernel count in this group for as long as it is there: to begin costs it milliseconds."""
    limit = memory / LIMIT
    if limit.exists():
        limit.write_text("-1")
