"""Which deliveries are given back with a delay, for how long, and when they are recalled. Pure."""

from collections.abc import Collection, Iterator

from services.executor.scheduling.actions import Answer, Nak
from services.executor.scheduling.delayed_deliveries import DELAY_MIN_S, CompletionRate, DelayedDeliveries
from services.executor.scheduling.held_deliveries import HeldDeliveries
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from shared.domain.lanes import Lane

NEAR = 16
"""So many first jobs of a lane should be held by some executor: a recall takes a moment."""


class DelayPolicy:
    """Reads what the scheduler's core holds. Times are seconds of a steady clock."""

    def __init__(
        self,
        slots: int,
        unfinished: UnfinishedJobs,
        *,
        held: HeldDeliveries,
        delayed: DelayedDeliveries,
        executing: Collection[str],
    ) -> None:
        """All of it belongs to the scheduler's core."""
        self._unfinished = unfinished
        self._held = held
        self._delayed = delayed
        self._executing = executing
        self._rate = CompletionRate(slots)

    def on_job_ended(self, now_s: float) -> None:
        """The log reports the end of a job, of any user and on any executor."""
        self._rate.count(now_s)

    def nak_beyond_limit(self, now_s: float) -> Iterator[Answer]:
        """Release and delay the jobs farthest back, until what is held is within its bounds."""
        for held in self._held.take_farthest(self._may_wait_elsewhere, besides=len(self._executing)):
            delay_s = self._delay_s(held.queued.job_id, now_s)
            self._delayed.add(held.queued.job_id, held.delivery, delay_s, now_s)
            yield Answer(held.delivery, Nak("far", delay_s))

    def recall_delayed(self, lane: Lane, now_s: float) -> Iterator[Answer]:
        """End the delay of the first jobs of a lane, as far as there is room for them."""
        if not self._delayed.count(now_s):
            return
        for job_id in self._unfinished.lanes.front(lane, NEAR):
            has_room = self._held.has_room(besides=len(self._executing))
            if has_room or self._unfinished.lanes.may_start(job_id):
                delivery = self._delayed.take(job_id, now_s)
                if delivery is not None:
                    yield Answer(delivery, Nak("near"))

    def _may_wait_elsewhere(self, job_id: str) -> bool:
        # A job whose end is in the log may start no more, and still has its slot for a moment.
        return job_id not in self._executing and not self._unfinished.lanes.may_start(job_id)

    def _delay_s(self, job_id: str, now_s: float) -> float:
        if job_id not in self._unfinished:
            return DELAY_MIN_S
        depth, lanes = self._unfinished.depth(job_id), self._unfinished.lanes.count()
        return self._rate.delay_s(depth=depth, lanes=lanes, now_s=now_s)
