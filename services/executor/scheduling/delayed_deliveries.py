"""Deliveries that this executor gave back with a delay, because their jobs were far from their start. Pure.

A second NAK without a delay, on the same delivery, ends the delay of the first. It must not be sent when
another executor may have the job, so a job is forgotten here before its delay is over.
"""

import heapq
import math

from shared.jetstream.delivery import ACK_WAIT_S, Delivery

DELAY_MIN_S = ACK_WAIT_S
"""What a dead executor gave back comes again no later than what it held."""
DELAY_MAX_S = 60.0
"""The executor that could recall the job may die, and other jobs end sooner than expected."""
MARGIN_S = 1.0
USUAL_PER_SLOT = 10.0
"""Jobs a second of one slot, while there is no measurement; far too many is safe."""
MEMORY_S = 10.0


class CompletionRate:
    """How many jobs end in a second, of all users and on all executors together."""

    def __init__(self, slots: int) -> None:
        """No job has ended."""
        self._least = USUAL_PER_SLOT * slots
        self._recent = 0.0
        self._at_s = 0.0

    def count(self, now_s: float) -> None:
        """The log reports the end of a job."""
        self._recent = self._decayed_count(now_s) + 1.0
        self._at_s = now_s

    def delay_s(self, *, depth: int, lanes: int, now_s: float) -> float:
        """Half of the time in which a lane that gets its share will have moved on by `depth` jobs."""
        per_s = max(self._least, self._decayed_count(now_s) / MEMORY_S)
        return min(DELAY_MAX_S, max(DELAY_MIN_S, depth * lanes / per_s / 2))

    def _decayed_count(self, now_s: float) -> float:
        return self._recent * math.exp((self._at_s - now_s) / MEMORY_S)


class DelayedDeliveries:
    """Deliveries that were given back and are not yet due again."""

    def __init__(self) -> None:
        """There is none."""
        self._jobs: dict[str, tuple[Delivery, float]] = {}
        self._due: list[tuple[float, str]] = []

    def count(self, now_s: float) -> int:
        """How many may still be recalled."""
        self._forget_due(now_s)
        return len(self._jobs)

    def jobs(self, now_s: float) -> list[str]:
        """Those that may still be recalled."""
        self._forget_due(now_s)
        return list(self._jobs)

    def add(self, job_id: str, delivery: Delivery, delay_s: float, now_s: float) -> None:
        """It is given back now, for so long."""
        due_s = now_s + delay_s - MARGIN_S
        self._jobs[job_id] = (delivery, due_s)
        heapq.heappush(self._due, (due_s, job_id))

    def take(self, job_id: str, now_s: float) -> Delivery | None:
        """Forget the job. Returns its delivery if no other executor can have it yet."""
        delivery, due_s = self._jobs.pop(job_id, (None, 0.0))
        return delivery if now_s < due_s else None

    def _forget_due(self, now_s: float) -> None:
        while self._due and self._due[0][0] <= now_s:
            _, job_id = heapq.heappop(self._due)
            if job_id in self._jobs and self._jobs[job_id][1] <= now_s:
                del self._jobs[job_id]
