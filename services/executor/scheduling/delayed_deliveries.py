"""Jobs that were given back for a while, being far from their turn. Whoever sent one away can call it back.

A negative acknowledgement without a delay, on the same delivery, ends the delay of an earlier one. It must
not come when somebody else may have the job, so a job is forgotten here before its delay is over.
"""

import heapq
import math
from collections.abc import Callable, Iterator

from shared.consumer import ACK_WAIT_S, Delivery

DELAY_MIN_S = ACK_WAIT_S
"""The shortest delay: what a dead executor sent away comes back no later than what it held."""
DELAY_MAX_S = 60.0
"""The longest. Whoever sent it away may die, and others end before anybody thought."""
MARGIN_S = 1.0
USUAL_PER_SLOT = 10.0
"""Jobs a second of one slot, while it is not known better; far too many is safe."""
MEMORY_S = 10.0


class CompletionRate:
    """How many jobs end in a second, all users' and all executors' together."""

    def __init__(self, slots: int, clock: Callable[[], float]) -> None:
        """`clock` counts seconds."""
        self._least = USUAL_PER_SLOT * slots
        self._clock = clock
        self._lately = 0.0
        self._at = clock()

    def ended(self) -> None:
        """The log tells of an end."""
        self._lately = self._decayed() + 1.0
        self._at = self._clock()

    def delay_s(self, *, depth: int, lanes: int) -> float:
        """Half of the time in which a lane that gets its share will have gone on by `depth` jobs."""
        per_s = max(self._least, self._decayed() / MEMORY_S)
        return min(DELAY_MAX_S, max(DELAY_MIN_S, depth * lanes / per_s / 2))

    def _decayed(self) -> float:
        return self._lately * math.exp((self._at - self._clock()) / MEMORY_S)


class DelayedDeliveries:
    """Deliveries that are given back and not yet due again."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` counts seconds."""
        self._clock = clock
        self._jobs: dict[str, tuple[Delivery, float]] = {}
        self._due: list[tuple[float, str]] = []

    def __len__(self) -> int:
        self._forget_due()
        return len(self._jobs)

    def __iter__(self) -> Iterator[str]:
        self._forget_due()
        return iter(list(self._jobs))

    def add(self, job_id: str, delivery: Delivery, delay_s: float) -> None:
        """It was given back for so long just now."""
        due = self._clock() + delay_s - MARGIN_S
        self._jobs[job_id] = (delivery, due)
        heapq.heappush(self._due, (due, job_id))

    def take(self, job_id: str) -> Delivery | None:
        """Forget the job. Returns its delivery if nobody else can have it yet."""
        delivery, due = self._jobs.pop(job_id, (None, 0.0))
        return delivery if self._clock() < due else None

    def _forget_due(self) -> None:
        now = self._clock()
        while self._due and self._due[0][0] <= now:
            _, job_id = heapq.heappop(self._due)
            if job_id in self._jobs and self._jobs[job_id][1] <= now:
                del self._jobs[job_id]
