"""How many jobs that may start an executor keeps at hand while all its slots are taken. Pure.

Too few, and a slot that is free waits for the next delivery. Too many, and they wait here while another
executor is idle. So: as many as the slots will have taken in a moment, as far as anybody can tell.
"""

from collections.abc import Mapping

SLOT_WAIT_S = 0.05
"""How long a job that may start should wait for a slot of ours: some fifty times what a delivery takes."""
NEWEST_COUNTS = 0.2


class PrefetchSize:
    """What is known of how long a slot stays taken."""

    def __init__(self, slots: int) -> None:
        """Nothing is known, so nothing is kept: the first jobs will tell."""
        self._slots = slots
        self._mean_s: float | None = None

    def learn(self, seconds: float) -> None:
        """An attempt had its slot for so long."""
        mean_s = seconds if self._mean_s is None else self._mean_s
        self._mean_s = mean_s + NEWEST_COUNTS * (seconds - mean_s)

    def size(self, began: Mapping[str, float], now: float, *, nobody_is_idle: bool) -> int:
        """How many to keep, given when each running attempt began.

        `nobody_is_idle`: there are jobs that may start and that nobody takes. Then one must be at hand all
        the time, or a lane that is held here would always follow itself.
        """
        if self._mean_s is None:
            return int(nobody_is_idle)
        # What has run for longer than usual will not end as soon as usual.
        shortest_s = min((now - since for since in began.values()), default=0.0)
        expected_s = max(self._mean_s, shortest_s, 1e-6)
        return max(min(self._slots, int(SLOT_WAIT_S * self._slots / expected_s)), int(nobody_is_idle))
