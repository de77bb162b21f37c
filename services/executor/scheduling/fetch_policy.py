"""How many more deliveries an executor asks for, and how many it has too many.

It wants what its slots will take in a moment, and leaves whatever else may start to the server, which gives
it to whoever asks first. Lanes that are held here go on by themselves, so each time a slot was given it looks
there for somebody whose turn is nearer.
"""

from collections.abc import Callable, Mapping
from itertools import islice

from services.executor.execution import Execution
from services.executor.scheduling.delayed_deliveries import DelayedDeliveries
from services.executor.scheduling.fair_queue import FairQueue
from services.executor.scheduling.held_deliveries import HeldDeliveries
from services.executor.scheduling.prefetch import SLOT_WAIT_S, PrefetchSize
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs

SWEEP_MAX = 256
"""Deliveries asked for at a time while nothing that comes may start."""
LOOK_MAX = 64
LOST_AFTER_S = 1.0
"""A full executor looks this often for jobs whose executor was lost: the log does not tell of them."""


class FetchPolicy:
    """Looks at what the scheduler has in its hands."""

    def __init__(
        self,
        slots: int,
        unfinished: UnfinishedJobs,
        *,
        holding: HeldDeliveries,
        parked: DelayedDeliveries,
        rotation: FairQueue,
        executing: Mapping[str, Execution],
        offers: Callable[[str], bool],
        clock: Callable[[], float],
    ) -> None:
        """All of it belongs to the scheduler."""
        self._slots = slots
        self._unfinished = unfinished
        self._holding = holding
        self._parked = parked
        self._rotation = rotation
        self._executing = executing
        self._offers = offers
        self._clock = clock
        self._stock = PrefetchSize(slots)
        self._began: dict[str, float] = {}
        self._sweep = 0
        self._look = False
        self._delivered_at = clock()
        self._left_to_others = ""
        self._wanted_by_nobody_at = -SLOT_WAIT_S

    def begun(self, job_id: str) -> None:
        """The job has a slot. Before the next one is free, somebody else's turn may be nearer than ours."""
        self._began[job_id] = self._clock()
        self._look = True

    def ended(self, job_id: str) -> None:
        """The job has left its slot."""
        self._stock.learn(self._clock() - self._began.pop(job_id))

    def delivered(self, job_id: str) -> None:
        """Something came. While it only waits for its lane, what may start is farther back in the queue."""
        self._delivered_at = self._clock()
        if job_id == self._left_to_others:
            # The server would have given it to whoever is idle.
            self._wanted_by_nobody_at = self._delivered_at
        place = self._unfinished.lanes.place(job_id)
        if place is None:
            self._sweep = min(max(1, 2 * self._sweep), SWEEP_MAX)
            return
        self._sweep = 0
        self._look = self._look and place > 0 and self._others_wait(before=place)

    def left_to_others(self, job_id: str) -> None:
        """A job that may start was given back for want of a slot."""
        self._left_to_others = job_id

    def stands_aside(self, job_id: str) -> bool:
        """Whether a job that is given back would come again before somebody whose turn is nearer."""
        return self._look and self._unfinished.turn(job_id).place > 0

    def excess(self) -> int:
        """How many more jobs that may start are here than wanted; negative if fewer."""
        # A job whose end the log has told already is about to leave its slot.
        running = sum(job_id in self._unfinished for job_id in self._executing)
        nobody_is_idle = self._clock() - self._wanted_by_nobody_at < SLOT_WAIT_S or self._others_wait()
        stock = self._stock.size(self._began, self._clock(), nobody_is_idle=nobody_is_idle)
        # What was begun elsewhere and came here nevertheless was lost there: it must not go round.
        waiting = sum(job_id in self._unfinished.startable for job_id in self._rotation)
        return running + waiting - self._slots - stock

    def want(self) -> int:
        """How many more deliveries to ask for; more than fit the bounds are given back on arrival."""
        count = -self.excess()
        if count <= 0 and not (self._look and (self._others_wait() or self._some_may_be_lost())):
            return 0
        elsewhere = len(self._unfinished) - len(self._holding) - len(self._parked)
        return max(count, min(self._sweep, elsewhere), 1)

    def _some_may_be_lost(self) -> bool:
        elsewhere = any(job_id not in self._executing for job_id in self._unfinished.running)
        return elsewhere and self._clock() - self._delivered_at > LOST_AFTER_S

    def _others_wait(self, *, before: int | None = None) -> bool:
        """Whether there are jobs that may start, in languages of ours, and are not here.

        With `before`, only those whose place in their lane is nearer, among the longest waiting.
        """
        longest = self._unfinished.startable
        for job_id in longest if before is None else islice(longest, LOOK_MAX):
            known = self._unfinished.get(job_id)
            if job_id in self._holding or not known or not self._offers(known.state.queued.language):
                continue
            if before is None or self._unfinished.turn(job_id).place < before:
                return True
        return False
