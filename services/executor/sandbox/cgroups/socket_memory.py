"""Limits socket buffers on hosts with cgroups of version 1, whose memory limit does not count them.

The kernel has a separate counter and limit for them (memory.kmem.tcp). If it was built without, only the
limits of a cell's loopback apply (`guest/config.py`).
"""

from pathlib import Path

from services.executor.sandbox.cgroups.interface import Counter

LIMIT = "memory.kmem.tcp.limit_in_bytes"
SHARE = 4
"""A cell's socket buffers may take its memory limit divided by this. They come on top of that limit."""


class SocketMemory:
    """The counters of one group; all are 0 where the kernel has none. `close` must be called."""

    def __init__(self) -> None:
        """Start with no counters."""
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
        """Limit the buffers of a cell with this much memory; buffers in use stay. Raises OSError."""
        if self._limit is not None:
            self._limit.write_text(str(memory_bytes // SHARE))

    @property
    def used_bytes(self) -> int:
        """Bytes in use now. The count falls some milliseconds after the sockets closed. Raises OSError."""
        return 0 if self._used is None else self._used.number()

    @property
    def peak_bytes(self) -> int:
        """Peak since the last reset. Raises OSError."""
        return 0 if self._peak is None else self._peak.number()

    def reset(self) -> None:
        """Reset the peak. Raises OSError."""
        if self._peak is not None:
            self._peak.reset()

    def close(self) -> None:
        """Close the counters. Idempotent."""
        for counter in (self._used, self._peak):
            if counter is not None:
                counter.close()


def keep_counting(memory: Path) -> None:
    """Enable the counter for the lifetime of this group, because enabling it takes milliseconds."""
    limit = memory / LIMIT
    if limit.exists():
        limit.write_text("-1")
