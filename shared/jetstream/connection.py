"""The NATS connection: the only module that imports `nats`, and only its core calls.

nats-py's own JetStream calls stall after a server restart, so `log`, `follow`, `consumer` and `streams`
speak the JetStream protocol over this. The connection reconnects for ever, to whichever server of its cluster
answers; a server that falls silent is left (`pulse`). `lost` is set when even that has stopped working.

Errors::

    BrokerError
    ├── UnreachableError   no answer in time; the request may still have had its effect
    │   ├── LeaderlessError    nobody leads what was asked for, so nobody can answer for it
    │   └── ConnectionSettingError   there is no connection, and a setting is why; also a SettingsError
    └── JetStreamError     JetStream refused; `code` is its error code
"""

import asyncio
import json
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Protocol

import nats.aio.subscription  # noqa: TID251 - this is the one place
import nats.errors  # noqa: TID251 - this is the one place
from nats.aio.client import Client  # noqa: TID251 - this is the one place

from shared.contract.subjects import EXECUTOR_DURABLE
from shared.jetstream.heartbeat import SILENT_S, Pulse, facts_of
from shared.jetstream.tls import tls_context
from shared.observability import metrics
from shared.observability.logs import get_logger
from shared.observability.repeated import Repeated
from shared.settings import BrokerSettings, SettingsError, show

logger = get_logger(__name__)

API = "$JS.API."
NO_RESPONDERS = "503"
STREAM_NOT_FOUND = 10059
CONSUMER_NOT_FOUND = 10014
NO_LEADER = 10008
"""What a cluster answers while a stream, a consumer, or itself is without a leader."""
REFUSED = "permissions violation"
UNKNOWN_CLIENT = "authorization violation"
PROVISION = "the log is not provisioned: run python -m shared.provision"
RECONNECT_WAIT_S = 0.25
FIRST_CONNECTION_S = 10.0
DRAIN_S = 2.0


class BrokerError(Exception):
    """Anything that went wrong between this process and the broker."""


class UnreachableError(BrokerError):
    """No answer in time. The request may or may not have had its effect."""


class LeaderlessError(UnreachableError):
    """A stream, a consumer or the cluster has no leader at the moment."""


class ConnectionSettingError(UnreachableError, SettingsError):
    """There is no connection because of a setting, which the message names."""


class JetStreamError(BrokerError):
    """JetStream answered with an error."""

    def __init__(self, code: int, description: str, advice: str = "") -> None:
        """Keep the error code of the JetStream API, for example 10071; `advice` is for people."""
        super().__init__(f"{description} ({code}){advice and '; '}{advice}")
        self.code = code


class Message(Protocol):
    """A message as it arrives: the part of nats-py's `Msg` that Headrace uses."""

    subject: str
    reply: str
    data: bytes
    headers: dict[str, str] | None


Handler = Callable[[Message], Awaitable[None]]


class Subscription:
    """A live subscription."""

    def __init__(self, subscription: nats.aio.subscription.Subscription) -> None:
        """Wrap the client's own."""
        self._subscription = subscription

    async def unsubscribe(self) -> None:
        """End it; nothing is delivered afterwards. On a closed connection there is nothing to end."""
        with suppress(nats.errors.Error, OSError):
            await self._subscription.unsubscribe()

    async def drain(self) -> None:
        """End it after what the server has sent already was handled, which somebody may have to answer.

        nats-py writes the ping that it waits for before what it has buffered, so also before the end that it
        tells. Here the end is written first. There is no public way to either.
        """
        client, number = self._subscription._conn, self._subscription._id  # noqa: SLF001
        with suppress(nats.errors.Error, OSError, TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await client._send_unsubscribe(number)  # noqa: SLF001
                await client._flush_pending(force_flush=True)  # noqa: SLF001
                await self._subscription.drain()  # type: ignore[no-untyped-call]  # nats-py has few types


class Broker:
    """A connection that outlives server restarts. Made by `connect`."""

    def __init__(self, client: Client, inbox_prefix: str, servers: str) -> None:
        """Wrap a client that `connect` will connect; `servers` is for people."""
        self._client = client
        self._servers = servers
        self._inbox_prefix = inbox_prefix
        self._reconnected: list[tuple[asyncio.Event, Callable[[], None]]] = []
        self._answer_prefix = ""
        self._answers: dict[str, asyncio.Future[Message]] = {}
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
            **facts_of(self._pulse),
        }

    def inbox(self) -> str:
        """A fresh subject under this service's own inbox prefix, which nobody can guess from another one."""
        return f"{self._inbox_prefix}.{uuid.uuid4().hex}"

    @contextmanager
    def on_reconnect(self, wake: Callable[[], None]) -> Iterator[asyncio.Event]:
        """An event that is set at the next reconnection; `wake` is called just after."""
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
        """One question, one answer. Raises UnreachableError.

        nats-py's own request loses a cancellation that arrives together with the answer (`wait_for` of
        Python 3.11), so a service could not be stopped in that moment.
        """
        token = uuid.uuid4().hex
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answers[token] = answer
        try:
            await self._subscribe_to_answers()
            await self.publish(subject, payload, reply=f"{self._answer_prefix}.{token}", headers=headers)
            async with asyncio.timeout(timeout_s):
                message = await answer
        except TimeoutError as error:
            raise UnreachableError(f"no answer from {subject} in {timeout_s} s") from error
        finally:
            del self._answers[token]
        if message.headers and message.headers.get("Status") == NO_RESPONDERS:
            raise UnreachableError(f"nobody answers on {subject}")
        return message

    async def _subscribe_to_answers(self) -> None:
        if not self._answer_prefix:
            self._answer_prefix = self.inbox()
            await self.subscribe(f"{self._answer_prefix}.*", self._on_answer)

    async def _on_answer(self, message: Message) -> None:
        answer = self._answers.get(message.subject.rpartition(".")[2])
        if answer is not None and not answer.done():
            answer.set_result(message)

    async def publish(
        self, subject: str, payload: bytes, *, reply: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        """Send without waiting for an answer. Raises UnreachableError if it cannot even be buffered."""
        try:
            await self._client.publish(subject, payload, reply, dict(headers) if headers else None)
        except (nats.errors.Error, OSError) as error:
            raise UnreachableError(f"cannot publish to {subject}: {type(error).__name__}") from error

    async def subscribe(self, subject: str, handler: Handler, *, queue: str = "") -> Subscription:
        """Call `handler` for each message, one at a time, dropping none: readers bound what they ask for."""
        try:
            subscription = await self._client.subscribe(
                subject, queue, handler, pending_msgs_limit=-1, pending_bytes_limit=-1
            )
        except (nats.errors.Error, OSError) as error:
            raise UnreachableError(f"cannot subscribe to {subject}: {type(error).__name__}") from error
        return Subscription(subscription)

    async def api(self, operation: str, body: object = None, *, timeout_s: float = 2.0) -> dict[str, Any]:
        """One call of the JetStream API, for example ``STREAM.INFO.JOBS``. Raises BrokerError.

        Who does not lead a stream may still tell of it, with a state of long ago: that is no answer.
        """
        payload = b"" if body is None else json.dumps(body).encode()
        answer: dict[str, Any] = json.loads(
            (await self.request(API + operation, payload, timeout_s=timeout_s)).data
        )
        if "error" in answer:
            error = answer["error"]
            if error.get("err_code") == NO_LEADER:
                raise LeaderlessError(f"{operation}: {error.get('description')}")
            raise _jetstream_error(operation, error)
        if ".INFO." in operation and "cluster" in answer and not answer["cluster"].get("leader"):
            raise LeaderlessError(f"{operation}: there is no leader")
        return answer

    async def watch(self) -> None:
        """Leave servers that do not answer; set `lost` when nothing is heard of any for long."""
        try:
            await self._pulse.run()
        finally:
            self._pulse.stop()
        logger.error("broker_lost", silent_s=round(self._pulse.silent_s, 1))
        self.lost.set()

    async def on_error(self, error: Exception) -> None:
        """Refused publishes and dropped messages show only here, as does each failed try to connect.

        What fails again in the same way is counted, and told when there is a connection.
        """
        self._pulse.heard()
        self._close_what_failed()
        metrics.BROKER_ERRORS.inc()
        if REFUSED in str(error):
            # This program and its rights are of different versions, or somebody else speaks through it.
            metrics.BROKER_REFUSED.inc()
            logger.error("broker_refused", error=str(error))
            return
        text = f"{type(error).__name__}: {error}"
        if self.errors.is_new(text):
            logger.warning("broker_error", error=text, servers=self._servers)

    def _close_what_failed(self) -> None:
        """The client forgets the socket of a server that did not say a word, and makes another one."""
        transport = self._client._transport  # noqa: SLF001 - nobody else closes it
        if transport is not None and not self._client.is_connected:
            transport.close()  # type: ignore[no-untyped-call]

    async def on_reconnected(self) -> None:
        """Wake every reader, because what was on its way to it is gone."""
        self._pulse.heard()
        logger.info("broker_reconnected", server=self.diagnostics()["server"], errors=self.errors.take())
        for event, wake in self._reconnected:
            event.set()
            wake()

    async def on_closed(self) -> None:
        """A closed client never comes back."""
        self.lost.set()


@asynccontextmanager
async def connect(settings: BrokerSettings, *, service: str) -> AsyncIterator[Broker]:
    """A connected broker, closed at the end. Raises UnreachableError when the first connection fails.

    A server whose name is unknown or who refuses the password is tried for as long as one that is not there:
    names and passwords come with their servers. What is raised then is a SettingsError too, as it is at once
    for a file of TLS.
    """
    tls = tls_context(settings)
    client = Client()
    inbox_prefix = f"_INBOX_{service}"
    broker = Broker(client, inbox_prefix, show(settings.nats_url))
    try:
        # The client itself would try for ever; whoever started this process can start it again.
        async with asyncio.timeout(FIRST_CONNECTION_S):
            await client.connect(
                settings.nats_servers,
                name=f"headrace-{service}",
                user=settings.nats_user,
                password=settings.nats_password,
                inbox_prefix=inbox_prefix,
                tls=tls,
                tls_handshake_first=tls is not None,
                max_reconnect_attempts=-1,
                reconnect_time_wait=RECONNECT_WAIT_S,  # type: ignore[arg-type]  # any number of seconds works
                # Only a second line: `pulse` is sooner. The default takes six minutes.
                ping_interval=10,
                max_outstanding_pings=2,
                error_cb=broker.on_error,
                reconnected_cb=broker.on_reconnected,
                closed_cb=broker.on_closed,
            )
    except (TimeoutError, nats.errors.Error, OSError) as error:
        cause = error if str(error) else client.last_error
        await _close(client)
        raise _unreachable(settings, cause, broker.errors.take()) from error
    broker.errors.take()
    watch = asyncio.create_task(broker.watch())
    try:
        yield broker
    finally:
        watch.cancel()
        await _close(client)


def _unreachable(settings: BrokerSettings, cause: Exception | None, tries: int) -> UnreachableError:
    """Why the first connection failed, by what the last try brought."""
    why = str(cause) if cause is not None else f"no answer in {FIRST_CONNECTION_S:.0f} s"
    url = show(settings.nats_url)
    if UNKNOWN_CLIENT in why.lower():
        return ConnectionSettingError(
            f"HEADRACE_NATS_USER, HEADRACE_NATS_PASSWORD: the server at {url} refuses the user "
            f"{settings.nats_user!r} with this password: {why} ({tries} times)"
        )
    if isinstance(cause, socket.gaierror):
        return ConnectionSettingError(f"cannot connect to {url} (HEADRACE_NATS_URL): unknown host: {why}")
    return UnreachableError(f"cannot connect to {url} (HEADRACE_NATS_URL): {why}")


def _jetstream_error(operation: str, error: Mapping[str, Any]) -> JetStreamError:
    """The error of a call; where what was provisioned is missing it says how to."""
    code, text = int(error.get("err_code", 0)), f"{operation}: {error.get('description')}"
    is_missing = code == STREAM_NOT_FOUND or (
        code == CONSUMER_NOT_FOUND and operation.endswith(f".{EXECUTOR_DURABLE}")
    )
    return JetStreamError(code, text, PROVISION if is_missing else "")


async def _close(client: Client) -> None:
    """Send what is buffered if there is a server, and end everything that belongs to the connection.

    nats-py's own `close` writes what is buffered even to a socket that is gone, and when that fails, leaves
    all the rest undone. asyncio of Python 3.12 to 3.13.5 fails with a TypeError (python/cpython#136234). So
    there is nothing left to write.
    """
    if client.is_connected:
        # In a task of its own, because it swallows a cancellation.
        flushing = asyncio.create_task(client._flush_pending(force_flush=True))  # noqa: SLF001 - `flush` pings too
        await asyncio.wait([flushing], timeout=DRAIN_S)
    client._pending, client._pending_data_size = [], 0  # noqa: SLF001 - there is no public way
    # Closing a connection that the server has dropped raises what the drop already reported: OSError in
    # asyncio's own loop, RuntimeError in uvloop.
    with suppress(OSError, RuntimeError, nats.errors.Error):
        await client.close()
