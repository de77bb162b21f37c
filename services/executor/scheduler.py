"""Which held job gets which slot, and when: the log is the scheduler, this follows it (DESIGN 5.2).

A delivery is held from its arrival until its job is terminal in the log. A held job starts when its lane
lets it and a slot is free, round-robin over users. Every executor sees every terminal event, so
whichever holds a lane's next job starts it at once.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable

from services.executor.execution import Ack, Disposition, Execution, GiveBack, LetGo
from services.executor.rotation import Rotation
from services.executor.settings import ExecutorSettings
from services.executor.unfinished import Change, Unfinished
from shared import metrics
from shared.broker import Broker
from shared.codec import UndecodableError, UnknownTagError, decode_event
from shared.consumer import Consumer, Delivery
from shared.events import JobQueued
from shared.job import Expired, Finished, Running
from shared.log import Entry
from shared.logs import get_logger
from shared.subjects import EXECUTOR_DURABLE, JOBS

logger = get_logger(__name__)

STARTABLE_PER_SLOT = 2
"""Jobs held that could run elsewhere, the running ones included: enough that a slot never waits for a pull,
few enough that a dead executor delays few and that an idle one finds work."""

FAR_BACK_DELAY_S = 10.0
NOT_OFFERED_DELAY_S = 2.0
NEWER_DELAY_S = 5.0

Work = Callable[[Execution], Awaitable[Disposition]]
Offers = Callable[[str], bool]


class Scheduler:
    """Holds deliveries, follows the log, fills the slots."""

    def __init__(
        self, broker: Broker, settings: ExecutorSettings, unfinished: Unfinished, work: Work, offers: Offers
    ) -> None:
        """`work` runs one job to its end; `offers` says whether this host has a language."""
        self._settings = settings
        self._unfinished = unfinished
        self._work = work
        self._offers = offers
        self._position = 0
        self._held: dict[str, tuple[JobQueued, Delivery]] = {}
        self._executing: dict[str, Execution] = {}
        self._held_bytes = 0
        self._far_back: list[tuple[int, str]] = []
        self._rotation = Rotation()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None] | None = None
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
        self._failed = asyncio.get_running_loop().create_future()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._consumer.run())
            group.create_task(self._watch_work(self._failed))

    async def drain(self, *, grace_s: float) -> None:
        """Give back what waits, let running programs end within the grace period, then stop them."""
        self._stopping = True
        await self._consumer.stop_pulling()
        for job_id in list(self._held):
            if job_id not in self._executing:
                await self._consumer.give_back(self._let_go(job_id))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        for execution in self._executing.values():
            execution.ask_to_stop("shutdown")
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def follow(self, batch: list[Entry]) -> None:
        """Take what the log says. Handler of the executor's follower."""
        for entry in batch:
            self._position = entry.sequence
            change = self._unfinished.apply(entry)
            if change is not None:
                await self._react(change)

    async def _react(self, change: Change) -> None:
        execution = self._executing.get(change.job_id)
        match change.state:
            case Finished() | Expired():
                if execution is not None:
                    execution.ask_to_stop("superseded")
                elif change.job_id in self._held:
                    await self._consumer.ack(self._let_go(change.job_id))
            case Running(_, attempt, _, cancel) if execution is not None:
                if execution.attempt and attempt > execution.attempt:
                    execution.ask_to_stop("superseded")
                elif cancel is not None:
                    execution.ask_to_stop("cancelled")
        self._offer_lane(change.user_id)

    def _want(self) -> int:
        """How many more deliveries to ask for; more than fit the bound are given back on arrival."""
        return 0 if self._stopping else -self._startable_excess()

    def _deliver(self, delivery: Delivery, payload: bytes) -> None:
        try:
            event = decode_event(delivery.subject, payload)
        except UnknownTagError as error:
            metrics.UNKNOWN.labels(reader="consumer").inc()
            logger.error("newer_event", sequence=delivery.sequence, tag=str(error))
            self._spawn(self._consumer.give_back(delivery, delay_s=NEWER_DELAY_S))
            return
        except UndecodableError as error:
            metrics.POISON.labels(reader="consumer").inc()
            logger.error("poison_terminated", sequence=delivery.sequence, why=str(error))
            self._spawn(self._consumer.terminate(delivery, "the message is not an event"))
            return
        assert isinstance(event, JobQueued), "the subject was checked against the event's kind"
        self._hold(event, delivery)

    def _hold(self, event: JobQueued, delivery: Delivery) -> None:
        job_id = event.job_id
        if job_id in self._executing:
            self._executing[job_id].delivery = delivery
        elif delivery.sequence <= self._position and job_id not in self._unfinished:
            self._spawn(self._consumer.ack(delivery))
        elif not self._offers(event.language):
            self._spawn(self._consumer.give_back(delivery, delay_s=NOT_OFFERED_DELAY_S))
        elif self._stopping:
            self._spawn(self._consumer.give_back(delivery))
        else:
            self._keep(event, delivery)
            heapq.heappush(self._far_back, (-delivery.sequence, job_id))
            self._offer_lane(event.user_id)
            self._give_back_the_farthest()
        metrics.JOBS_HELD.set(len(self._held))

    def _give_back_the_farthest(self) -> None:
        """One user's thousand waiting jobs must not keep others' from being delivered here."""
        while self._far_back and self._holds_too_much():
            sequence, job_id = heapq.heappop(self._far_back)
            held = self._held.get(job_id)
            gone = held is None or held[1].sequence != -sequence
            if not gone and not self._unfinished.lanes.may_start(job_id):
                self._spawn(self._consumer.give_back(self._let_go(job_id), delay_s=FAR_BACK_DELAY_S))

    def _holds_too_much(self) -> bool:
        waiting = len(self._held) - len(self._executing)
        return waiting > self._settings.held_max or self._held_bytes > self._settings.held_bytes_max

    def _keep(self, event: JobQueued, delivery: Delivery) -> None:
        earlier = self._held.get(event.job_id)
        self._held_bytes += delivery.size_bytes - (earlier[1].size_bytes if earlier else 0)
        self._held[event.job_id] = (event, delivery)

    def _forget(self, delivery: Delivery) -> None:
        """A delivery is no longer ours; a program that runs on is fenced if another executor begins."""
        for job_id, (_, held) in list(self._held.items()):
            if held.sequence == delivery.sequence and job_id not in self._executing:
                self._let_go(job_id)

    def _let_go(self, job_id: str) -> Delivery:
        event, delivery = self._held.pop(job_id)
        self._held_bytes -= delivery.size_bytes
        self._rotation.discard(event.user_id, job_id)
        metrics.JOBS_HELD.set(len(self._held))
        return delivery

    def _offer_lane(self, user_id: str) -> None:
        for job_id in self._unfinished.lanes.startable(user_id):
            if job_id in self._held and job_id not in self._executing:
                self._rotation.offer(user_id, job_id)
        self._fill_slots()
        self._give_back_what_others_could_start()
        self._consumer.want_changed()

    def _startable_excess(self) -> int:
        """How many more startable jobs than wanted are here; negative if fewer."""
        # A job whose end the log has told already is about to leave its slot.
        running = sum(job_id in self._unfinished for job_id in self._executing)
        return running + len(self._rotation) - STARTABLE_PER_SLOT * self._settings.slots

    def _give_back_what_others_could_start(self) -> None:
        """Lanes move on, and jobs that waited here become startable all at once: more than our slots need."""
        while not self._stopping and self._startable_excess() > 0:
            job_id = self._rotation.last()
            if job_id is None:
                return
            self._spawn(self._consumer.give_back(self._let_go(job_id)))

    def _fill_slots(self) -> None:
        while not self._stopping and len(self._executing) < self._settings.slots:
            job_id = self._rotation.take()
            if job_id is None:
                break
            event, delivery = self._held[job_id]
            execution = Execution(event, delivery)
            self._executing[job_id] = execution
            self._spawn(self._execute(execution))
        metrics.JOBS_EXECUTING.set(len(self._executing))

    async def _execute(self, execution: Execution) -> None:
        job_id = execution.queued.job_id
        try:
            disposition = await self._work(execution)
        finally:
            del self._executing[job_id]
            if job_id in self._held:
                self._let_go(job_id)
        match disposition:
            case Ack():
                await self._consumer.ack(execution.delivery)
            case GiveBack():
                await self._consumer.give_back(execution.delivery)
            case LetGo():
                self._consumer.let_go(execution.delivery)
        self._offer_lane(execution.queued.user_id)

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)

    @staticmethod
    async def _watch_work(failed: asyncio.Future[None]) -> None:
        """A task that raises is a bug: let it end the service rather than vanish."""
        await failed
