"""Decides which held job gets which slot, and when. Pure: inputs with their time come in, actions go out.

A delivery is held from its arrival until its job is terminal in the log. A held job starts when its lane
allows it and a slot is free; the job with the fewest unfinished jobs of its user before it comes first. Every
executor sees every terminal event, so the executor that holds a lane's next job starts it at once.
"""

from collections.abc import Callable
from datetime import datetime
from typing import assert_never

from services.executor.scheduling import inputs
from services.executor.scheduling.actions import (
    Abandon,
    Ack,
    Action,
    Answer,
    Disposition,
    Fetch,
    Nak,
    ReportContradiction,
    Stop,
    Terminate,
    TickAfter,
    WakeFetch,
)
from services.executor.scheduling.admission import NO_CELLS, Admission, unreadable
from services.executor.scheduling.cell_health import CellHealth
from services.executor.scheduling.delay_policy import DelayPolicy
from services.executor.scheduling.delayed_deliveries import DelayedDeliveries
from services.executor.scheduling.fair_queue import FairQueue
from services.executor.scheduling.fetch_policy import FetchPolicy
from services.executor.scheduling.held_deliveries import HeldDeliveries
from services.executor.scheduling.inputs import Context, DeliveredEvent, Input, LogEntry
from services.executor.scheduling.prefetch import SLOT_WAIT_S
from services.executor.scheduling.slot_policy import SlotPolicy
from services.executor.scheduling.slots import Bounds, Slot
from services.executor.scheduling.unfinished_jobs import Change, Contradiction, UnfinishedJobs
from shared.domain.events import JobQueued
from shared.domain.job import Expired, Finished, NoJob, Queued, Running
from shared.domain.lanes import Lane, lane_of
from shared.jetstream.delivery import Delivery


class SchedulerCore:
    """The rules of one executor. `handle` takes one input and returns what is to be done, in this order."""

    def __init__(
        self,
        bounds: Bounds,
        unfinished: UnfinishedJobs,
        cells: CellHealth,
        *,
        offers: Callable[[str], bool],
        context: Context,
    ) -> None:
        """`offers`: whether this host runs a language. `unfinished` changes only here, `cells` elsewhere."""
        self._slots = bounds.slots
        self._unfinished = unfinished
        self._cells = cells
        self._admission = Admission(unfinished, cells, offers)
        self.held = HeldDeliveries(jobs_max=bounds.held_max, bytes_max=bounds.held_bytes_max)
        self.delayed = DelayedDeliveries()
        self.executing: dict[str, Slot] = {}
        self._queue = FairQueue(unfinished.priority)
        self._delaying = DelayPolicy(
            bounds.slots, unfinished, held=self.held, delayed=self.delayed, executing=self.executing
        )
        self._fetching = FetchPolicy(
            bounds,
            unfinished,
            held=self.held,
            delayed=self.delayed,
            queue=self._queue,
            executing=self.executing,
            offers=offers,
            now_s=context.now_s,
        )
        self._slotting = SlotPolicy(
            bounds,
            unfinished,
            held=self.held,
            executing=self.executing,
            queue=self._queue,
            fetching=self._fetching,
        )
        self._tick_is_due = False
        self._actions: list[Action] = []
        self._context = context

    def begin_after(self, sequence: int) -> None:
        """Every job queued at or before this sequence is terminal."""
        self._admission.position = sequence

    def handle(self, step: Input, context: Context) -> list[Action]:
        """Decide on one input."""
        self._context = context
        self._actions = []
        match step:
            case inputs.Delivered(delivery, event):
                self._take_delivery(delivery, event)
            case inputs.DeliveryLost(delivery):
                self._forget(delivery)
            case inputs.LogEntry():
                self._follow(step)
            case inputs.AttemptStarted(job_id, attempt):
                self.executing[job_id].attempt = attempt
            case inputs.SlotFreed(job_id, disposition):
                self._free_slot(job_id, disposition)
            case inputs.CellsChanged():
                self._apply_cells()
            case inputs.FetchDue():
                self._fetch()
            case inputs.Tick():
                self._tick_is_due = False
                self._rebalance()
            case inputs.DrainStarted() | inputs.FetchingStopped() | inputs.GraceEnded():
                self._drain(step)
            case _:
                assert_never(step)
        return self._actions

    def _follow(self, entry: LogEntry) -> None:
        self._admission.position = entry.sequence
        change = None if entry.event is None else self._unfinished.apply(entry.sequence, entry.event)
        if isinstance(change, Contradiction):
            self._actions.append(ReportContradiction(entry.sequence, change.why))
            change = change.change
        if change is not None:
            self._react(change, entry.stored_at)
            self._fetching.on_lane_changed(change.lane)
            self._offer_lane(change.lane)

    def _react(self, change: Change, stored_at: datetime) -> None:
        job_id = change.job_id
        slot = self.executing.get(job_id)
        match change.state:
            case Finished() | Expired():
                self._delaying.on_job_ended(self._context.now_s)
                self._cells.learn(change.state, self._context.now_s)
                if slot is not None:
                    self._actions.append(Stop(job_id, "superseded"))
                elif job_id in self.held:
                    self._answer(self._slotting.release(job_id), Ack())
            case Running(_, attempt, _, cancel) if slot is not None:
                if slot.attempt and attempt > slot.attempt:
                    self._actions.append(Stop(job_id, "superseded"))
                elif cancel is not None:
                    self._actions.append(Stop(job_id, "cancelled"))
            case Running():
                self._release_if_started_elsewhere(job_id, stored_at)
            case Queued() | NoJob():
                pass

    def _release_if_started_elsewhere(self, job_id: str, started_at: datetime) -> None:
        """The executor that started the job after it was delivered here holds it too, and keeps it alive.

        A server that was killed delivers again what it had delivered, while its first holder lives on.
        """
        self.delayed.take(job_id, self._context.now_s)
        if job_id in self.held and self.held[job_id].since < started_at:
            self._answer(self._slotting.release(job_id), Abandon())

    def _take_delivery(self, delivery: Delivery, event: DeliveredEvent) -> None:
        if isinstance(event, JobQueued):
            self._take_job(event, delivery)
        else:
            self._answer(delivery, unreadable(event))

    def _take_job(self, event: JobQueued, delivery: Delivery) -> None:
        job_id = event.job_id
        self.delayed.take(job_id, self._context.now_s)
        if job_id in self.executing:
            self.executing[job_id].delivery = delivery
        elif (refusal := self._admission.refusal(event, delivery, self._context)) is not None:
            self._answer(delivery, refusal)
        else:
            self._hold(event, delivery)

    def _hold(self, event: JobQueued, delivery: Delivery) -> None:
        self.held.keep(event, delivery, self._context.utc)
        self._fetching.on_job_delivered(event.job_id, self._context.now_s)
        self._offer_lane(lane_of(event))
        self._nak_beyond_limit()

    def _forget(self, delivery: Delivery) -> None:
        """A program that runs on is fenced if another executor starts the job."""
        job_id = self.held.job_at(delivery.sequence)
        if job_id is not None and job_id not in self.executing:
            self._slotting.release(job_id)

    def _offer_lane(self, lane: Lane) -> None:
        self._slotting.offer_lane(lane)
        self._recall_delayed(lane)
        self._rebalance()

    def _rebalance(self) -> None:
        """Fill the slots in the order of the queue, and give back what is more than they will take."""
        if not self._admission.is_stopping:
            if not self._cells.is_doubtful:
                self._actions.extend(self._slotting.fill_slots(self._context.now_s))
            self._actions.extend(self._slotting.nak_excess(self._context.now_s))
        self._actions.append(WakeFetch())
        if len(self._queue) and not self._tick_is_due and not self._admission.is_stopping:
            self._tick_is_due = True
            self._actions.append(TickAfter(SLOT_WAIT_S))

    def _nak_beyond_limit(self) -> None:
        """One user's thousand waiting jobs must not keep others' from being delivered here."""
        self._actions.extend(self._delaying.nak_beyond_limit(self._context.now_s))

    def _recall_delayed(self, lane: Lane) -> None:
        """What was given back with a delay must be here when its lane gets there."""
        # A NAK sent without a connection may arrive when another executor has the job.
        if self._context.is_connected:
            self._actions.extend(self._delaying.recall_delayed(lane, self._context.now_s))

    def _free_slot(self, job_id: str, disposition: Disposition) -> None:
        slot = self.executing.pop(job_id)
        self._fetching.on_job_ended(job_id, self._context.now_s)
        if job_id in self.held:
            self._slotting.release(job_id)
        self._answer(slot.delivery, disposition)
        self._offer_lane(slot.lane)

    def _apply_cells(self) -> None:
        """Leave to other executors what cannot start here for want of cells; or go on."""
        if self._cells.is_open and not self._admission.is_stopping:
            self._actions.extend(self._slotting.nak_waiting(NO_CELLS))
        self._rebalance()

    def _fetch(self) -> None:
        if self._cells.may_start:
            count = self._fetching.fetch_count(self._context.now_s)
        else:
            # A job that has waited too long for any host is brought to its end.
            oldest = self._unfinished.oldest_waiting(self.executing)
            is_hopeless = self._cells.is_hopeless(oldest, now_s=self._context.now_s, utc=self._context.utc)
            count = self._slots if is_hopeless else 0
        if count > 0 and not self._admission.is_stopping:
            self._actions.append(Fetch(count))

    def _drain(self, step: inputs.DrainStarted | inputs.FetchingStopped | inputs.GraceEnded) -> None:
        match step:
            case inputs.DrainStarted():
                self._admission.is_stopping = True
            case inputs.FetchingStopped():
                self._nak_all()
            case inputs.GraceEnded():
                self._actions.extend(Stop(job_id, "shutdown") for job_id in self.executing)

    def _nak_all(self) -> None:
        self._actions.extend(self._slotting.nak_waiting(Nak("leaving")))
        for job_id in self.delayed.jobs(self._context.now_s) if self._context.is_connected else ():
            delivery = self.delayed.take(job_id, self._context.now_s)
            if delivery is not None:
                self._answer(delivery, Nak("leaving"))

    def _answer(self, delivery: Delivery, disposition: Disposition | Terminate) -> None:
        self._actions.append(Answer(delivery, disposition))
