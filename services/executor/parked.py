"""Jobs that were given back for a while, being far from their turn. Whoever sent one away can call it back.

A negative acknowledgement without a delay, on the same delivery, ends the delay of an earlier one. It must
not come when somebody else may have the job, so a job is forgotten here before its delay is over.
"""

from collections.abc import Callable, Iterator

from shared.consumer import ACK_WAIT_S, Delivery

PARK_S = ACK_WAIT_S
"""What a dead executor sent away comes back no later than what it held."""
MARGIN_S = 1.0


class Parked:
    """Deliveries that are given back and not yet due again, the earliest first."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` counts seconds."""
        self._clock = clock
        self._jobs: dict[str, tuple[Delivery, float]] = {}

    def __len__(self) -> int:
        self._forget_due()
        return len(self._jobs)

    def __iter__(self) -> Iterator[str]:
        self._forget_due()
        return iter(list(self._jobs))

    def add(self, job_id: str, delivery: Delivery) -> None:
        """It was given back for PARK_S just now."""
        self._jobs.pop(job_id, None)
        self._jobs[job_id] = (delivery, self._clock() + PARK_S - MARGIN_S)

    def take(self, job_id: str) -> Delivery | None:
        """Forget the job. Returns its delivery if nobody else can have it yet."""
        delivery, due = self._jobs.pop(job_id, (None, 0.0))
        return delivery if self._clock() < due else None

    def _forget_due(self) -> None:
        now = self._clock()
        while self._jobs:
            first = next(iter(self._jobs))
            if now < self._jobs[first][1]:
                return
            del self._jobs[first]
