"""Ordered reader of the log or the feed: every message once, in order, across restarts of the server.

It pulls through a named consumer in the server's memory, so the handler's pace bounds the messages in flight
(back-pressure). Consumer sequences prove that no message is missing. On a gap, a missed heartbeat or a
reconnection the follower recreates the consumer after the last handled message.
"""

import asyncio
import json
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from shared.jetstream.connection import API, Broker
from shared.jetstream.errors import BrokerError, UnreachableError
from shared.jetstream.lag import ConsumerLag
from shared.jetstream.message import Message
from shared.jetstream.pull_window import BYTES_MAX, HEARTBEAT, EndedError, Window
from shared.jetstream.reused_sequences import reuses_sequences
from shared.jetstream.stored_message import Entry, pulled_entry
from shared.observability import metrics
from shared.observability.logs import get_logger
from shared.retry import retry

logger = get_logger(__name__)

BatchHandler = Callable[[list[Entry]], Awaitable[None]]

BATCH_MAX = 500
GATHERED = 100
HEARTBEAT_S = 1.0
SILENCE_MAX_S = 2.5
EXPIRES_S = 30.0
FORGET_AFTER_S = 30.0
RESTART_PAUSE_S = 0.1
CREATE_TIMEOUT_S = 2.0
CREATE_TIMEOUT_MAX_S = 16.0
"""Where millions of messages must be counted, a busy server takes longer than usual to create a consumer."""


class _BrokenError(Exception):
    """The consumer's sequence is broken; it must be recreated."""


class Follower:
    """Hands batches of one stream's messages to an async handler, in order, from `after` on.

    `position` is the last sequence that the handler has finished. An exception of the handler ends the
    follower and, with it, the service.
    """

    def __init__(
        self,
        broker: Broker,
        stream: str,
        handle: BatchHandler,
        *,
        after: int = 0,
        after_time: datetime | None = None,
        since: datetime | None = None,
        subjects: Sequence[str] = (),
        without_payloads: bool = False,
        report_position: bool = True,
        bytes_max: int = BYTES_MAX,
        gather_s: float = 0.0,
        on_break: Callable[[], None] = lambda: None,
        on_resume: Callable[[int], None] = lambda _: None,
        service: str,
    ) -> None:
        """Prepare; `run` reads. `after_time` is when the stream stored `after`, if known.

        `since` begins with the first message stored at that time or later. `subjects` are filters that do not
        overlap; none means every subject. `without_payloads` reads subjects and headers only.
        `report_position` is off for short-lived readers: their position says nothing about their service.
        A batch has at most `bytes_max` of payload, or one message; twice as much may be in flight. Fewer than
        GATHERED messages wait `gather_s` for others, where a batch costs its handler as much as many.
        `on_break` is called when reading stops, and then `on_resume` with `position` when it goes on after
        that message; with 0 if the stream uses sequences again, or nothing was read of it yet.
        """
        self._broker = broker
        self._stream = stream
        self._handle = handle
        self._service = service
        self._what = {"filter_subjects": list(subjects)} if subjects else {}
        self._headers_only = without_payloads
        self._reports_position = report_position
        self._bytes_max = bytes_max
        self._gather_s = gather_s
        self._on_break = on_break
        self._on_resume = on_resume
        self._is_broken = False
        self._since = since
        self.position = after
        self._position_time = after_time
        self._anew_after: datetime | None = None
        self._create_timeout_s = CREATE_TIMEOUT_S
        self._moved = asyncio.Condition()
        self.progress = ConsumerLag(stream)
        if report_position:
            metrics.FOLLOWER_LAG.labels(stream=stream).set_function(lambda: self.progress.lag_s)
        self.caught_up = asyncio.Event()

    async def run(self) -> None:
        """Follow until cancelled."""
        breaks = (_BrokenError, EndedError, BrokerError)
        await retry(self._read, on=breaks, pause_s=RESTART_PAUSE_S, report=self._report_break)

    async def wait_for(self, sequence: int) -> None:
        """Wait until the handler has finished with `sequence`."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.position >= sequence)

    def _report_break(self, error: Exception) -> None:
        self._is_broken = True
        self._on_break()
        metrics.FOLLOWER_RESTARTS.labels(stream=self._stream).inc()
        self.progress.mark_broken(str(error))
        logger.info("follower_restarts", stream=self._stream, position=self.position, why=str(error))

    async def _read(self) -> None:
        arrived: deque[Message] = deque()
        wake = asyncio.Event()

        async def receive(message: Message) -> None:
            arrived.append(message)
            wake.set()

        inbox = self._broker.inbox()
        with self._broker.on_reconnect(wake.set) as reconnected:
            subscription = await self._broker.subscribe(inbox, receive)
            consumer = f"{self._service}-{uuid.uuid4().hex[:12]}"
            try:
                pending = await _unless_set(reconnected, self._create(consumer))
                if self._is_broken:
                    self._is_broken = False
                    self._on_resume(self.position)
                await self._consume(consumer, inbox, arrived, wake, reconnected, pending)
            finally:
                await subscription.unsubscribe()
                # If the delete fails, the server removes the idle consumer by itself.
                with suppress(BrokerError):
                    await self._broker.publish(f"{API}CONSUMER.DELETE.{self._stream}.{consumer}", b"")

    async def _create(self, consumer: str) -> int:
        """Create the consumer after `position`; returns how many messages are pending."""
        await self._notice_new_stream()
        config = {
            "name": consumer,
            "ack_policy": "none",
            **self._start(),
            **self._what,
            "headers_only": self._headers_only,
            "replay_policy": "instant",
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": int(FORGET_AFTER_S * 1e9),
        }
        try:
            created = await self._broker.api(
                f"CONSUMER.CREATE.{self._stream}.{consumer}",
                {"stream_name": self._stream, "config": config, "action": "create"},
                timeout_s=self._create_timeout_s,
            )
        except UnreachableError:
            await self._give_more_time()
            raise
        self._create_timeout_s = CREATE_TIMEOUT_S
        return int(created["num_pending"])

    async def _give_more_time(self) -> None:
        """Wait longer next time if the stream has a leader: with the same timeout, it would never finish."""
        timeout_s, self._create_timeout_s = self._create_timeout_s, CREATE_TIMEOUT_S
        await self._broker.api(f"STREAM.INFO.{self._stream}", timeout_s=CREATE_TIMEOUT_S)
        self._create_timeout_s = min(2 * timeout_s, CREATE_TIMEOUT_MAX_S)

    def _start(self) -> dict[str, object]:
        """The start policy after the last handled message: by sequence, or by time if only that is known."""
        start = self._since
        if self._anew_after is not None:
            start = self._anew_after + timedelta(microseconds=1)
        if start is None:
            return {"deliver_policy": "by_start_sequence", "opt_start_seq": self.position + 1}
        return {"deliver_policy": "by_start_time", "opt_start_time": start.isoformat()}

    async def _notice_new_stream(self) -> None:
        """Continue by time in a stream that reuses sequences: its messages are later than any handled one."""
        if self.position == 0 or self._position_time is None:
            return
        if await reuses_sequences(self._broker, self._stream, self.position, self._position_time):
            self.position = 0
            self._anew_after = self._position_time

    async def _consume(
        self,
        consumer: str,
        inbox: str,
        arrived: deque[Message],
        wake: asyncio.Event,
        reconnected: asyncio.Event,
        pending: int,
    ) -> None:
        handled = 0
        behind = pending
        window = Window(self._bytes_max)
        while not reconnected.is_set():
            self.progress.set_pending(behind + len(arrived))
            if handled >= pending:
                self.caught_up.set()
            while (pull := window.next_pull()) is not None:
                await self._ask(consumer, inbox, pull)
            await self._await_messages(arrived, wake)
            if reconnected.is_set():
                break
            batch: list[Entry] = []
            size = 0
            taken_at = asyncio.get_running_loop().time()
            while arrived and len(batch) < BATCH_MAX and size < self._bytes_max:
                message = arrived.popleft()
                if message.headers and "Status" in message.headers:
                    window.take_status(message.headers)
                    pending = min(pending, _delivered(message.headers, pending))
                    behind = 0 if message.headers["Status"] == HEARTBEAT else behind
                    continue
                window.count_arrived()
                entry, mark = pulled_entry(message)
                if mark.consumer_sequence != handled + len(batch) + 1:
                    raise _BrokenError(f"message {handled + len(batch) + 1} is missing")
                batch.append(entry)
                size += len(entry.payload)
                behind = mark.pending
            took_all = behind == 0 and not arrived
            if batch:
                await self._deliver(batch)
                handled += len(batch)
                window.count_handled(len(batch))
                if took_all:
                    self.progress.mark_in_step(taken_at)
        raise _BrokenError("the connection was lost for a while")

    async def _await_messages(self, arrived: deque[Message], wake: asyncio.Event) -> None:
        if not arrived:
            await _wait(wake)
        if self._gather_s and 0 < len(arrived) < GATHERED:
            await asyncio.sleep(self._gather_s)

    async def _ask(self, consumer: str, inbox: str, pull: dict[str, int]) -> None:
        body = {**pull, "expires": int(EXPIRES_S * 1e9), "idle_heartbeat": int(HEARTBEAT_S * 1e9)}
        await self._broker.publish(
            f"{API}CONSUMER.MSG.NEXT.{self._stream}.{consumer}", json.dumps(body).encode(), reply=inbox
        )

    async def _deliver(self, batch: list[Entry]) -> None:
        await self._handle(batch)
        async with self._moved:
            self.position = batch[-1].sequence
            self._position_time = batch[-1].stored_at
            self._anew_after = None
            self._since = None
            self._moved.notify_all()
        if not self._reports_position:
            return
        metrics.FOLLOWER_POSITION.labels(stream=self._stream).set(self.position)


def _delivered(headers: dict[str, str], pending: int) -> int:
    """The consumer's last sequence, from the status of a pull that found no more messages.

    Some messages that were pending at the consumer's creation may have been purged since.
    """
    return int(headers.get("Nats-Last-Consumer", pending)) if headers["Status"] == HEARTBEAT else pending


async def _unless_set(lost: asyncio.Event, work: Coroutine[None, None, int]) -> int:
    """Its result. Raises _BrokenError as soon as a reconnection shows that no answer will come."""
    doing, losing = asyncio.ensure_future(work), asyncio.ensure_future(lost.wait())
    try:
        await asyncio.wait({doing, losing}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise _BrokenError("the connection was lost for a while")
        return doing.result()
    finally:
        doing.cancel()
        losing.cancel()


async def _wait(wake: asyncio.Event) -> None:
    """Wait for a message, a heartbeat, or a reconnection. Raises _BrokenError on silence."""
    wake.clear()
    try:
        async with asyncio.timeout(SILENCE_MAX_S):
            await wake.wait()
    except TimeoutError as error:
        raise _BrokenError(f"no heartbeat for {SILENCE_MAX_S} s") from error
