"""Jobs too far from their turn to be held: given back for a while, called back when their lane gets there."""

from collections.abc import Callable, Iterator, Sized

from services.executor.scheduling.delayed_deliveries import DELAY_MIN_S, CompletionRate, DelayedDeliveries
from services.executor.scheduling.held_deliveries import HeldDeliveries
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from shared.broker import Broker
from shared.consumer import Delivery

NEAR = 16
"""So many first jobs of a lane should be at hand somewhere: it takes a moment to call one back."""

GiveBack = Callable[[Delivery, str, float], None]
"""Begins to give a delivery back: why, and for how many seconds."""


class Away:
    """Which of the jobs that came here are parked at the server."""

    def __init__(
        self,
        broker: Broker,
        unfinished: UnfinishedJobs,
        holding: HeldDeliveries,
        *,
        executing: Sized,
        slots: int,
        give_back: GiveBack,
        clock: Callable[[], float],
    ) -> None:
        """All but the parked ones belong to the scheduler."""
        self.parked = DelayedDeliveries(clock)
        self._broker = broker
        self._unfinished = unfinished
        self._holding = holding
        self._executing = executing
        self._give_back = give_back
        self._pace = CompletionRate(slots, clock)

    def job_ended(self) -> None:
        """The log tells of an end, anybody's."""
        self._pace.ended()

    def is_not(self, job_id: str) -> None:
        """The job is here again, or somebody else's: it is not called back."""
        self.parked.take(job_id)

    def take_all(self) -> Iterator[Delivery]:
        """Forget every job, and tell of those that nobody else can have yet."""
        # What is sent while there is no connection may arrive when somebody else has the job.
        for job_id in self.parked if self._broker.is_connected else ():
            delivery = self.parked.take(job_id)
            if delivery is not None:
                yield delivery

    def nak_beyond_limit(self) -> None:
        """One user's thousand waiting jobs must not keep others' from being delivered here."""
        far = self._holding.take_farthest(
            lambda job_id: not self._unfinished.lanes.may_start(job_id), besides=len(self._executing)
        )
        for held in far:
            delay_s = self._for_s(held.queued.job_id)
            self.parked.add(held.queued.job_id, held.delivery, delay_s)
            self._give_back(held.delivery, "far", delay_s)

    def recall_delayed(self, user_id: str) -> None:
        """What was sent away must be at hand when its lane gets there."""
        if not len(self.parked) or not self._broker.is_connected:
            return
        for job_id in self._unfinished.lanes.front(user_id, NEAR):
            has_room = self._holding.has_room(besides=len(self._executing))
            if has_room or self._unfinished.lanes.may_start(job_id):
                delivery = self.parked.take(job_id)
                if delivery is not None:
                    self._give_back(delivery, "near", 0.0)

    def _for_s(self, job_id: str) -> float:
        if job_id not in self._unfinished:
            return DELAY_MIN_S
        depth, lanes = self._unfinished.depth(job_id), self._unfinished.lanes.users()
        return self._pace.delay_s(depth=depth, lanes=lanes)
