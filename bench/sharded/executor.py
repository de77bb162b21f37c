"""One executor process over all shards: a pull loop and a follower of each, one set of lanes and of slots.

A user is in one shard, so his lane is, and the lanes of all shards fit into one `Lanes`. A place in the log
is a vector: one sequence for each shard.
"""

import asyncio
from collections import Counter, deque

from bench.sharded import story
from bench.sharded.layout import Layout
from shared.contract.codec import decode_event
from shared.contract.subjects import EXECUTOR_DURABLE, job_events
from shared.domain.events import Event, JobQueued, JobRunning, Terminal
from shared.domain.lanes import Lanes
from shared.jetstream.connection import Broker
from shared.jetstream.delivery import Delivery
from shared.jetstream.event_log import Appended, AppendResult, Log
from shared.jetstream.follower import Follower
from shared.jetstream.pull_consumer import Consumer
from shared.jetstream.stored_message import Entry

SLOTS = 16
HELD = 256


class Shard:
    """What an executor has of one shard: its place there, and the deliveries that it holds."""

    def __init__(self, broker: Broker, stream: str, executor: "Executor", *, held_max: int) -> None:
        """Nothing was read. Each shard has a part of the bound, so a long queue takes nothing from others."""
        self.position = 0
        self.held: dict[str, tuple[Delivery, JobQueued]] = {}
        self._executor = executor
        self.consumer = Consumer(
            broker,
            stream=stream,
            durable=EXECUTOR_DURABLE,
            fetch_count=lambda: held_max - len(self.held),
            deliver=self._deliver,
            on_lost=lambda delivery: self._release_at(delivery.sequence),
        )
        self.follower = Follower(broker, stream, self._follow, service="bench", report_position=False)

    def _deliver(self, delivery: Delivery, payload: bytes) -> None:
        event = decode_event(delivery.subject, payload)
        assert isinstance(event, JobQueued), "the durable delivers no other event"
        self.held[event.job_id] = (delivery, event)
        if delivery.sequence <= self.position and event.job_id not in self._executor.lanes:
            self._ack(event.job_id)
        self._executor.fill_slots()

    def _release_at(self, sequence: int) -> None:
        self.held = {job: held for job, held in self.held.items() if held[0].sequence != sequence}

    async def _follow(self, batch: list[Entry]) -> None:
        for entry in batch:
            self.position = entry.sequence
            event = entry.event()
            if isinstance(event, JobQueued):
                self._executor.lanes.add(event.user_id, event.job_id, event.concurrency)
            elif isinstance(event, JobRunning):
                self._executor.begun.add(event.job_id)
            elif isinstance(event, Terminal):
                self._executor.lanes.remove(event.job_id)
                self._ack(event.job_id)
        self._executor.fill_slots()

    def _ack(self, job_id: str) -> None:
        if (held := self.held.pop(job_id, None)) is not None:
            self._executor.tasks.create_task(self.consumer.ack(held[0]))


class Executor:
    """Begins held jobs that their lanes allow, one of each shard in turn, and appends how they end."""

    def __init__(self, broker: Broker, layout: Layout, name: str) -> None:
        """`run` works. `begun` are the jobs that any executor has begun, as far as is known here."""
        self.lanes = Lanes()
        self.begun = set[str]()
        self.tasks = asyncio.TaskGroup()
        self.counts = Counter[str]()
        self._layout = layout
        self._log = Log(broker)
        self._name = name
        self._executing = 0
        held_max = HELD // layout.shards
        self._turns = deque(Shard(broker, stream, self, held_max=held_max) for stream in layout.streams)

    async def run(self) -> None:
        """Work until cancelled."""
        async with self.tasks:
            for shard in list(self._turns):
                self.tasks.create_task(shard.consumer.run())
                self.tasks.create_task(shard.follower.run())

    def fill_slots(self) -> None:
        """Begin what may begin; a shard without such a job gives its turn to the next."""
        idle = 0
        while self._executing < SLOTS and idle < len(self._turns):
            found = self._startable(self._turns[0])
            self._turns.rotate(-1)
            if found is None:
                idle += 1
                continue
            idle = 0
            delivery, queued = found
            self.begun.add(queued.job_id)
            self._executing += 1
            self.tasks.create_task(self._attempt(queued, delivery.sequence))

    def _startable(self, shard: Shard) -> tuple[Delivery, JobQueued] | None:
        return next(
            (
                held
                for job_id, held in shard.held.items()
                if job_id not in self.begun and self.lanes.may_start(job_id)
            ),
            None,
        )

    async def _attempt(self, queued: JobQueued, sequence: int) -> None:
        user_id, job_id = queued.user_id, queued.job_id
        begun = await self._append(story.running(user_id, job_id, self._name), sequence)
        if isinstance(begun, Appended):
            await asyncio.sleep(story.program_s(job_id))
            ended = await self._append(story.completed(user_id, job_id), begun.sequence)
            if not isinstance(ended, Appended):
                await self._heed_cancel(user_id, job_id)
        self._executing -= 1
        self.fill_slots()

    async def _heed_cancel(self, user_id: str, job_id: str) -> None:
        """The end was refused: by a request to cancel, which is to be heeded, or by another end."""
        last = await self._log.last(job_events(user_id, job_id), stream=self._layout.stream_of(user_id))
        assert last is not None, "it was refused for an event"
        if last.subject.endswith(".cancel_requested"):
            await self._append(story.cancelled(user_id, job_id, 1), last.sequence)

    async def _append(self, event: Event, expected: int) -> AppendResult:
        result = await story.append(self._log, self._layout, event, expected=expected)
        self.counts["stored" if isinstance(result, Appended) else "refused"] += 1
        return result
