"""How far a reader is behind its stream: by messages, and by the time since it last had all of them.

It measures and asks nobody; the reader tells it.
"""

import asyncio
from math import inf
from typing import Any

BEHIND_MAX_S = 5.0
"""Longer than a change of leader takes a reader, so that nobody is called for one."""


class ConsumerLag:
    """Told by one follower of everything that happens to it."""

    def __init__(self, stream: str) -> None:
        """Begin not knowing how much there is."""
        self._stream = stream
        self._clock = asyncio.get_running_loop().time
        self._began_at = self._clock()
        self._in_step_at: float | None = None
        self._pending: int | None = None
        self._obstacle: str | None = None
        self._restarts = 0

    @property
    def in_step_at(self) -> float:
        """When it last had everything, by the loop's clock; before all times if it never had."""
        return -inf if self._in_step_at is None else self._in_step_at

    @property
    def lag_s(self) -> float:
        """How long ago it last had everything, 0 while it has."""
        if self._pending == 0 and self._obstacle is None:
            return 0.0
        return self._clock() - (self._began_at if self._in_step_at is None else self._in_step_at)

    def pending(self, count: int) -> None:
        """So many messages are still to come."""
        self._pending = count
        self._obstacle = None
        if count == 0:
            self._in_step_at = self._clock()

    def broken(self, why: str) -> None:
        """Reading has to begin again."""
        self._obstacle = why
        self._restarts += 1

    def unready_reason(self) -> str | None:
        """None while the reader keeps up; else what keeps it, and since when."""
        if self._in_step_at is None:
            return self._why(f"still reading {self._stream}")
        behind_s = self._clock() - self._in_step_at
        if behind_s <= BEHIND_MAX_S:
            return None
        return self._why(f"last in step with {self._stream} {behind_s:.0f} s ago")

    def diagnostics(self) -> dict[str, Any]:
        """The same in numbers."""
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
