"""Number of startable jobs to prefetch: as many as the slots will consume in 50 ms. Pure.

With too few, a free slot waits for the next delivery. With too many, jobs wait here while another executor is
idle.
"""

from collections.abc import Mapping

SLOT_WAIT_S = 0.05
"""How long a startable job should wait here for a slot: some fifty times what a delivery takes."""
NEWEST_COUNTS = 0.2


class PrefetchSize:
    """A running mean of how long a slot stays taken."""

    def __init__(self, slots: int) -> None:
        """Before the first measurement nothing is prefetched."""
        self._slots = slots
        self._mean_s: float | None = None

    def learn(self, seconds: float) -> None:
        """An attempt had its slot for so long."""
        mean_s = seconds if self._mean_s is None else self._mean_s
        self._mean_s = mean_s + NEWEST_COUNTS * (seconds - mean_s)

    def size(self, started: Mapping[str, float], now_s: float, *, is_contended: bool) -> int:
        """How many to keep, given when each running attempt started.

        `is_contended`: there are startable jobs that no executor takes. Then one must be at hand all the
        time, or a lane that is held here would always follow itself.
        """
        if self._mean_s is None:
            return int(is_contended)
        # An attempt that has run for longer than usual will not end as soon as usual.
        shortest_s = min((now_s - since_s for since_s in started.values()), default=0.0)
        expected_s = max(self._mean_s, shortest_s, 1e-6)
        return max(min(self._slots, int(SLOT_WAIT_S * self._slots / expected_s)), int(is_contended))
