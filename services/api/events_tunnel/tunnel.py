"""Tunnel of one client's connection to the notifier through the api: forwards bytes both ways, unparsed.

The setting alone selects the notifier. A tunnel buffers less than twice PIECE_BYTES per side: if one side
does not read, the other is not read either (back-pressure). Bytes after the head are discarded until the
notifier has accepted a WebSocket, and always for other requests, so that no second request can be smuggled. A
tunnel ends when either side does.
"""

import asyncio
import socket
import time
import uuid
from dataclasses import dataclass
from math import inf
from typing import cast
from urllib.parse import urlsplit

from uvicorn.server import ServerState

from services.api.events_tunnel.request import EventsRequest
from shared.observability.logs import get_logger
from shared.service.access_log import PATH_MAX
from shared.service.http_server import refusals
from shared.service.http_server.http_protocol import LINGER_BYTES, LINGER_S
from shared.service.http_server.pace import WritePace
from shared.service.http_server.refusals import Refusal
from shared.service.http_server.registry import ConnectionRegistry

logger = get_logger(__name__)

PIECE_BYTES = 16 * 1024
"""Bytes read at a time, and unsent bytes at which reading from the other side is paused."""

KERNEL_BYTES = 64 * 1024
"""Kernel buffers of the connection to the notifier, each way (the kernel doubles this). By default they may
grow to megabytes, which the notifier would count as read by its client."""

CONNECT_S = 2.0
"""Timeout (s) of the connection to the notifier, which is nearby."""

ANSWER_S = 15.0
"""Timeout (s) from the request to the first byte of the response: a token may need keys of its issuer."""

SHUTDOWN_S = 1.0
"""Time (s) for sending buffered bytes to a client when the api stops."""

USUAL_PORT = 80
SWITCHING = b"HTTP/1.1 101 "
_piece = memoryview(bytearray(PIECE_BYTES))
"""Read buffer shared by all tunnels: received bytes are copied before the next read."""


@dataclass(slots=True)
class Upstream:
    """The notifier of all tunnels of this process, and the number of tunnels."""

    host: str
    port: int
    tunnels: int = 0


def upstream_at(url: str) -> Upstream:
    """The notifier at the setting's URL."""
    parts = urlsplit(url)
    return Upstream(parts.hostname or "", parts.port or USUAL_PORT)


class _Side(asyncio.BufferedProtocol):
    """One of a tunnel's two connections."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._is_read = True

    @property
    def is_open(self) -> bool:
        """Whether bytes can be sent."""
        return self.transport is not None and not self.transport.is_closing()

    def take_over(self, transport: asyncio.Transport) -> None:
        """Use this transport."""
        self.transport = transport
        transport.set_write_buffer_limits(high=PIECE_BYTES)

    def read(self, *, wanted: bool) -> None:
        """Resume or pause reading."""
        if self.transport is None or self.transport.is_closing() or wanted == self._is_read:
            return
        self._is_read = wanted
        if wanted:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def send(self, content: bytes) -> None:
        """Send, if the connection is open."""
        if self.is_open:
            cast("asyncio.Transport", self.transport).write(content)

    def get_buffer(self, sizehint: int) -> memoryview:
        """The read buffer of all tunnels."""
        return _piece

    def buffer_updated(self, nbytes: int) -> None:
        """Handle received bytes."""
        self.take(bytes(_piece[:nbytes]))

    def take(self, content: bytes) -> None:
        """Forward received bytes."""
        raise NotImplementedError


class _NotifierSide(_Side):
    """The connection to the notifier."""

    def __init__(self, tunnel: "Tunnel") -> None:
        super().__init__()
        self._tunnel = tunnel

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        self.take_over(cast("asyncio.Transport", transport))
        plug = transport.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        self._tunnel.reached()

    def take(self, content: bytes) -> None:
        self._tunnel.answer(content)

    def pause_writing(self) -> None:
        """The notifier does not read: pause reading from the client."""
        self._tunnel.let_speak(is_heard=False)

    def resume_writing(self) -> None:
        """It does again."""
        self._tunnel.let_speak(is_heard=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """The notifier has closed the connection, or is gone."""
        self._tunnel.answered()

    def end(self) -> None:
        """Close after the written bytes, for which the notifier has limited time."""
        if self.transport is None:
            return
        if self.transport.get_write_buffer_size():
            asyncio.get_running_loop().call_later(LINGER_S, self.transport.abort)
        self.transport.close()


class Tunnel(_Side):
    """The client's connection, from its request's head to its end. Owns the connection to the notifier."""

    def __init__(
        self,
        request: EventsRequest,
        upstream: Upstream,
        registry: ConnectionRegistry,
        server_state: ServerState,
    ) -> None:
        """`server_state` is uvicorn's: at shutdown the server waits for the connections in it."""
        super().__init__()
        self._request = request
        self._to = upstream
        self._registry = registry
        self._server_state = server_state
        self._loop = asyncio.get_running_loop()
        self._notifier = _NotifierSide(self)
        self._write = WritePace(registry.settings)
        self._began = time.perf_counter()
        self._deadline = inf
        self._begun = b""
        self._is_answered = False
        self._is_socket = False
        self._is_taken = True
        self._is_leaving = False
        self._is_shut = False
        self._passed_bytes = 0

    def begin(self, transport: asyncio.Transport) -> None:
        """Take over a connection whose reading is paused, and connect to the notifier."""
        self.take_over(transport)
        self._is_read = False
        self._is_taken = transport.get_write_buffer_size() <= PIECE_BYTES
        self._to.tunnels += 1
        self._registry.hand_over(transport, self)
        # At shutdown uvicorn calls `shutdown` of each and waits until it is closed.
        self._server_state.connections.add(self)  # type: ignore[arg-type]
        self._deadline = self._loop.time() + CONNECT_S + ANSWER_S
        self._connecting = self._loop.create_task(self._connect())
        self._server_state.tasks.add(self._connecting)
        self._connecting.add_done_callback(self._server_state.tasks.discard)
        # Until the WebSocket is accepted, its client should send nothing; the kernel buffers early bytes.
        self.read(wanted=not self._request.is_websocket)

    async def _connect(self) -> None:
        host, port = self._to.host, self._to.port
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._loop.create_connection(lambda: self._notifier, host, port)
        except (OSError, UnicodeError, TimeoutError):
            self._refuse(refusals.EVENTS)

    def reached(self) -> None:
        """The connection to the notifier is established."""
        if not self.is_open or self._is_leaving:
            self._notifier.end()
            return
        self._deadline = self._loop.time() + ANSWER_S
        # An earlier response may still be in the buffer.
        self._notifier.read(wanted=self._is_taken)
        self._notifier.send(self._request.head())

    def answer(self, content: bytes) -> None:
        """Forward bytes of the notifier to the client."""
        if self._is_leaving:
            return
        if not self._is_answered:
            self._begun += content
            if self._request.is_websocket and _may_be(SWITCHING, self._begun):
                return
            content, self._begun = self._begun, b""
            self._is_answered = True
            self._is_socket = self._request.is_websocket and content.startswith(SWITCHING)
            self._deadline = inf
            self.read(wanted=True)
        self.send(content)

    def answered(self) -> None:
        """The notifier has sent everything."""
        if self._is_leaving:
            return
        if not self._is_answered:
            self._refuse(refusals.EVENTS)
        else:
            self._leave()

    def take(self, content: bytes) -> None:
        """Forward bytes of the client to the notifier, or discard them."""
        if self._is_socket:
            self._notifier.send(content)
            return
        self._passed_bytes += len(content)
        if self._passed_bytes > LINGER_BYTES:
            self.read(wanted=False)

    def let_speak(self, *, is_heard: bool) -> None:
        """Resume or pause reading from the client, as the notifier reads."""
        if self._is_socket:
            self.read(wanted=is_heard)

    def pause_writing(self) -> None:
        """The client does not read: pause reading from the notifier."""
        self._is_taken = False
        self._notifier.read(wanted=False)

    def resume_writing(self) -> None:
        """It does again."""
        self._is_taken = True
        self._notifier.read(wanted=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._server_state.connections.discard(self)
        self._registry.leave(self.transport)
        self._to.tunnels -= 1
        self._connecting.cancel()
        self._notifier.end()

    def shutdown(self) -> None:
        """Close the tunnel when the api stops; clients reconnect and resume at their cursor."""
        if not self._is_answered:
            self._refuse(refusals.EVENTS)
        self._is_shut = self._is_leaving = True
        self._deadline = self._loop.time() + SHUTDOWN_S
        cast("asyncio.Transport", self.transport).close()

    def check(self, now: float) -> None:
        """Close the tunnel after a timeout."""
        transport = cast("asyncio.Transport", self.transport)
        if not self._is_leaving:
            if now >= self._deadline:
                self._refuse(refusals.EVENTS)
        elif now >= self._deadline and (self._is_shut or not transport.get_write_buffer_size()):
            transport.abort()
        elif self._write.is_stalled(transport, now):
            refusals.STALLED_READER.count()
            transport.abort()

    def give_way(self) -> None:
        """Close: another connection needs the place."""
        refusals.GAVE_WAY.count()
        cast("asyncio.Transport", self.transport).abort()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer in place of the notifier."""
        if self._is_leaving or not self.is_open:
            return
        self._is_answered = True
        request_id = uuid.uuid4().hex
        refusal.count()
        self.send(refusal.answer(request_id))
        assert refusal.kind is not None
        logger.info(
            "request",
            method=self._request.method,
            path=self._request.path[:PATH_MAX],
            status=int(refusal.kind.status),
            duration_ms=round((time.perf_counter() - self._began) * 1000, 1),
            user_id=None,
            request_id=request_id,
        )
        self._leave()
        self._connecting.cancel()
        self._notifier.end()

    def _leave(self) -> None:
        """Close after the written bytes. Discards further input, so that the client reads its response."""
        if not self.is_open:
            return
        transport = cast("asyncio.Transport", self.transport)
        self._is_leaving = True
        self._deadline = self._loop.time() + LINGER_S
        if self._is_socket:
            transport.close()
        else:
            transport.write_eof()
            self.read(wanted=True)


def _may_be(whole: bytes, begun: bytes) -> bool:
    """Whether `begun` may still become `whole`."""
    return len(begun) < len(whole) and whole.startswith(begun)
