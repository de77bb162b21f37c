"""One client, whatever carries its events: its outbox, its subscriptions, and what is known of it.

The only way between the hub and a transport is the bounded outbox, so a client that does not read delays
nobody.
"""

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.types import Scope

from services.notifier.connections.close import COMPLETE, SLOW, Close
from services.notifier.connections.grant import Grant
from services.notifier.connections.info import ConnectionRecord, SubscriptionRecord
from services.notifier.connections.outbox import Outbox
from services.notifier.connections.queue_shares import QueueShare
from services.notifier.connections.registry import ClientRegistry
from services.notifier.events.catch_up import Capacity
from services.notifier.events.encoding import Encoding
from services.notifier.events.item import Text
from services.notifier.events.outcomes import CaughtUp, Ended, Refused
from services.notifier.events.position import After
from services.notifier.events.subscription import Subscription
from services.notifier.events.watch import OnItem, Watch
from shared.observability import metrics
from shared.observability.logs import get_logger
from shared.service.http_server.accepted import count_connection

logger = get_logger(__name__)

UNREAD = Close(SLOW, "what waits is not read: resume from the last cursor")

OnEnd = Callable[[str, Ended | Refused], None]
"""Called with the id of a subscription that is over: complete, or not shown any further."""


@dataclass(frozen=True, slots=True)
class TransportProfile:
    """What the core must know of a transport to queue for its clients. `name` is what operators see."""

    name: str
    encoding: Encoding
    close_s: float
    """How long what is queued may take to leave after the end was decided. The end of a complete stream may
    take longer, as long as it is read."""


class ClientConnection:
    """Lives from the accepted connection to the end of its transport."""

    def __init__(
        self,
        registry: ClientRegistry,
        transport: TransportProfile,
        on_end: OnEnd,
        *,
        connection_id: str | None = None,
    ) -> None:
        """Prepare; `run` does it. `connection_id` is unique; without one it is made here."""
        self.id = connection_id or uuid.uuid4().hex
        self._share = QueueShare(registry.shares)
        self.outbox = Outbox(registry.settings.notifier_queue_bytes_max, transport.encoding, self._share)
        self.user_id = ""
        self._registry = registry
        self._transport = transport
        self._on_end = on_end
        self._clock = asyncio.get_running_loop().time
        self._connected_at = self._last_activity = datetime.now(UTC)
        self._group = asyncio.TaskGroup()
        self._subscriptions: dict[str, Subscription] = {}
        self._catch_ups: dict[str, asyncio.Task[None]] = {}
        self._watches: dict[str | None, Watch] = {}
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
            self._registry.leave(self)
            self.outbox.close()

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Do it beside reading and writing. `run` waits for it, so its caller cancels what has no end."""
        return self._group.create_task(work)

    def join(self, grant: Grant, scope: Scope) -> bool:
        """It has proved who it is; False if that user has too many connections. `scope` is its request's."""
        if not count_connection(scope, grant.user_id):
            return False
        self.user_id = self._share.user_id = grant.user_id
        return self._registry.join(self, grant)

    def record_activity(self) -> None:
        """The client has sent something."""
        self._last_activity = datetime.now(UTC)

    def send(self, text: Text) -> None:
        """Queue a text that is not bulk. Too many of them that are not read end the connection."""
        if not self.outbox.put(text):
            self.end(UNREAD)

    def offer(self, text: Text) -> bool:
        """Queue a text, if there is room for it; there is for what is not bulk."""
        if text.is_bulk:
            return self.outbox.put(text)
        self.send(text)
        return True

    def end(self, close: Close) -> None:
        """Close after what is queued, except for a client that would not read it."""
        if self.outbox.closing.done():
            return
        self._is_complete = close.cause == COMPLETE
        logger.info("connection_ends", connection=self.id, cause=close.cause, why=close.reason)
        self.outbox.end(close, drop=close.cause == SLOW)

    def end_if_unread(self, since: float) -> None:
        """Close it if something waits and no byte of it has left since then."""
        unread_since = self.outbox.unread_since
        if unread_since is not None and unread_since < since:
            self.end(UNREAD)

    def start_subscription(self, subscription_id: str, job_id: str | None, after: After) -> Subscription:
        """Start a subscription: history first, then live."""
        subscription = Subscription(
            self.user_id,
            subscription_id,
            job_id,
            encoding=self._transport.encoding,
            send=self.offer,
            on_complete=lambda: self._end_subscription(subscription, Ended()),
            on_behind=lambda: self._catch_up_again(subscription),
        )
        self._subscriptions[subscription_id] = subscription
        self._catch_ups[subscription_id] = self.spawn(self._catch_up(subscription, after))
        return subscription

    def stop_subscription(self, subscription_id: str) -> None:
        """End a subscription; nothing is sent for it any more."""
        subscription = self._subscriptions.pop(subscription_id, None)
        if subscription is not None:
            subscription.is_over = True
            self._registry.hub.remove(subscription)
        catching_up = self._catch_ups.pop(subscription_id, None)
        if catching_up is not None:
            catching_up.cancel()

    def watch(self, job_id: str | None, on_item: OnItem) -> bool:
        """Be called with every live item of a job, or of all jobs of the user, and with nothing earlier.

        False if the connection watches as many as it may.
        """
        if job_id in self._watches:
            return True
        if len(self._watches) >= self._registry.settings.notifier_subscriptions_max:
            return False
        self._watches[job_id] = Watch(self.user_id, job_id, on_item)
        self._registry.hub.add(self._watches[job_id])
        return True

    def stop_watching(self, job_id: str | None) -> None:
        """Be called no more; stopping twice is harmless."""
        watch = self._watches.pop(job_id, None)
        if watch is not None:
            self._registry.hub.remove(watch)

    def record(self) -> ConnectionRecord:
        """What operators may see of it."""
        return ConnectionRecord(
            connection_id=self.id,
            user_id=self.user_id or None,
            transport=self._transport.name,
            status="ending" if self.outbox.closing.done() else "connected",
            connected_at=self._connected_at,
            last_activity=self._last_activity,
            queued_bytes=self.outbox.waiting_bytes,
            subscriptions=(
                *(SubscriptionRecord(id=one.id, job_id=one.job_id) for one in self._subscriptions.values()),
                *(SubscriptionRecord(id=job_id or "*", job_id=job_id) for job_id in self._watches),
            ),
        )

    async def _catch_up(self, subscription: Subscription, after: After) -> None:
        """One at a time, so that one connection keeps aside only so much."""
        async with self._turn:
            capacity = Capacity(self.outbox.wait_for_capacity, lambda: self.outbox.has_room)
            outcome = await self._registry.catch_up.run(subscription, after, capacity)
        self._finish_catch_up(subscription, outcome)

    def _catch_up_again(self, subscription: Subscription) -> None:
        """It was live, and its client had no room. None of them is to wait until another is live again."""

        async def catch_up() -> None:
            capacity = Capacity(
                self.outbox.wait_for_capacity, lambda: self.outbox.has_room, lambda: self._turn
            )
            outcome = await self._registry.catch_up.run(subscription, None, capacity)
            self._finish_catch_up(subscription, outcome)

        metrics.SUBSCRIPTIONS_BEHIND.inc()
        self._catch_ups[subscription.id] = self.spawn(catch_up())

    def _finish_catch_up(self, subscription: Subscription, outcome: CaughtUp | Ended | Refused) -> None:
        if self._subscriptions.get(subscription.id) is subscription:
            del self._catch_ups[subscription.id]
            if isinstance(outcome, Refused):
                self._end_subscription(subscription, outcome)

    def _end_subscription(self, subscription: Subscription, outcome: Ended | Refused) -> None:
        """The hub drops it by itself."""
        if self._subscriptions.get(subscription.id) is subscription:
            del self._subscriptions[subscription.id]
            self._catch_ups.pop(subscription.id, None)
            self._on_end(subscription.id, outcome)

    async def _flush(self, tasks: set[asyncio.Task[None]]) -> None:
        """Let what is queued leave. A stream that is complete is not given up while it is read."""
        if not self._is_complete:
            self._registry.leave(self)
        done: set[asyncio.Task[None]] = set()
        is_read = True
        while is_read and not done:
            begun = self._clock()
            done, _ = await asyncio.wait(
                tasks, timeout=self._transport.close_s, return_when=asyncio.FIRST_COMPLETED
            )
            unread_since = self.outbox.unread_since
            is_read = self._is_complete and unread_since is not None and unread_since >= begun

    def _stop_all(self) -> None:
        """Be offered nothing more, and forget what is under way."""
        for subscription_id in list(self._subscriptions):
            self.stop_subscription(subscription_id)
        for job_id in list(self._watches):
            self.stop_watching(job_id)
