"""Pull loop of the durable: keeps deliveries alive with heartbeats until ACK, NAK or TERM.

A delivery belongs to this process only while its heartbeats (in-progress acknowledgements) reach the server
in time. A process that was paused for longer abandons the deliveries that it held or that were in flight: the
server redelivers them to any executor that is running.
"""

import asyncio
import json
from collections.abc import Callable

from shared.jetstream.ack_metadata import parse_mark
from shared.jetstream.connection import API, Broker
from shared.jetstream.delivery import ACK_WAIT_S, Delivery
from shared.jetstream.errors import BrokerError
from shared.jetstream.message import Message
from shared.jetstream.pull_window import MESSAGE_BYTES_MAX
from shared.observability.logs import get_logger

logger = get_logger(__name__)

HEARTBEAT_S = 3.0
EXPIRES_S = 5.0
PULSE_S = 0.5
FULFILLED = ("MaxBytes", "Batch Completed")
"""Status descriptions of a pull that has reached its bounds."""
# A pull without a status (lost connection, restarted server) counts as ended after this time (s).
PULL_DEAD_AFTER_S = EXPIRES_S + 2.0


class Consumer:
    """Pulls from one durable. `fetch_count` returns how many more deliveries the owner can take now."""

    def __init__(
        self,
        broker: Broker,
        *,
        stream: str,
        durable: str,
        fetch_count: Callable[[], int],
        deliver: Callable[[Delivery, bytes], None],
        on_lost: Callable[[Delivery], None],
    ) -> None:
        """`deliver` takes a delivery and its payload; `on_lost` is called for each lost delivery."""
        self._broker = broker
        self._subject = f"{API}CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._fetch_count = fetch_count
        self._deliver = deliver
        self._on_lost = on_lost
        self._held: dict[int, Delivery] = {}
        self._wake = asyncio.Event()
        self._outstanding = 0
        self._asked_at = 0.0
        self._refused_at = -PULSE_S
        self._generation = 0
        self._stopping = False
        self._stopped = asyncio.Event()

    def __len__(self) -> int:
        return len(self._held)

    def refetch(self) -> None:
        """Call `fetch_count` again soon."""
        self._wake.set()

    async def run(self) -> None:
        """Pull and send heartbeats until cancelled. Deliveries still held then are redelivered."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._pull())
            tasks.create_task(self._keep_alive())
            tasks.create_task(self._detect_pause())

    async def ack(self, delivery: Delivery) -> None:
        """Send ACK: the job is terminal in the log."""
        await self._answer(delivery, b"+ACK")

    async def give_back(self, delivery: Delivery, *, delay_s: float = 0.0) -> None:
        """Send NAK: redelivery to any executor after `delay_s` seconds."""
        body = b"-NAK" if delay_s == 0 else b"-NAK " + json.dumps({"delay": int(delay_s * 1e9)}).encode()
        await self._answer(delivery, body)

    def abandon(self, delivery: Delivery) -> None:
        """Abandon it: no more heartbeats and no answer. Redelivered after ACK_WAIT_S unless acknowledged."""
        self._held.pop(delivery.sequence, None)

    async def terminate(self, delivery: Delivery, why: str) -> None:
        """Send TERM: no redelivery. The DEAD stream stores the server's advisory with the reason."""
        await self._answer(delivery, f"+TERM {why}".encode())

    async def _answer(self, delivery: Delivery, body: bytes) -> None:
        self._held.pop(delivery.sequence, None)
        self._wake.set()
        try:
            await self._broker.publish(delivery.reply, body)
        except BrokerError as error:
            # No loss: an unacknowledged message is redelivered after ACK_WAIT_S.
            logger.warning("answer_not_sent", sequence=delivery.sequence, error=str(error))

    async def stop_pulling(self) -> None:
        """Stop pulling; heartbeats for held deliveries go on.

        Must be called before NAKs at shutdown: the server would redeliver to this consumer's own outstanding
        pull.
        """
        self._stopping = True
        self._wake.set()
        await self._stopped.wait()

    async def _pull(self) -> None:
        try:
            while not self._stopping:
                await self._pull_until_disturbed(self._generation)
        finally:
            self._stopped.set()

    async def _pull_until_disturbed(self, generation: int) -> None:
        """Pull through one inbox until a reconnection, or until this process was paused."""
        inbox = self._broker.inbox()

        async def receive(message: Message) -> None:
            self._receive(message, generation)

        with self._broker.on_reconnect(self._wake.set) as reconnected:
            try:
                subscription = await self._broker.subscribe(inbox, receive)
                self._outstanding = 0
                while self._may_pull(generation) and not reconnected.is_set():
                    await self._ask(inbox)
                    await self._wait()
                await subscription.drain()
            except BrokerError as error:
                logger.warning("pull_failed", error=str(error))
                await asyncio.sleep(PULSE_S)

    def _may_pull(self, generation: int) -> bool:
        return not self._stopping and generation == self._generation

    async def _ask(self, inbox: str) -> None:
        now = asyncio.get_running_loop().time()
        if self._outstanding > 0 and now - self._asked_at < PULL_DEAD_AFTER_S:
            return
        if now - self._refused_at < PULSE_S:
            # No early retry, however often it is woken meanwhile.
            return
        count = self._fetch_count()
        if count <= 0:
            self._outstanding = 0
            return
        # `max_bytes` bounds the messages in flight, whatever their sizes.
        bounds = {"batch": count, "max_bytes": MESSAGE_BYTES_MAX}
        body = json.dumps({**bounds, "expires": int(EXPIRES_S * 1e9)}).encode()
        await self._broker.publish(self._subject, body, reply=inbox)
        self._outstanding = count
        self._asked_at = now

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(PULSE_S):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    def _receive(self, message: Message, generation: int) -> None:
        if generation != self._generation:
            return
        if message.headers and "Status" in message.headers:
            self._pull_ended(message.headers)
            return
        mark = parse_mark(message.reply)
        self._outstanding -= 1
        if self._outstanding <= 0:
            self._wake.set()
        delivery = Delivery(message.subject, mark.stream_sequence, mark.delivered, message.reply)
        self._held[delivery.sequence] = delivery
        self._deliver(delivery, message.data)

    def _pull_ended(self, headers: dict[str, str]) -> None:
        status = headers["Status"]
        if status == "100":
            return
        self._outstanding = 0
        described = headers.get("Description", "")
        if status in {"404", "408"} or any(words in described for words in FULFILLED):
            self._wake.set()
        else:
            # Without a leader every pull ends at once: delay the next one.
            self._refused_at = asyncio.get_running_loop().time()
            logger.info("pull_ended", status=status, described=described)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            for delivery in list(self._held.values()):
                try:
                    await self._broker.publish(delivery.reply, b"+WPI")
                except BrokerError as error:
                    logger.warning("heartbeat_not_sent", sequence=delivery.sequence, error=str(error))

    async def _detect_pause(self) -> None:
        """Abandon all deliveries after a pause: they may belong to other executors by now."""
        clock = asyncio.get_running_loop().time
        last = clock()
        while True:
            await asyncio.sleep(PULSE_S)
            pause_s = clock() - last - PULSE_S
            last = clock()
            if pause_s > ACK_WAIT_S - HEARTBEAT_S:
                logger.warning("was_paused", pause_s=round(pause_s, 1), held=len(self._held))
                self._generation += 1
                forgotten, self._held = self._held, {}
                for delivery in forgotten.values():
                    self._on_lost(delivery)
                self._wake.set()
