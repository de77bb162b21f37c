"""Which held jobs take the free slots, and which startable ones are given back. Pure."""

from collections.abc import Iterator

from services.executor.scheduling.actions import Answer, Nak, Start
from services.executor.scheduling.fair_queue import FairQueue
from services.executor.scheduling.fetch_policy import FetchPolicy
from services.executor.scheduling.held_deliveries import HeldDeliveries
from services.executor.scheduling.slots import Slot
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from shared.jetstream.delivery import Delivery

ASIDE_S = 0.1
"""A job that is given back without a delay is the next to come again: too soon if another job is wanted."""


class SlotPolicy:
    """Takes held jobs in the order of the queue. Times are seconds of a steady clock."""

    def __init__(
        self,
        slots: int,
        unfinished: UnfinishedJobs,
        *,
        held: HeldDeliveries,
        executing: dict[str, Slot],
        queue: FairQueue,
        fetching: FetchPolicy,
    ) -> None:
        """All of it belongs to the scheduler's core."""
        self._slots = slots
        self._unfinished = unfinished
        self._held = held
        self._executing = executing
        self._queue = queue
        self._fetching = fetching

    def offer_lane(self, user_id: str) -> None:
        """Queue the held jobs that a lane allows to start."""
        for job_id in self._unfinished.lanes.startable(user_id):
            if job_id in self._held and job_id not in self._executing:
                self._queue.offer(job_id)

    def fill_slots(self, now_s: float) -> Iterator[Start]:
        """Give each free slot the first job of the queue."""
        while len(self._executing) < self._slots:
            job_id = self._queue.take()
            if job_id is None:
                return
            held = self._held[job_id]
            self._executing[job_id] = Slot(held.queued.user_id, held.delivery)
            self._fetching.on_job_started(job_id, now_s)
            yield Start(held.queued)

    def nak_excess(self, now_s: float) -> Iterator[Answer]:
        """As lanes move on, jobs that waited here become startable all at once: more than the slots need."""
        while self._fetching.excess(now_s) > 0:
            job_id = self._queue.last()
            if job_id is None:
                return
            delay_s = ASIDE_S if self._fetching.must_stand_aside(job_id) else 0.0
            self._fetching.on_job_returned(job_id)
            yield Answer(self.release(job_id), Nak("slots", delay_s))

    def nak_waiting(self, nak: Nak) -> Iterator[Answer]:
        """Give back every held job that has no slot."""
        for job_id in self._held:
            if job_id not in self._executing:
                yield Answer(self.release(job_id), nak)

    def release(self, job_id: str) -> Delivery:
        """Hold the job no longer, so that it cannot start here."""
        self._queue.discard(job_id)
        return self._held.release(job_id).delivery
