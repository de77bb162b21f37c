"""Lag of a reader behind its stream: in messages, and in seconds since it was last caught up.

The follower reports to it; it sends no requests of its own.
"""

import asyncio
from math import inf
from typing import Any

BEHIND_MAX_S = 5.0
"""Longer than a leader election delays a reader, so that one election raises no alarm."""


class ConsumerLag:
    """The lag of one follower, which reports every change here."""

    def __init__(self, stream: str) -> None:
        """Start with an unknown number of pending messages."""
        self._stream = stream
        self._clock = asyncio.get_running_loop().time
        self._began_at = self._clock()
        self._in_step_at: float | None = None
        self._pending: int | None = None
        self._obstacle: str | None = None
        self._restarts = 0

    @property
    def in_step_at(self) -> float:
        """When the follower was last caught up, by the loop's clock; minus infinity if it never was."""
        return -inf if self._in_step_at is None else self._in_step_at

    @property
    def lag_s(self) -> float:
        """Seconds since the follower was last caught up; 0 while it is."""
        if self._pending == 0 and self._obstacle is None:
            return 0.0
        return self._clock() - (self._began_at if self._in_step_at is None else self._in_step_at)

    def set_pending(self, count: int) -> None:
        """Set how many messages are pending."""
        self._pending = count
        self._obstacle = None
        if count == 0:
            self._in_step_at = self._clock()

    def mark_in_step(self, at: float) -> None:
        """Note that everything stored before this moment of the loop's clock has been handled.

        Under a steady load new messages arrive while others are handled, so that some are always pending.
        """
        self._in_step_at = max(self.in_step_at, at)

    def mark_broken(self, why: str) -> None:
        """Note that the consumer broke and must be recreated."""
        self._obstacle = why
        self._restarts += 1

    def unready_reason(self) -> str | None:
        """None while the reader keeps up; else the cause of its lag, and since when."""
        if self._in_step_at is None:
            return self._why(f"still reading {self._stream}")
        behind_s = self._clock() - self._in_step_at
        if behind_s <= BEHIND_MAX_S:
            return None
        return self._why(f"last in step with {self._stream} {behind_s:.0f} s ago")

    def diagnostics(self) -> dict[str, Any]:
        """The lag in numbers."""
        since = self._began_at if self._in_step_at is None else self._in_step_at
        return {
            "stream": self._stream,
            "behind": self._pending,
            "behind_s": round(self._clock() - since, 1),
            "restarts": self._restarts,
            "obstacle": self._obstacle,
        }

    def _why(self, how: str) -> str:
        if self._obstacle is not None:
            return f"{how}: {self._obstacle}"
        return how if self._pending is None else f"{how}: {self._pending} events behind"
