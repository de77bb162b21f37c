"""Which held jobs take the free slots, and which startable ones are given back. Pure."""

from collections.abc import Iterator

from services.executor.scheduling.actions import Answer, Nak, Start
from services.executor.scheduling.fair_queue import FairQueue
from services.executor.scheduling.fetch_policy import FetchPolicy
from services.executor.scheduling.held_deliveries import HeldDeliveries
from services.executor.scheduling.slots import Bounds, Slot
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from shared.domain.lanes import Lane, lane_of
from shared.jetstream.delivery import Delivery

ASIDE_S = 0.1
"""A job that is given back without a delay is the next to come again: too soon if another job is wanted."""
FAR_ASIDE_S = 1.0
"""While an interactive job is looked for, which may be behind thousands."""
ASIDE_EACH_S, ASIDE_MAX_S = 0.01, 60.0
"""Of interactive jobs that find no slot, so many more seconds for each that waits: one of them comes again
every 10 ms, however many there are."""


class SlotPolicy:
    """Takes held jobs in the order of the queue. Times are seconds of a steady clock."""

    def __init__(
        self,
        bounds: Bounds,
        unfinished: UnfinishedJobs,
        *,
        held: HeldDeliveries,
        executing: dict[str, Slot],
        queue: FairQueue,
        fetching: FetchPolicy,
    ) -> None:
        """All of it belongs to the scheduler's core."""
        self._slots = bounds.slots
        self._interactive_slots = bounds.interactive_slots
        self._unfinished = unfinished
        self._held = held
        self._executing = executing
        self._queue = queue
        self._fetching = fetching

    def offer_lane(self, lane: Lane) -> None:
        """Queue the held jobs that a lane allows to start."""
        for job_id in self._unfinished.lanes.startable(lane):
            if job_id in self._held and job_id not in self._executing:
                self._queue.offer(job_id)

    def fill_slots(self, now_s: float) -> Iterator[Start]:
        """Give each free slot the first job of the queue that is of its kind."""
        interactive = sum(slot.is_interactive for slot in self._executing.values())
        for is_interactive, free, of_kind in (
            (False, self._slots - (len(self._executing) - interactive), self._is_batch),
            (True, self._interactive_slots - interactive, self._unfinished.is_interactive),
        ):
            for _ in range(free if len(self._queue) else 0):
                job_id = self._queue.take(of_kind)
                if job_id is None:
                    break
                held = self._held[job_id]
                self._executing[job_id] = Slot(lane_of(held.queued), held.delivery, is_interactive)
                if not is_interactive:
                    self._fetching.on_job_started(job_id, now_s)
                yield Start(held.queued)

    def nak_excess(self, now_s: float) -> Iterator[Answer]:
        """As lanes move on, jobs that waited here become startable all at once: more than the slots need."""
        while self._fetching.excess(now_s) > 0:
            job_id = self._queue.last(self._is_batch)
            if job_id is None:
                break
            delay_s = ASIDE_S if self._fetching.must_stand_aside(job_id) else 0.0
            if self._fetching.seeks_interactive():
                delay_s = FAR_ASIDE_S
            self._fetching.on_job_returned(job_id)
            yield Answer(self.release(job_id), Nak("slots", delay_s))
        # What is left of them in the queue found no slot.
        while len(self._queue) and (job_id := self._queue.last(self._unfinished.is_interactive)) is not None:
            waiting_s = ASIDE_EACH_S * len(self._unfinished.startable_interactive)
            aside_s = min(max(ASIDE_S, waiting_s), ASIDE_MAX_S)
            yield Answer(self.release(job_id), Nak("slots", aside_s, is_spread=True))

    def _is_batch(self, job_id: str) -> bool:
        return not self._unfinished.is_interactive(job_id)

    def nak_waiting(self, nak: Nak) -> Iterator[Answer]:
        """Give back every held job that has no slot."""
        for job_id in self._held:
            if job_id not in self._executing:
                yield Answer(self.release(job_id), nak)

    def release(self, job_id: str) -> Delivery:
        """Hold the job no longer, so that it cannot start here."""
        self._queue.discard(job_id)
        return self._held.release(job_id).delivery
