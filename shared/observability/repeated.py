"""Failures that come again and again: each kind is told once, and all are counted.

A client that tries to connect four times a second would write as many lines, all of them the same.
"""

KINDS_MAX = 32
"""Different texts that are remembered at a time: more than a cluster has addresses and ways to fail."""


class Repeated:
    """The failures since `take` was called last."""

    def __init__(self) -> None:
        """Begin without any."""
        self._told: set[str] = set()
        self._count = 0

    def is_new(self, text: str) -> bool:
        """Count one; whether it is of a kind that was not told yet. Beyond KINDS_MAX all are told anew."""
        self._count += 1
        if text in self._told:
            return False
        if len(self._told) >= KINDS_MAX:
            self._told.clear()
        self._told.add(text)
        return True

    def take(self) -> int:
        """How many there were; each kind is told anew from now on."""
        count, self._count = self._count, 0
        self._told.clear()
        return count
