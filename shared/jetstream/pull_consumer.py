"""The durable pull loop: deliveries are held with heartbeats until acknowledged, given back, or terminated.

A delivery belongs to this process only as long as its heartbeats reach the server in time. A process that
was paused for longer than that forgets what it held and what was already on its way: the server
delivers those again, to whoever lives.
"""

import asyncio
import json
from collections.abc import Callable

from shared.jetstream.connection import API, Broker, BrokerError, Message
from shared.jetstream.delivery import ACK_WAIT_S, Delivery
from shared.jetstream.follower import parse_mark
from shared.jetstream.pull_window import MESSAGE_BYTES_MAX
from shared.observability.logs import get_logger

logger = get_logger(__name__)

HEARTBEAT_S = 3.0
EXPIRES_S = 5.0
PULSE_S = 0.5
FULFILLED = ("MaxBytes", "Batch Completed")
"""How the server describes a pull that has brought as much as it may."""
# A pull whose end was never told (a lost connection, a restarted server) is believed dead after this.
PULL_DEAD_AFTER_S = EXPIRES_S + 2.0


class Consumer:
    """Pulls from one durable. `want` says how many more deliveries the owner can take right now."""

    def __init__(
        self,
        broker: Broker,
        *,
        stream: str,
        durable: str,
        want: Callable[[], int],
        deliver: Callable[[Delivery, bytes], None],
        forget: Callable[[Delivery], None],
    ) -> None:
        """`deliver` takes a delivery and its payload; `forget` hears of held ones that are lost to others."""
        self._broker = broker
        self._subject = f"{API}CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._want = want
        self._deliver = deliver
        self._forget = forget
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

    def want_changed(self) -> None:
        """Ask `want` again soon."""
        self._wake.set()

    async def run(self) -> None:
        """Pull and keep alive until cancelled. What is still held then is delivered again after a while."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._pull())
            tasks.create_task(self._keep_alive())
            tasks.create_task(self._detect_pause())

    async def ack(self, delivery: Delivery) -> None:
        """The message is done with: its job is terminal in the log."""
        await self._answer(delivery, b"+ACK")

    async def give_back(self, delivery: Delivery, *, delay_s: float = 0.0) -> None:
        """Let it be delivered again, here or elsewhere, after `delay_s`."""
        body = b"-NAK" if delay_s == 0 else b"-NAK " + json.dumps({"delay": int(delay_s * 1e9)}).encode()
        await self._answer(delivery, body)

    def let_go(self, delivery: Delivery) -> None:
        """Stop keeping it alive without an answer: it is delivered again after ACK_WAIT_S, if it must be."""
        self._held.pop(delivery.sequence, None)

    async def terminate(self, delivery: Delivery, why: str) -> None:
        """Never deliver it again; the server's advisory with the reason is caught by the DEAD stream."""
        await self._answer(delivery, f"+TERM {why}".encode())

    async def _answer(self, delivery: Delivery, body: bytes) -> None:
        self._held.pop(delivery.sequence, None)
        self._wake.set()
        try:
            await self._broker.publish(delivery.reply, body)
        except BrokerError as error:
            # Nothing is lost: unanswered, the message comes again after ACK_WAIT_S.
            logger.warning("answer_not_sent", sequence=delivery.sequence, error=str(error))

    async def stop_pulling(self) -> None:
        """Take nothing new; what is held is still kept alive.

        Must come before deliveries are given back: the server would hand them to this consumer's own
        outstanding pull again.
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
        """Pull through one inbox, until the connection is made anew or this process was paused."""
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
            # However often it is woken meanwhile.
            return
        count = self._want()
        if count <= 0:
            self._outstanding = 0
            return
        # The bytes bound what is on its way here and not taken yet, however large each is.
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
            # Without a leader every pull ends at once: the next one waits for its turn.
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
        """A paused process cannot tell whose its deliveries are: it lets all of them go."""
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
                    self._forget(delivery)
                self._wake.set()
