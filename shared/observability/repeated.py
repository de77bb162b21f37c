"""Deduplicates repeated failures: each kind is logged once, and all are counted.

Without it, a client that tries to connect four times a second would log four equal lines a second.
"""

KINDS_MAX = 32
"""Different texts remembered at a time: more than the addresses of a cluster times its kinds of failure."""


class Repeated:
    """Failures since the last call of `take`."""

    def __init__(self) -> None:
        """Start with none."""
        self._seen: set[str] = set()
        self._count = 0

    def is_new(self, text: str) -> bool:
        """Count a failure; returns whether its text is new. Beyond KINDS_MAX texts, all become new again."""
        self._count += 1
        if text in self._seen:
            return False
        if len(self._seen) >= KINDS_MAX:
            self._seen.clear()
        self._seen.add(text)
        return True

    def take(self) -> int:
        """Return the count and reset; each text counts as new again."""
        count, self._count = self._count, 0
        self._seen.clear()
        return count
