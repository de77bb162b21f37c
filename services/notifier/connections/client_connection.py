"""One client, whatever carries its events: its outbox, its subscriptions, and what is known of it.

The only way between the hub and a transport is the bounded outbox, so a client that does not read delays
nobody.
"""

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime

from services.notifier.connections.info import ConnectionRecord, SubscriptionRecord, TransportName
from services.notifier.connections.outbox import Outbox
from services.notifier.connections.queue_shares import QueueShare
from services.notifier.connections.registry import ClientRegistry
from services.notifier.events.catch_up import Client
from services.notifier.events.hub import Subscription
from services.notifier.events.item import Text
from services.notifier.events.position import After
from services.notifier.transports.encoding import Wire
from services.notifier.transports.headrace_v1.actions import DONE, SLOW, Close, Grant
from services.notifier.transports.headrace_v1.messages import ErrorShown, ServerMessage
from shared.observability import metrics
from shared.observability.logs import get_logger

logger = get_logger(__name__)

UNREAD = Close(SLOW, "what waits is not read: resume from the last cursor")

OnEnd = Callable[[str, ErrorShown | None], None]
"""Told that a subscription is over: complete, or with why it could not be shown."""


@dataclass(frozen=True, slots=True)
class Transport:
    """What carries events to a client, and how they look on it."""

    transport: TransportName
    wire: Wire
    close_s: float
    """How long what is queued may take to leave after the end was decided. The end of a complete stream may
    take longer, as long as it is read."""


class ClientConnection:
    """Lives from the accepted connection to the end of its transport."""

    def __init__(self, members: ClientRegistry, carrier: Transport, on_end: OnEnd) -> None:
        """Prepare; `run` does it."""
        self.id = uuid.uuid4().hex
        self._share = QueueShare(members.shares)
        self.outbox = Outbox(members.settings.notifier_queue_bytes_max, carrier.wire, self._share)
        self.user_id = ""
        self._members = members
        self._carrier = carrier
        self._on_end = on_end
        self._clock = asyncio.get_running_loop().time
        self._connected_at = self._last_activity = datetime.now(UTC)
        self._group = asyncio.TaskGroup()
        self._subscriptions: dict[str, Subscription] = {}
        self._catch_ups: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()
        self._is_complete = False

    async def run(self, reading: Coroutine[None, None, None], writing: Coroutine[None, None, None]) -> None:
        """Read and write until the transport is closed, or cannot be closed in time."""
        try:
            async with self._group as group:
                tasks = {group.create_task(reading), group.create_task(writing)}
                await asyncio.wait({*tasks, self.outbox.closing}, return_when=asyncio.FIRST_COMPLETED)
                self._stop_all()
                if self.outbox.closing.done():
                    await self._flush(tasks)
                for task in tasks:
                    task.cancel()
        finally:
            self._stop_all()
            self._members.leave(self)
            self.outbox.close()

    def do(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Do it beside reading and writing; it ends with them."""
        return self._group.create_task(work)

    def join(self, grant: Grant) -> bool:
        """It has proved who it is; False if that user has too many connections."""
        self.user_id = self._share.user_id = grant.user_id
        return self._members.join(self, grant)

    def is_heard(self) -> None:
        """The client has sent something."""
        self._last_activity = datetime.now(UTC)

    def send(self, message: ServerMessage) -> None:
        """Queue a message that is not bulk. Too many of them that are not read end the connection."""
        self.send_text(self._carrier.wire.message(message))

    def send_text(self, text: Text) -> None:
        """Queue a text; the same."""
        if not self.outbox.put(text):
            self.end(UNREAD)

    def offer(self, message: ServerMessage) -> bool:
        """Queue a message, if there is room for it."""
        return self._offer(self._carrier.wire.message(message))

    def end(self, close: Close) -> None:
        """Close after what is queued, except for a client that would not read it."""
        if self.outbox.closing.done():
            return
        self._is_complete = close.code == DONE
        logger.info("connection_ends", connection=self.id, code=close.code, why=close.reason)
        self.outbox.end(close, drop=close.code == SLOW)

    def end_if_unread(self, since: float) -> None:
        """Close it if something waits and no byte of it has left since then."""
        unread_since = self.outbox.unread_since
        if unread_since is not None and unread_since < since:
            self.end(UNREAD)

    def begin(self, subscription_id: str, job_id: str | None, after: After) -> Subscription:
        """Start a subscription: history first, then live."""
        subscription = Subscription(
            self.user_id,
            subscription_id,
            job_id,
            send=self._offer,
            on_complete=lambda: self._ended(subscription, None),
            on_behind=lambda: self._catch_up_again(subscription),
            wire=self._carrier.wire,
        )
        self._subscriptions[subscription_id] = subscription
        self._catch_ups[subscription_id] = self.do(self._catch_up(subscription, after))
        return subscription

    def _offer(self, text: Text) -> bool:
        if text.is_bulk:
            return self.outbox.put(text)
        self.send_text(text)
        return True

    def stop(self, subscription_id: str) -> None:
        """End a subscription; nothing is sent for it any more."""
        subscription = self._subscriptions.pop(subscription_id, None)
        if subscription is not None:
            subscription.is_over = True
            self._members.hub.remove(subscription)
        catching_up = self._catch_ups.pop(subscription_id, None)
        if catching_up is not None:
            catching_up.cancel()

    def record(self) -> ConnectionRecord:
        """What operators may see of it."""
        return ConnectionRecord(
            connection_id=self.id,
            user_id=self.user_id or None,
            transport=self._carrier.transport,
            connected_at=self._connected_at,
            last_activity=self._last_activity,
            queued_bytes=self.outbox.waiting_bytes,
            subscriptions=tuple(
                SubscriptionRecord(id=one.id, job_id=one.job_id) for one in self._subscriptions.values()
            ),
        )

    async def _catch_up(self, subscription: Subscription, after: After) -> None:
        """One at a time, so that one connection keeps aside only so much."""
        async with self._turn:
            client = Client(self.send, self.outbox.room, lambda: self.outbox.has_room)
            refusal = await self._members.catch_up.run(subscription, after, client)
        self._caught_up(subscription, refusal)

    def _catch_up_again(self, subscription: Subscription) -> None:
        """It was live, and its client had no room. None of them is to wait until another is live again."""

        async def catch_up() -> None:
            client = Client(self.send, self.outbox.room, lambda: self.outbox.has_room, lambda: self._turn)
            self._caught_up(subscription, await self._members.catch_up.run(subscription, None, client))

        metrics.SUBSCRIPTIONS_BEHIND.inc()
        self._catch_ups[subscription.id] = self.do(catch_up())

    def _caught_up(self, subscription: Subscription, refusal: ErrorShown | None) -> None:
        if self._subscriptions.get(subscription.id) is subscription:
            del self._catch_ups[subscription.id]
            if refusal is not None:
                self._ended(subscription, refusal)

    def _ended(self, subscription: Subscription, refusal: ErrorShown | None) -> None:
        """The hub drops it by itself."""
        if self._subscriptions.get(subscription.id) is subscription:
            del self._subscriptions[subscription.id]
            self._catch_ups.pop(subscription.id, None)
            self._on_end(subscription.id, refusal)

    async def _flush(self, tasks: set[asyncio.Task[None]]) -> None:
        """Let what is queued leave. A stream that is complete is not given up while it is read."""
        if not self._is_complete:
            self._members.leave(self)
        done: set[asyncio.Task[None]] = set()
        is_read = True
        while is_read and not done:
            begun = self._clock()
            done, _ = await asyncio.wait(
                tasks, timeout=self._carrier.close_s, return_when=asyncio.FIRST_COMPLETED
            )
            unread_since = self.outbox.unread_since
            is_read = self._is_complete and unread_since is not None and unread_since >= begun

    def _stop_all(self) -> None:
        """Be offered nothing more, and forget what is under way."""
        for subscription_id in list(self._subscriptions):
            self.stop(subscription_id)
