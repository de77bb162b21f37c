"""Performs what the scheduler's core decides: the consumer, the tasks, the timers, metrics and log lines.

Every input reaches the core with the time at which it came, and its actions are performed at once, in order.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import assert_never

from msgspec import UNSET

from services.executor.scheduling.actions import (
    Abandon,
    Ack,
    Action,
    Answer,
    Disposition,
    Fetch,
    Nak,
    ReportContradiction,
    Start,
    Stop,
    Terminate,
    TickAfter,
    WakeFetch,
)
from services.executor.scheduling.background import Background
from services.executor.scheduling.cell_supply import CellSupply
from services.executor.scheduling.circuit import spread_s
from services.executor.scheduling.core import SchedulerCore
from services.executor.scheduling.execution import Execution
from services.executor.scheduling.inputs import (
    AttemptStarted,
    CellsChanged,
    Context,
    Delivered,
    DeliveredEvent,
    DeliveryLost,
    DrainStarted,
    FetchDue,
    FetchingStopped,
    GraceEnded,
    Input,
    LogEntry,
    SlotFreed,
    Tick,
)
from services.executor.scheduling.slots import Bounds
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from services.executor.settings import ExecutorSettings
from shared.contract.codec import UndecodableError, UnknownTagError, decode_event
from shared.contract.subjects import EXECUTOR_DURABLE, JOBS
from shared.domain.events import Event, JobQueued
from shared.jetstream.connection import Broker
from shared.jetstream.delivery import Delivery
from shared.jetstream.errors import BrokerError
from shared.jetstream.input_log import purge_input
from shared.jetstream.pull_consumer import Consumer
from shared.jetstream.stored_message import Entry
from shared.observability import metrics
from shared.observability.logs import get_logger

logger = get_logger(__name__)

Work = Callable[[Execution], Awaitable[Disposition]]


class Scheduler:
    """Holds deliveries, follows the log, fills the slots."""

    def __init__(
        self,
        broker: Broker,
        settings: ExecutorSettings,
        unfinished: UnfinishedJobs,
        work: Work,
        offers: Callable[[str], bool],
        supply: CellSupply,
    ) -> None:
        """`work` runs one job to its end; `offers` says whether this host has a language, `supply` cells."""
        self._broker = broker
        self._work = work
        self._clock = asyncio.get_running_loop().time
        bounds = Bounds(
            settings.slots, settings.held_max, settings.held_bytes_max, settings.interactive_slots
        )
        self.core = SchedulerCore(bounds, unfinished, supply.health, offers=offers, context=self._context())
        self._executions: dict[str, Execution] = {}
        self._with_input: dict[int, JobQueued] = {}
        self._background = Background()
        self._consumer = Consumer(
            broker,
            stream=JOBS,
            durable=EXECUTOR_DURABLE,
            fetch_count=self._fetch_count,
            deliver=self._deliver,
            on_lost=self._lose,
        )
        supply.listen(lambda: self._handle(CellsChanged()))

    def begin_after(self, sequence: int) -> None:
        """Every job queued at or before this sequence is terminal."""
        self.core.begin_after(sequence)

    async def run(self) -> None:
        """Pull, keep alive and start jobs until cancelled, which must come after `drain`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._consumer.run())
            group.create_task(self._background.watch())

    async def drain(self, *, grace_s: float) -> None:
        """Give back what waits, let running programs end within the grace period, then stop them."""
        self._handle(DrainStarted())
        await self._consumer.stop_pulling()
        self._handle(FetchingStopped())
        await self._background.wait(timeout_s=grace_s)
        self._handle(GraceEnded())
        await self._background.wait()

    async def follow(self, batch: list[Entry]) -> None:
        """Pass on what the log reports. Handler of the executor's follower."""
        for entry in batch:
            self._handle(LogEntry(entry.sequence, entry.stored_at, read_event(entry)))

    def _deliver(self, delivery: Delivery, payload: bytes) -> None:
        event = _read_delivery(delivery, payload)
        if isinstance(event, JobQueued) and event.interactive is not UNSET:
            self._with_input[delivery.sequence] = event
        self._handle(Delivered(delivery, event))

    def _lose(self, delivery: Delivery) -> None:
        self._handle(DeliveryLost(delivery))
        queued = self._with_input.get(delivery.sequence)
        # One that runs is answered nevertheless when it has ended.
        if queued is not None and queued.job_id not in self.core.executing:
            del self._with_input[delivery.sequence]

    def _fetch_count(self) -> int:
        fetches = self.core.handle(FetchDue(), self._context())
        return next((action.count for action in fetches if isinstance(action, Fetch)), 0)

    def _context(self) -> Context:
        return Context(self._clock(), datetime.now(UTC), self._broker.is_connected)

    def _handle(self, step: Input) -> None:
        for action in self.core.handle(step, self._context()):
            self._perform(action)
        metrics.JOBS_HELD.set(len(self.core.held))
        metrics.JOBS_EXECUTING.set(len(self.core.executing))

    def _perform(self, action: Action) -> None:
        match action:
            case Start(queued):
                self._start(queued)
            case Stop(job_id, reason):
                self._executions[job_id].ask_to_stop(reason)
            case Answer(delivery, disposition):
                self._answer(delivery, disposition)
            case WakeFetch():
                self._consumer.refetch()
            case TickAfter(seconds):
                asyncio.get_running_loop().call_later(seconds, self._handle, Tick())
            case ReportContradiction(sequence, why):
                logger.error("impossible_history", sequence=sequence, why=why)
            case Fetch():
                raise AssertionError("the consumer asks by itself how much to fetch")
            case _:
                assert_never(action)

    def _answer(self, delivery: Delivery, disposition: Disposition | Terminate) -> None:
        interactive = self._with_input.pop(delivery.sequence, None)
        match disposition:
            case Ack() if interactive is not None:
                self._background.begin(self._purge_and_ack(interactive, delivery))
            case Ack():
                self._background.begin(self._consumer.ack(delivery))
            case Nak(why, delay_s, is_spread, unknown):
                metrics.GIVEN_BACK.labels(why=why).inc()
                if unknown is not None:
                    _report_newer(delivery, unknown)
                if is_spread:
                    delay_s = spread_s(delay_s, random.random())  # noqa: S311 - spreads delays
                self._background.begin(self._consumer.give_back(delivery, delay_s=delay_s))
            case Abandon():
                self._consumer.abandon(delivery)
            case Terminate(why):
                self._background.begin(self._consumer.terminate(delivery, why))
            case _:
                assert_never(disposition)

    async def _purge_and_ack(self, queued: JobQueued, delivery: Delivery) -> None:
        """The job has ended: its input leaves first, so that it does whatever dies in between."""
        try:
            await purge_input(self._broker, queued.user_id, queued.job_id)
        except BrokerError as error:
            # It is delivered again, and acknowledged then.
            logger.warning("input_not_purged", job_id=queued.job_id, why=str(error))
            self._consumer.abandon(delivery)
            return
        await self._consumer.ack(delivery)

    def _start(self, queued: JobQueued) -> None:
        job_id = queued.job_id
        execution = Execution(queued, lambda attempt: self._handle(AttemptStarted(job_id, attempt)))
        self._executions[job_id] = execution
        self._background.begin(self._execute(execution))

    async def _execute(self, execution: Execution) -> None:
        job_id = execution.queued.job_id
        disposition = await self._work(execution)
        del self._executions[job_id]
        self._handle(SlotFreed(job_id, disposition))


def read_event(entry: Entry) -> Event | None:
    """The event of an entry of the log; None, counted and logged, if this program cannot read it."""
    try:
        return entry.event()
    except UndecodableError as error:
        metrics.POISON.labels(reader="follower").inc()
        logger.error("poison_skipped", sequence=entry.sequence, why=str(error))
    except UnknownTagError as error:
        # The job stays unfinished here, so its lane waits for an executor that understands.
        metrics.UNKNOWN.labels(reader="follower").inc()
        logger.error("newer_event", sequence=entry.sequence, tag=str(error))
    return None


def _read_delivery(delivery: Delivery, payload: bytes) -> DeliveredEvent:
    try:
        event = decode_event(delivery.subject, payload)
    except UnknownTagError as error:
        _report_newer(delivery, str(error))
        return error
    except UndecodableError as error:
        metrics.POISON.labels(reader="consumer").inc()
        logger.error("poison_terminated", sequence=delivery.sequence, why=str(error))
        return error
    assert isinstance(event, JobQueued), "the subject was checked against the event's kind"
    return event


def _report_newer(delivery: Delivery, unknown: str) -> None:
    metrics.UNKNOWN.labels(reader="consumer").inc()
    logger.error("newer_event", sequence=delivery.sequence, tag=unknown)
