"""The NATS connection: the only module that imports `nats`, and only its core calls.

nats-py's own JetStream calls stall after a server restart, so `event_log`, `follower`, `pull_consumer` and
`provision` speak the JetStream protocol over this connection. It reconnects without end, to any server of its
cluster that answers, and leaves a server that falls silent (`heartbeat`). `lost` is set when no server has
answered for long.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from shared.jetstream.errors import UnreachableError, check_answer, connection_error
from shared.jetstream.heartbeat import SILENT_S, Pulse, pulse_diagnostics
from shared.jetstream.message import Handler, Message
from shared.jetstream.requests import OnReply, Requests
from shared.jetstream.tls import tls_context
from shared.left_out import left_out
from shared.observability import metrics
from shared.observability.logs import get_logger
from shared.observability.repeated import Repeated
from shared.settings import BrokerSettings, show

with left_out("aiohttp"):
    import nats.aio.subscription  # noqa: TID251 - this is the one place
    import nats.errors  # noqa: TID251 - this is the one place
    from nats.aio.client import Client  # noqa: TID251 - this is the one place

logger = get_logger(__name__)

API = "$JS.API."
REFUSED = "permissions violation"
RECONNECT_WAIT_S = 0.25
FIRST_CONNECTION_S = 10.0
CANCEL_AGAIN_S = 0.1
DRAIN_S = 2.0
WRITE_ERRORS = (nats.errors.Error, OSError, RuntimeError)
"""What nats-py raises when it cannot write. RuntimeError is uvloop's, for a socket that was closed under it:
nats-py believes for a moment that it is still connected."""


class Subscription:
    """A live subscription."""

    def __init__(self, subscription: nats.aio.subscription.Subscription) -> None:
        """Wrap nats-py's subscription."""
        self._subscription = subscription

    async def unsubscribe(self) -> None:
        """Unsubscribe; no message is delivered afterwards. Does nothing on a closed connection."""
        with suppress(*WRITE_ERRORS):
            await self._subscription.unsubscribe()

    async def drain(self) -> None:
        """Unsubscribe, then handle the messages that the server has already sent: some may need an answer.

        nats-py writes its ping ahead of its write buffer, so ahead of the UNSUB as well. This method writes
        the UNSUB first. nats-py has no public call for either.
        """
        client, number = self._subscription._conn, self._subscription._id  # noqa: SLF001
        with suppress(*WRITE_ERRORS, TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await client._send_unsubscribe(number)  # noqa: SLF001
                await client._flush_pending(force_flush=True)  # noqa: SLF001
                await self._subscription.drain()  # type: ignore[no-untyped-call]  # nats-py has few types


class Broker:
    """A connection that outlives server restarts. Made by `connect`."""

    def __init__(self, client: Client, inbox_prefix: str, servers: str) -> None:
        """Wrap a client that `connect` will connect; `servers` appears in messages only."""
        self._client = client
        self._servers = servers
        self._inbox_prefix = inbox_prefix
        self._reconnected: list[tuple[asyncio.Event, Callable[[], None]]] = []
        self._requests = Requests(self)
        self._pulse = Pulse(client)
        self.errors = Repeated()
        self.lost = asyncio.Event()

    @property
    def is_connected(self) -> bool:
        """Whether the socket is up; a request may still fail."""
        return self._client.is_connected

    def unready_reason(self) -> str | None:
        """None while the server answers; else what is wrong with the connection."""
        if not self._client.is_connected:
            return "no connection to NATS"
        if self._pulse.silent_s > SILENT_S:
            return f"NATS has not answered for {self._pulse.silent_s:.0f} s"
        return None

    def diagnostics(self) -> dict[str, Any]:
        """Which server it is connected to, and how well."""
        url = self._client.connected_url if self._client.is_connected else None
        return {
            "server": url.netloc.rpartition("@")[2] if url else None,
            "reconnections": self._client.stats["reconnects"],
            **pulse_diagnostics(self._pulse),
        }

    def inbox(self) -> str:
        """A fresh, unguessable subject under this service's own inbox prefix."""
        return f"{self._inbox_prefix}.{uuid.uuid4().hex}"

    @contextmanager
    def on_reconnect(self, wake: Callable[[], None]) -> Iterator[asyncio.Event]:
        """An event that is set at the next reconnection; `wake` is called right after."""
        event = asyncio.Event()
        entry = (event, wake)
        self._reconnected.append(entry)
        try:
            yield event
        finally:
            self._reconnected.remove(entry)

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 2.0,
    ) -> Message:
        """Send a request and wait for its reply. Raises UnreachableError."""
        return await self._requests.send(subject, payload, headers=headers, timeout_s=timeout_s)

    async def collect(self, subject: str, payload: bytes, on_reply: OnReply, *, timeout_s: float) -> None:
        """Send a request with several replies; returns after the last one. Raises UnreachableError."""
        await self._requests.collect(subject, payload, on_reply, timeout_s=timeout_s)

    async def publish(
        self, subject: str, payload: bytes, *, reply: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        """Publish without waiting for a reply. Raises UnreachableError if the message cannot be buffered."""
        try:
            await self._client.publish(subject, payload, reply, dict(headers) if headers else None)
        except WRITE_ERRORS as error:
            raise UnreachableError(f"cannot publish to {subject}: {type(error).__name__}") from error

    async def subscribe(self, subject: str, handler: Handler, *, queue: str = "") -> Subscription:
        """Call `handler` for each message, one at a time. None is dropped: readers bound their pulls."""
        try:
            subscription = await self._client.subscribe(
                subject, queue, handler, pending_msgs_limit=-1, pending_bytes_limit=-1
            )
        except WRITE_ERRORS as error:
            raise UnreachableError(f"cannot subscribe to {subject}: {type(error).__name__}") from error
        return Subscription(subscription)

    async def api(self, operation: str, body: object = None, *, timeout_s: float = 2.0) -> dict[str, Any]:
        """One call of the JetStream API, for example ``STREAM.INFO.JOBS``. Raises BrokerError.

        An answer from a server that does not lead the stream is rejected, because its state may be stale.
        """
        answer: dict[str, Any] = json.loads(await self.api_answer(operation, body, timeout_s=timeout_s))
        check_answer(operation, answer)
        return answer

    async def api_answer(self, operation: str, body: object = None, *, timeout_s: float = 2.0) -> bytes:
        """What such a call is answered, neither decoded nor checked. Raises BrokerError."""
        payload = b"" if body is None else json.dumps(body).encode()
        return (await self.request(API + operation, payload, timeout_s=timeout_s)).data

    async def watch(self) -> None:
        """Leave servers that do not answer; set `lost` when no server has answered for long."""
        try:
            await self._pulse.run()
        finally:
            self._pulse.stop()
        logger.error("broker_lost", silent_s=round(self._pulse.silent_s, 1))
        self.lost.set()

    async def on_error(self, error: Exception) -> None:
        """Log errors that nats-py reports only here: refused publishes, dropped messages, failed connects.

        Repeated failures of one kind are counted, and logged once there is a connection.
        """
        self._pulse.record_answer()
        self._close_what_failed()
        metrics.BROKER_ERRORS.inc()
        if REFUSED in str(error):
            # The program and its permissions differ in version, or foreign code uses this connection.
            metrics.BROKER_REFUSED.inc()
            logger.error("broker_refused", error=str(error))
            return
        text = f"{type(error).__name__}: {error}"
        if self.errors.is_new(text):
            logger.warning("broker_error", error=text, servers=self._servers)

    def _close_what_failed(self) -> None:
        """Close sockets that nats-py leaks: it drops the socket of a silent server without closing it."""
        transport = self._client._transport  # noqa: SLF001 - nats-py never closes it
        if transport is not None and not self._client.is_connected:
            transport.close()  # type: ignore[no-untyped-call]

    async def on_reconnected(self) -> None:
        """Wake every reader: messages that were in flight are lost."""
        self._pulse.record_answer()
        logger.info("broker_reconnected", server=self.diagnostics()["server"], errors=self.errors.take())
        for event, wake in self._reconnected:
            event.set()
            wake()

    async def on_closed(self) -> None:
        """Set `lost`: a closed client never reconnects."""
        self.lost.set()


@asynccontextmanager
async def connect(settings: BrokerSettings, *, service: str) -> AsyncIterator[Broker]:
    """A connected broker, closed at the end. Raises UnreachableError when the first connection fails.

    An unknown host name and a refused password are retried as long as an absent server is: both may appear
    together with the server. The error is then a SettingsError too. An unusable TLS file raises one at once.
    """
    tls = tls_context(settings)
    client = Client()
    inbox_prefix = f"_INBOX_{service}"
    broker = Broker(client, inbox_prefix, show(settings.nats_url))
    connecting = asyncio.create_task(
        client.connect(
            settings.nats_servers,
            name=f"headrace-{service}",
            user=settings.nats_user,
            password=settings.nats_password,
            inbox_prefix=inbox_prefix,
            tls=tls,
            tls_handshake_first=tls is not None,
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_WAIT_S,  # type: ignore[arg-type]  # any number of seconds works
            # A fallback: `heartbeat` notices sooner. The default takes six minutes.
            ping_interval=10,
            max_outstanding_pings=2,
            error_cb=broker.on_error,
            reconnected_cb=broker.on_reconnected,
            closed_cb=broker.on_closed,
        )
    )
    try:
        await _finish(connecting, within_s=FIRST_CONNECTION_S)
    except (TimeoutError, nats.errors.Error, OSError) as error:
        cause = error if str(error) else client.last_error
        await _close(client)
        raise connection_error(settings, cause, broker.errors.take(), FIRST_CONNECTION_S) from error
    broker.errors.take()
    watch = asyncio.create_task(broker.watch())
    try:
        yield broker
    finally:
        watch.cancel()
        await _close(client)


async def _finish(doing: asyncio.Task[None], *, within_s: float) -> None:
    """Wait for what nats-py does, for `within_s`; then end it. Raises TimeoutError, nats errors.

    nats-py itself would try to connect without end. The process manager can start this process again. One
    cancellation is not enough: `wait_for` of Python 3.11 loses one that arrives together with its result.
    """
    try:
        await asyncio.wait([doing], timeout=within_s)
        if not doing.done():
            raise TimeoutError
        doing.result()
    finally:
        while not doing.done():
            doing.cancel()
            await asyncio.wait([doing], timeout=CANCEL_AGAIN_S)


async def _close(client: Client) -> None:
    """Flush the write buffer if there is a server, then close the connection and its tasks.

    nats-py's own `close` flushes even to a socket that is gone; if that fails, it skips the rest of its work.
    asyncio of Python 3.12 to 3.13.5 fails there with a TypeError (python/cpython#136234). So the buffer is
    emptied first. From 3.12 on, asyncio may wait for ever for the end of a connection whose TLS handshake the
    server has refused, so the wait is bounded.
    """
    if client.is_connected:
        # In its own task, because it swallows a cancellation.
        flushing = asyncio.create_task(client._flush_pending(force_flush=True))  # noqa: SLF001 - `flush` pings too
        await asyncio.wait([flushing], timeout=DRAIN_S)
    client._pending, client._pending_data_size = [], 0  # noqa: SLF001 - there is no public way
    # Closing a connection that the server has dropped reports the drop again.
    with suppress(*WRITE_ERRORS, TimeoutError):
        await _finish(asyncio.create_task(client.close()), within_s=DRAIN_S)
