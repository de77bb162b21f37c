"""Appends as fast as the server takes them: many jobs at a time, each `queued`, `running`, and two ends.

The headers are those of `Log.store`, without its repetition: the log of a conflict is not read. Both ends
expect the same `running`, so the server must refuse one of them.
"""

import asyncio
import uuid
from collections import Counter
from dataclasses import dataclass

import msgspec

from bench.sharded import story
from shared.contract.codec import encode
from shared.contract.subjects import job_event, job_events
from shared.domain.events import Event, kind_of
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import EXPECTED_SEQUENCE, EXPECTED_SUBJECT, MAYBE_CONFLICT
from shared.jetstream.message import Message
from shared.jetstream.stored_message import EVENT_ID

EVENTS_OF_A_JOB = 3
PUBLISHED_OF_A_JOB = 4


class Refusal(msgspec.Struct):
    """Why the server stored nothing."""

    err_code: int = 0
    description: str = ""


class PubAck(msgspec.Struct):
    """The server's answer to a publish."""

    seq: int = 0
    error: Refusal | None = None


@dataclass
class Chain:
    """One user's jobs, one at a time."""

    user_id: str
    job_id: str = ""
    answers: int = 0


class Appender:
    """Keeps the jobs of `at_once` users under way, each its user's only one."""

    def __init__(self, broker: Broker, *, number: int, at_once: int, jobs: int) -> None:
        """`run` writes `jobs` jobs. `number` tells the users of one process from another's."""
        self.counts = Counter[str]()
        self._broker = broker
        self._inbox = broker.inbox()
        run = uuid.uuid4().hex[:8]
        self._chains = [Chain(f"{run}-{number}-{chain}") for chain in range(at_once)]
        self._left = jobs
        self._under_way = at_once
        self._done = asyncio.Event()
        self._decoder = msgspec.json.Decoder(PubAck)

    async def run(self) -> None:
        """Write all, and return when the last answer has come. Raises RuntimeError for a wrong one."""
        subscription = await self._broker.subscribe(f"{self._inbox}.*", self._on_answer)
        for number in range(len(self._chains)):
            await self._begin(number)
        await self._done.wait()
        await subscription.unsubscribe()
        if self.counts["unexpected"]:
            raise RuntimeError(f"answers that cannot be: {dict(self.counts)}")

    async def _begin(self, number: int) -> None:
        chain = self._chains[number]
        if self._left == 0:
            self._under_way -= 1
            if self._under_way == 0:
                self._done.set()
            return
        self._left -= 1
        chain.job_id, chain.answers = str(uuid.uuid4()), 0
        await self._publish(number, story.queued(chain.user_id, chain.job_id), 0)

    async def _on_answer(self, message: Message) -> None:
        number = int(message.subject.rpartition(".")[2])
        chain = self._chains[number]
        answer = self._decoder.decode(message.data)
        chain.answers += 1
        self._count(chain, answer)
        if chain.answers == 1:
            await self._publish(number, story.running(chain.user_id, chain.job_id, "bench"), answer.seq)
        elif chain.answers == 2:
            await self._publish(number, story.completed(chain.user_id, chain.job_id), answer.seq)
            await self._publish(number, story.failed(chain.user_id, chain.job_id), answer.seq)
        elif chain.answers == PUBLISHED_OF_A_JOB:
            await self._begin(number)

    def _count(self, chain: Chain, answer: PubAck) -> None:
        if answer.error is None:
            self.counts["stored"] += 1
        elif chain.answers > 2 and answer.error.err_code in MAYBE_CONFLICT:
            self.counts["refused"] += 1
        else:
            self.counts["unexpected"] += 1
            self._done.set()

    async def _publish(self, number: int, event: Event, expected: int) -> None:
        headers = {
            EXPECTED_SEQUENCE: str(expected),
            EXPECTED_SUBJECT: job_events(event.user_id, event.job_id),
            EVENT_ID: uuid.uuid4().hex,
        }
        await self._broker.publish(
            job_event(event.user_id, event.job_id, kind_of(event)),
            encode(event),
            reply=f"{self._inbox}.{number}",
            headers=headers,
        )
