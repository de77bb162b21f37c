"""How many more deliveries an executor asks for, and how many it holds too many. Pure.

It wants the jobs that its slots will take in a moment, and leaves all other startable jobs to the server,
which gives them to the executor that asks first. Lanes that are held here move on by themselves, so after
each start the executor also looks at the server for a job whose priority is nearer.
"""

from collections.abc import Callable, Mapping
from itertools import islice

from services.executor.scheduling.delayed_deliveries import DelayedDeliveries
from services.executor.scheduling.fair_queue import FairQueue
from services.executor.scheduling.held_deliveries import HeldDeliveries
from services.executor.scheduling.prefetch import SLOT_WAIT_S, PrefetchSize
from services.executor.scheduling.slots import Bounds, Slot
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from shared.domain.lanes import Lane

SWEEP_MAX = 256
"""Deliveries asked for at a time while no delivery that arrives may start."""
LOOK_MAX = 64
LOST_AFTER_S = 1.0
"""A full executor looks this often for jobs whose executor was lost: the log does not report them."""


class FetchPolicy:
    """Reads what the scheduler's core holds. Times are seconds of a steady clock."""

    def __init__(
        self,
        bounds: Bounds,
        unfinished: UnfinishedJobs,
        *,
        held: HeldDeliveries,
        delayed: DelayedDeliveries,
        queue: FairQueue,
        executing: Mapping[str, Slot],
        offers: Callable[[str], bool],
        now_s: float,
    ) -> None:
        """All of it belongs to the scheduler's core. `offers`: whether this host runs a language."""
        self._slots = bounds.slots
        self._interactive_slots = bounds.interactive_slots
        self._executing = executing
        self._unfinished = unfinished
        self._held = held
        self._delayed = delayed
        self._queue = queue
        self._offers = offers
        self._prefetch = PrefetchSize(bounds.slots)
        self._started: dict[str, float] = {}
        self._sweep = 0
        self._look = False
        self._delivered_s = now_s
        self._returned = ""
        self._unwanted_s = -SLOT_WAIT_S

    def on_job_started(self, job_id: str, now_s: float) -> None:
        """The job has a slot for what is not interactive.

        Before the next slot is free, a job with a nearer priority may be found.
        """
        self._started[job_id] = now_s
        self._look = True

    def on_job_ended(self, job_id: str, now_s: float) -> None:
        """The job has left its slot."""
        started_s = self._started.pop(job_id, None)
        if started_s is not None:
            self._prefetch.learn(now_s - started_s)

    def on_job_delivered(self, job_id: str, now_s: float) -> None:
        """A job arrived. While arriving jobs find no slot or wait for their lane, others are farther back."""
        self._delivered_s = now_s
        if job_id == self._returned:
            # An idle executor would have got it from the server.
            self._unwanted_s = now_s
        place = self._unfinished.lanes.place(job_id)
        is_passed_over = (
            not self._has_interactive_slot()
            if self._unfinished.is_interactive(job_id)
            else self.seeks_interactive()
        )
        if place is None or is_passed_over:
            self._sweep = min(max(1, 2 * self._sweep), SWEEP_MAX)
            return
        self._sweep = 0
        self._look = self._look and place > 0 and self._some_wait_elsewhere(before=place)

    def on_lane_changed(self, lane: Lane) -> None:
        """The log may have let a job start, here or elsewhere, that comes before one that waits here."""
        last = self._queue.last()
        if self._look or last is None or isinstance(lane, tuple):
            return
        place = self._unfinished.priority(last).place
        self._look = any(
            self._waits_elsewhere(job_id) and self._unfinished.priority(job_id).place < place
            for job_id in self._unfinished.lanes.startable(lane)
            if job_id in self._unfinished.startable
        )

    def on_job_returned(self, job_id: str) -> None:
        """A startable job was given back for want of a slot."""
        self._returned = job_id

    def must_stand_aside(self, job_id: str) -> bool:
        """Whether a job that is given back would come again before a job whose priority is nearer."""
        return self._look and self._unfinished.priority(job_id).place > 0

    def excess(self, now_s: float) -> int:
        """How many more startable jobs are here than wanted; negative if fewer."""
        # A job whose end is in the log already is about to leave its slot.
        running = sum(job_id in self._unfinished for job_id in self._started)
        is_contended = now_s - self._unwanted_s < SLOT_WAIT_S or self._some_wait_elsewhere()
        size = self._prefetch.size(self._started, now_s, is_contended=is_contended)
        # A job that another executor started and that came here nevertheless was lost there: it stays.
        waiting = sum(
            job_id in self._unfinished.startable and not self._unfinished.is_interactive(job_id)
            for job_id in self._queue
        )
        return running + waiting - self._slots - size

    def fetch_count(self, now_s: float) -> int:
        """How many more deliveries to ask for; more than fit the bounds are given back on arrival."""
        count = -self.excess(now_s)
        if count <= 0 and not self._must_look(now_s) and not self.seeks_interactive():
            return 0
        elsewhere = len(self._unfinished) - len(self._held) - self._delayed.count(now_s)
        return max(count, min(self._sweep, elsewhere), 1)

    def seeks_interactive(self) -> bool:
        """Whether a slot for interactive jobs is free, and such a job waits elsewhere."""
        waiting = self._unfinished.startable_interactive
        if not waiting or not any(self._waits_elsewhere(job_id) for job_id in islice(waiting, LOOK_MAX)):
            return False
        return self._has_interactive_slot()

    def _has_interactive_slot(self) -> bool:
        return sum(slot.is_interactive for slot in self._executing.values()) < self._interactive_slots

    def _must_look(self, now_s: float) -> bool:
        return self._look and (self._some_wait_elsewhere() or self._some_may_be_lost(now_s))

    def _some_may_be_lost(self, now_s: float) -> bool:
        elsewhere = any(job_id not in self._started for job_id in self._unfinished.running)
        return elsewhere and now_s - self._delivered_s > LOST_AFTER_S

    def _some_wait_elsewhere(self, *, before: int | None = None) -> bool:
        """Whether there are startable jobs, in languages of this host, not interactive and not held here.

        With `before`, only those whose place in their lane is nearer, among the longest waiting.
        """
        longest = self._unfinished.startable_batch
        for job_id in longest if before is None else islice(longest, LOOK_MAX):
            if self._waits_elsewhere(job_id) and (
                before is None or self._unfinished.priority(job_id).place < before
            ):
                return True
        return False

    def _waits_elsewhere(self, job_id: str) -> bool:
        """Whether a job that may start is not held here, and could be."""
        known = self._unfinished.get(job_id)
        return job_id not in self._held and known is not None and self._offers(known.state.queued.language)
