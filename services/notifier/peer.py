"""One client, whatever carries its events: its outbox, its subscriptions, and what is known of it.

The only way between the hub and a transport is the bounded outbox, so a client that does not read delays
nobody.
"""

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime

from services.notifier.actions import SLOW, Close, Grant
from services.notifier.catch_up import Client
from services.notifier.cursor import After
from services.notifier.hub import Subscription
from services.notifier.item import Text
from services.notifier.members import Members
from services.notifier.messages import ErrorShown, ServerMessage
from services.notifier.outbox import Outbox
from services.notifier.records import ConnectionRecord, SubscriptionRecord, Transport
from services.notifier.wire import Wire
from shared.logs import get_logger

logger = get_logger(__name__)

TOO_FAST = Close(SLOW, "events came faster than they were read: resume from the last cursor")
TOO_OLD = Close(SLOW, "what waits was not read for too long: resume from the last cursor")

OnEnd = Callable[[str, ErrorShown | None], None]
"""Told that a subscription is over: complete, or with why it could not be shown."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """What carries events to a client, and how they look on it."""

    transport: Transport
    wire: Wire
    close_s: float
    """How long what is queued may take to leave after the end was decided."""


class Peer:
    """Lives from the accepted connection to the end of its transport."""

    def __init__(self, members: Members, carrier: Carrier, on_end: OnEnd) -> None:
        """Prepare; `run` does it."""
        self.id = uuid.uuid4().hex
        self.outbox = Outbox(members.settings.notifier_queue_bytes_max, carrier.wire)
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

    async def run(self, reading: Coroutine[None, None, None], writing: Coroutine[None, None, None]) -> None:
        """Read and write until the transport is closed, or cannot be closed in time."""
        try:
            async with self._group as group:
                tasks = {group.create_task(reading), group.create_task(writing)}
                await asyncio.wait({*tasks, self.outbox.closing}, return_when=asyncio.FIRST_COMPLETED)
                self._leave()
                if self.outbox.closing.done():
                    await asyncio.wait(
                        tasks, timeout=self._carrier.close_s, return_when=asyncio.FIRST_COMPLETED
                    )
                for task in tasks:
                    task.cancel()
        finally:
            self._leave()

    def do(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Do it beside reading and writing; it ends with them."""
        return self._group.create_task(work)

    def join(self, grant: Grant) -> bool:
        """It has proved who it is; False if that user has too many connections."""
        self.user_id = grant.user_id
        return self._members.join(self, grant)

    def is_heard(self) -> None:
        """The client has sent something."""
        self._last_activity = datetime.now(UTC)

    def send(self, message: ServerMessage) -> None:
        """Queue a message; a full queue ends the connection."""
        self.send_text(self._carrier.wire.message(message))

    def send_text(self, text: Text) -> None:
        """Queue a text; the same."""
        if not self.outbox.put(text, self._clock()):
            self.end(TOO_FAST)

    def end(self, close: Close) -> None:
        """Close after what is queued, except for a client that would not read it."""
        if self.outbox.closing.done():
            return
        logger.info("connection_ends", connection=self.id, code=close.code, why=close.reason)
        self.outbox.end(close, drop=close.code == SLOW)

    def end_if_overdue(self, queued_before: float) -> None:
        """Close it if something has waited since then."""
        oldest_at = self.outbox.oldest_at
        if oldest_at is not None and oldest_at < queued_before:
            self.end(TOO_OLD)

    def begin(self, subscription_id: str, job_id: str | None, after: After) -> Subscription:
        """Start a subscription: history first, then live."""
        subscription = Subscription(
            self.user_id,
            subscription_id,
            job_id,
            send=self.send_text,
            on_complete=lambda: self._ended(subscription, None),
            wire=self._carrier.wire,
        )
        self._subscriptions[subscription_id] = subscription
        self._catch_ups[subscription_id] = self.do(self._catch_up(subscription, after))
        return subscription

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
            client = Client(self.send, self.outbox.room)
            refusal = await self._members.catch_up.run(subscription, after, client)
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

    def _leave(self) -> None:
        """Be offered nothing more, and forget what is under way."""
        for subscription_id in list(self._subscriptions):
            self.stop(subscription_id)
        self._members.leave(self)
