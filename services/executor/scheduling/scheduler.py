"""Which held job gets which slot, and when: the log is the scheduler, this follows it (DESIGN 5.2).

A delivery is held from its arrival until its job is terminal in the log. A held job starts when its lane
lets it and a slot is free, those first who run least. Every executor sees every terminal event, so
whichever holds a lane's next job starts it at once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from services.executor.execution import Abandon, Ack, Disposition, Execution, Nak
from services.executor.scheduling.away import Away
from services.executor.scheduling.background import Background
from services.executor.scheduling.cell_supply import CellSupply
from services.executor.scheduling.fair_queue import FairQueue
from services.executor.scheduling.fetch_policy import FetchPolicy
from services.executor.scheduling.held_deliveries import HeldDeliveries
from services.executor.scheduling.prefetch import SLOT_WAIT_S
from services.executor.scheduling.unfinished_jobs import Change, UnfinishedJobs
from services.executor.settings import ExecutorSettings
from shared import metrics
from shared.broker import Broker
from shared.codec import UndecodableError, UnknownTagError, decode_event
from shared.consumer import Consumer, Delivery
from shared.entries import Entry
from shared.events import JobQueued
from shared.job import Expired, Finished, Nothing, Queued, Running
from shared.logs import get_logger
from shared.subjects import EXECUTOR_DURABLE, JOBS

logger = get_logger(__name__)

NOT_OFFERED_FIRST_S, NOT_OFFERED_MOST_S = 0.05, 2.0
NEWER_DELAY_S = 5.0
ASIDE_S = 0.1
"""What is given back at once comes again before anything else: too soon, when something else is wanted."""

Work = Callable[[Execution], Awaitable[Disposition]]
Offers = Callable[[str], bool]


class Scheduler:
    """Holds deliveries, follows the log, fills the slots."""

    def __init__(
        self,
        broker: Broker,
        settings: ExecutorSettings,
        unfinished: UnfinishedJobs,
        work: Work,
        offers: Offers,
        supply: CellSupply,
    ) -> None:
        """`work` runs one job to its end; `offers` says whether this host has a language, `supply` cells."""
        self._supply = supply
        supply.listen(self._cells_changed)
        self._slots = settings.slots
        self._unfinished = unfinished
        self._work = work
        self._offers = offers
        clock = asyncio.get_running_loop().time
        self._position = 0
        self._holding = HeldDeliveries(jobs_max=settings.held_max, bytes_max=settings.held_bytes_max)
        self._rotation = FairQueue(unfinished.turn)
        self._executing: dict[str, Execution] = {}
        self._away = Away(
            broker,
            unfinished,
            self._holding,
            executing=self._executing,
            slots=settings.slots,
            give_back=self._begin_to_give_back,
            clock=clock,
        )
        self.parked = self._away.parked
        self._demand = FetchPolicy(
            settings.slots,
            unfinished,
            holding=self._holding,
            parked=self.parked,
            rotation=self._rotation,
            executing=self._executing,
            offers=offers,
            clock=clock,
        )
        self._patience: asyncio.TimerHandle | None = None
        self._background = Background()
        self._stopping = False
        self._consumer = Consumer(
            broker,
            stream=JOBS,
            durable=EXECUTOR_DURABLE,
            want=self._want,
            deliver=self._deliver,
            forget=self._forget,
        )

    def begin_after(self, sequence: int) -> None:
        """Every job queued at or before this sequence is terminal."""
        self._position = sequence

    async def run(self) -> None:
        """Pull, keep alive and start jobs until cancelled, which must come after `drain`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._consumer.run())
            group.create_task(self._background.watch())

    async def drain(self, *, grace_s: float) -> None:
        """Give back what waits, let running programs end within the grace period, then stop them."""
        self._stopping = True
        await self._consumer.stop_pulling()
        waiting = [self._let_go(job_id) for job_id in self._holding if job_id not in self._executing]
        for delivery in [*waiting, *self._away.take_all()]:
            await self._give_back(delivery, "leaving")
        await self._background.wait(timeout_s=grace_s)
        for execution in self._executing.values():
            execution.ask_to_stop("shutdown")
        await self._background.wait()

    async def follow(self, batch: list[Entry]) -> None:
        """Take what the log says. Handler of the executor's follower."""
        for entry in batch:
            self._position = entry.sequence
            change = self._unfinished.apply(entry)
            if change is not None:
                await self._react(change, entry.stored_at)

    async def _react(self, change: Change, stored_at: datetime) -> None:
        execution = self._executing.get(change.job_id)
        match change.state:
            case Finished() | Expired():
                self._away.job_ended()
                self._supply.learn(change.state)
                if execution is not None:
                    execution.ask_to_stop("superseded")
                elif change.job_id in self._holding:
                    await self._consumer.ack(self._let_go(change.job_id))
            case Running(_, attempt, _, cancel) if execution is not None:
                if execution.attempt and attempt > execution.attempt:
                    execution.ask_to_stop("superseded")
                elif cancel is not None:
                    execution.ask_to_stop("cancelled")
            case Running():
                self._release_if_started_elsewhere(change.job_id, stored_at)
            case Queued() | Nothing():
                pass
        self._offer_lane(change.user_id)

    def _release_if_started_elsewhere(self, job_id: str, began_at: datetime) -> None:
        """Who began a job after it was delivered here holds it too, and keeps it alive as long as he lives.

        A server that was killed delivers again what it had delivered, while its first holder lives on.
        """
        self._away.is_not(job_id)
        if job_id in self._holding and self._holding[job_id].since < began_at:
            self._consumer.let_go(self._let_go(job_id))

    def _want(self) -> int:
        if self._stopping:
            return 0
        if self._supply.may_start:
            return self._demand.want()
        # What has waited too long for any host that can is brought to its end.
        return (
            self._slots if self._supply.is_hopeless(self._unfinished.oldest_waiting(self._executing)) else 0
        )

    def _deliver(self, delivery: Delivery, payload: bytes) -> None:
        try:
            event = decode_event(delivery.subject, payload)
        except UnknownTagError as error:
            metrics.UNKNOWN.labels(reader="consumer").inc()
            logger.error("newer_event", sequence=delivery.sequence, tag=str(error))
            self._background.begin(self._give_back(delivery, "newer", NEWER_DELAY_S))
            return
        except UndecodableError as error:
            metrics.POISON.labels(reader="consumer").inc()
            logger.error("poison_terminated", sequence=delivery.sequence, why=str(error))
            self._background.begin(self._consumer.terminate(delivery, "the message is not an event"))
            return
        assert isinstance(event, JobQueued), "the subject was checked against the event's kind"
        self._hold(event, delivery)

    def _hold(self, event: JobQueued, delivery: Delivery) -> None:
        job_id = event.job_id
        self._away.is_not(job_id)
        if job_id in self._executing:
            self._executing[job_id].delivery = delivery
        elif delivery.sequence <= self._position and job_id not in self._unfinished:
            self._background.begin(self._consumer.ack(delivery))
        elif not self._offers(event.language):
            delay_s = NOT_OFFERED_FIRST_S * 2 ** min(delivery.delivered - 1, 10)
            self._background.begin(self._give_back(delivery, "language", min(delay_s, NOT_OFFERED_MOST_S)))
        elif self._stopping:
            self._background.begin(self._give_back(delivery, "leaving"))
        elif self._supply.is_open and not self._supply.is_hopeless(event.time):
            self._background.begin(self._give_back(delivery, "cells", self._supply.pause_s()))
        else:
            self._keep(event, delivery)

    def _keep(self, event: JobQueued, delivery: Delivery) -> None:
        self._holding.keep(event, delivery)
        self._demand.delivered(event.job_id)
        self._offer_lane(event.user_id)
        self._away.nak_beyond_limit()

    def _forget(self, delivery: Delivery) -> None:
        """A delivery is no longer ours; a program that runs on is fenced if another executor begins."""
        job_id = self._holding.job_at(delivery.sequence)
        if job_id is not None and job_id not in self._executing:
            self._let_go(job_id)

    def _let_go(self, job_id: str) -> Delivery:
        self._rotation.discard(job_id)
        return self._holding.release(job_id).delivery

    def _offer_lane(self, user_id: str) -> None:
        for job_id in self._unfinished.lanes.startable(user_id):
            if job_id in self._holding and job_id not in self._executing:
                self._rotation.offer(job_id)
        self._away.recall_delayed(user_id)
        self._rebalance()

    def _rebalance(self) -> None:
        """Slots to whose turn it is, what is too much to whoever asks."""
        self._fill_slots()
        self._give_back_what_others_could_start()
        self._consumer.want_changed()
        if len(self._rotation) and self._patience is None and not self._stopping:
            self._patience = asyncio.get_running_loop().call_later(SLOT_WAIT_S, self._lose_patience)

    def _cells_changed(self) -> None:
        """Leave to other executors what cannot start here for want of cells; or go on."""
        if self._supply.is_open and not self._stopping:
            for job_id in self._holding:
                if job_id not in self._executing:
                    self._background.begin(
                        self._give_back(self._let_go(job_id), "cells", self._supply.pause_s())
                    )
        self._rebalance()

    def _lose_patience(self) -> None:
        self._patience = None
        self._rebalance()

    def _give_back_what_others_could_start(self) -> None:
        """Lanes move on, and jobs that waited here become startable all at once: more than our slots need."""
        while not self._stopping and self._demand.excess() > 0:
            job_id = self._rotation.last()
            if job_id is None:
                return
            delay_s = ASIDE_S if self._demand.stands_aside(job_id) else 0.0
            self._demand.left_to_others(job_id)
            self._background.begin(self._give_back(self._let_go(job_id), "slots", delay_s))

    def _fill_slots(self) -> None:
        while not self._stopping and not self._supply.is_doubtful and len(self._executing) < self._slots:
            job_id = self._rotation.take()
            if job_id is None:
                break
            held = self._holding[job_id]
            execution = Execution(held.queued, held.delivery)
            self._executing[job_id] = execution
            self._demand.begun(job_id)
            self._background.begin(self._execute(execution))
        metrics.JOBS_EXECUTING.set(len(self._executing))

    async def _execute(self, execution: Execution) -> None:
        job_id = execution.queued.job_id
        try:
            disposition = await self._work(execution)
        finally:
            del self._executing[job_id]
            self._demand.ended(job_id)
            if job_id in self._holding:
                self._let_go(job_id)
        match disposition:
            case Ack():
                await self._consumer.ack(execution.delivery)
            case Nak(why, delay_s):
                await self._give_back(execution.delivery, why, delay_s)
            case Abandon():
                self._consumer.let_go(execution.delivery)
        self._offer_lane(execution.queued.user_id)

    def _begin_to_give_back(self, delivery: Delivery, why: str, delay_s: float) -> None:
        self._background.begin(self._give_back(delivery, why, delay_s))

    async def _give_back(self, delivery: Delivery, why: str, delay_s: float = 0.0) -> None:
        metrics.GIVEN_BACK.labels(why=why).inc()
        await self._consumer.give_back(delivery, delay_s=delay_s)
