"""One socket of a dialect: JSON objects in text frames, both ways, around a `ClientConnection`.

A dialect's session extends `DialectSession` by four methods. They are called one at a time, so a message
that is sent in one of them is never overtaken by one of another. A frame that is no JSON object is answered
by the dialect's own message, and the connection stays open.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.websockets import WebSocket

from services.notifier.connections.client_connection import UNREAD, ClientConnection, TransportProfile
from services.notifier.connections.close import Close
from services.notifier.connections.grant import Grant
from services.notifier.connections.outbox import FULL_PAUSE_S
from services.notifier.connections.registry import ClientRegistry
from services.notifier.events.item import EncodedEvent, Item, Text
from services.notifier.events.outcomes import Announcement, Ended, Refused
from services.notifier.events.recent_jobs import RecentJobs
from services.notifier.transports.dialects.changes import Change, Changes, change_of
from services.notifier.transports.dialects.close_codes import NO_LOG, code_of
from services.notifier.transports.dialects.job_reader import JobReader
from services.notifier.transports.dialects.lifetime import Lifetime
from services.notifier.transports.websocket.writer import run_connection
from shared.domain.record import JobRecord
from shared.domain.token_bucket import TokenBucket
from shared.jetstream.errors import BrokerError
from shared.jetstream.job_history import NewerEventError
from shared.observability import metrics
from shared.observability.logs import get_logger

logger = get_logger(__name__)

CLOSE_S = 5.0
BURST_S = 4.0
"""Messages that a client may send at once, in seconds' worth of its rate."""

SENT_KEYS_MAX = 2_000
"""Messages and ended jobs remembered by one connection, so that none is sent twice."""

PATIENCE_S = 5.0
PAUSE_S = 0.2
BINARY = "frames are text"
NOT_JSON = "the frame is no JSON object"

Message = Mapping[str, Any]
_decoder = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode


class NoEncoding:
    """Sessions write their messages themselves."""

    def event(self, event: EncodedEvent, subscription_id: str) -> None:
        """Nothing."""

    def announcement(self, announcement: Announcement, subscription_id: str) -> None:
        """Nothing."""


class DialectSession:
    """Lives from the accepted handshake to the end of the socket. `name` is what operators see."""

    def __init__(
        self,
        websocket: WebSocket,
        registry: ClientRegistry,
        name: str,
        reader: JobReader,
        *,
        connection_id: str | None = None,
    ) -> None:
        """Prepare; `run` does it. `reader` is shared by the sessions of the dialect."""
        self.websocket = websocket
        self.registry = registry
        profile = TransportProfile(name, NoEncoding(), close_s=CLOSE_S)
        self.connection = ClientConnection(registry, profile, _no_end, connection_id=connection_id)
        self._reader = reader
        self._changes = Changes()
        self._turn = asyncio.Lock()
        self._sent_keys = RecentJobs(SENT_KEYS_MAX)
        self._ended = RecentJobs(SENT_KEYS_MAX)
        self._lifetime = Lifetime(websocket, self.connection, registry.settings.notifier_ping_s)

    # What a dialect defines.

    async def opened(self) -> None:
        """The socket is accepted. Begin to watch here, before anything is read; nothing live comes before."""

    async def receive(self, message: dict[str, Any]) -> None:
        """The client has sent a JSON object."""

    async def refuse(self, why: str) -> None:
        """The client has sent a frame that is none, or a message could not be answered."""

    async def tell(self, change: Change) -> None:
        """Something has happened to a job that is watched. Called again after a BrokerError."""

    def concerns(self, job_id: str) -> bool:
        """Whether a job that is watched is told of; a connection that watches all may skip some."""
        return True

    # What a dialect uses.

    @property
    def user_id(self) -> str:
        """Whose connection it is; empty before `bind`."""
        return self.connection.user_id

    def bind(self, grant: Grant) -> bool:
        """The connection is this user's until the token expires; False if the user has too many."""
        self._lifetime.expire_in(grant.lasts_s)
        return self.connection.join(grant, self.websocket.scope)

    def watch(self, job_id: str | None = None) -> bool:
        """Be told of changes of a job from now on; without an id, of all jobs of the user.

        False if the connection watches `HEADRACE_NOTIFIER_SUBSCRIPTIONS_MAX` already.
        """
        return self.connection.watch(job_id, self._take)

    def tell_later(self, change: Change, wait_s: float) -> None:
        """Be told of a change again after so many seconds, and of others meanwhile."""
        asyncio.get_running_loop().call_later(wait_s, self._put, change)

    def expire_in(self, lasts_s: float, close: Close) -> None:
        """End the connection after so many seconds unless it is bound before."""
        self._lifetime.expire_in(lasts_s, close)

    def stop_watching(self, job_id: str | None = None) -> None:
        """Be told no more of them."""
        self.connection.stop_watching(job_id)

    async def read(self, job_id: str, sequence: int | None = None) -> JobRecord | None:
        """One job of the user as the log has it; None for any other id. `sequence` is that of a change.

        Raises BrokerError, NewerEventError, which need not be caught.
        """
        return await self._reader.read(self.user_id, job_id, sequence)

    def is_new(self, job_id: str, what: str, *, is_last: bool = False) -> bool:
        """Whether a message may be sent: none is sent twice, and none of a job after its last one.

        It counts as sent from then on.
        """
        key = f"{job_id} {what}"
        if job_id in self._ended or key in self._sent_keys:
            return False
        self._sent_keys.add(key)
        if is_last:
            self._ended.add(job_id)
        return True

    def send(self, message: Message) -> None:
        """Send a small message."""
        self.connection.send(Text(_encode(message)))

    async def send_large(self, message: Message) -> None:
        """Send a message that may be of any size: when there is room for it. It is sent whole."""
        text = Text(_encode(message), is_bulk=True)
        while not self.connection.outbox.closing.done():
            await self.connection.outbox.wait_for_capacity()
            if self.connection.offer(text):
                return
            await asyncio.sleep(FULL_PAUSE_S)

    def end(self, close: Close) -> None:
        """Close after what is queued."""
        self.connection.end(close)

    # How it runs.

    async def run(self) -> None:
        """Return when the socket is closed, or cannot be closed in time."""
        await run_connection(self.websocket, self.connection, self._serve(), code_of)

    async def _serve(self) -> None:
        beside = [self.connection.spawn(self._tell_all()), self.connection.spawn(self._lifetime.run())]
        try:
            # The opening has its turn before the first message of the client.
            await asyncio.sleep(0)
            await self._read_frames()
        finally:
            for task in beside:
                task.cancel()

    async def _read_frames(self) -> None:
        clock = asyncio.get_running_loop().time
        rate = self.registry.settings.notifier_commands_per_s
        bucket = TokenBucket(rate_per_s=rate, burst=rate * BURST_S, now=clock())
        while (frame := await self.websocket.receive())["type"] != "websocket.disconnect":
            self.connection.record_activity()
            if self.connection.outbox.closing.done():
                continue
            # A client that asks for too much waits, and is not closed: it would only come back.
            if not bucket.take(clock()):
                await asyncio.sleep(bucket.wait_s(1))
                bucket.take(clock())
            async with self._turn:
                await self._obey(frame.get("text"))

    async def _obey(self, text: str | None) -> None:
        if text is None:
            await self.refuse(BINARY)
            return
        try:
            message = _decoder.decode(text)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            await self.refuse(NOT_JSON)
            return
        try:
            await self.receive(message)
        except NewerEventError as error:
            metrics.UNKNOWN.labels(reader="notifier").inc()
            await self.refuse(str(error))
        except BrokerError:
            await self.refuse("the log does not answer")

    async def _tell_all(self) -> None:
        await self._patiently(None)
        while True:
            await self._patiently(await self._changes.take())

    async def _patiently(self, change: Change | None) -> None:
        """Tell of a change, or open. Ends the connection if the log does not answer for PATIENCE_S."""
        clock = asyncio.get_running_loop().time
        until = clock() + PATIENCE_S
        while True:
            try:
                async with self._turn:
                    await (self.opened() if change is None else self.tell(change))
            except NewerEventError:
                metrics.UNKNOWN.labels(reader="notifier").inc()
            except BrokerError as error:
                if clock() >= until:
                    logger.warning("dialect_gave_up", connection=self.connection.id, why=str(error))
                    self.end(NO_LOG)
                    return
                await asyncio.sleep(PAUSE_S)
                continue
            return

    def _take(self, item: Item) -> None:
        if not self.concerns(item.named.job_id):
            return
        change = change_of(item)
        if change is not None:
            self._put(change)

    def _put(self, change: Change) -> None:
        if not self._changes.put(change):
            self.end(UNREAD)


def _no_end(subscription_id: str, outcome: Ended | Refused) -> None:
    """There are no subscriptions, only watches."""
