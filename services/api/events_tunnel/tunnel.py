"""One client's connection to the notifier through the api: bytes both ways, none of them looked at.

The notifier is the one that the setting names, whatever the request says. A tunnel holds less than twice
PIECE_BYTES for each side: where one side does not take what the other sends, the other is not read. Until the
notifier has agreed to a WebSocket, and always for other requests, what the client sends behind its head is
thrown away, so that no second request can hide there. A tunnel ends when either side does.
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
"""What is read at a time, and what may wait to leave before the other side is not read any more."""

KERNEL_BYTES = 64 * 1024
"""What the kernel keeps for the connection to the notifier, each way (it doubles this): left to itself it may
keep megabytes, which the notifier would take for read by its client."""

CONNECT_S = 2.0
"""The notifier is near."""

ANSWER_S = 15.0
"""From the request to the first byte of its answer: a token may need keys of its issuer."""

SHUTDOWN_S = 1.0
"""What waits for a client has so long to leave when the api ends."""

USUAL_PORT = 80
SWITCHING = b"HTTP/1.1 101 "
_piece = memoryview(bytearray(PIECE_BYTES))
"""Where every tunnel reads to: what was read is copied before anything else is."""


@dataclass(slots=True)
class Upstream:
    """The notifier that all tunnels of this process lead to, and how many there are."""

    host: str
    port: int
    tunnels: int = 0


def upstream_at(url: str) -> Upstream:
    """The one that the setting names."""
    parts = urlsplit(url)
    return Upstream(parts.hostname or "", parts.port or USUAL_PORT)


class _Side(asyncio.BufferedProtocol):
    """One of a tunnel's two connections."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._is_read = True

    @property
    def is_open(self) -> bool:
        """Whether something can be sent."""
        return self.transport is not None and not self.transport.is_closing()

    def take_over(self, transport: asyncio.Transport) -> None:
        """Use this transport."""
        self.transport = transport
        transport.set_write_buffer_limits(high=PIECE_BYTES)

    def read(self, *, wanted: bool) -> None:
        """Read on, or do not."""
        if self.transport is None or self.transport.is_closing() or wanted == self._is_read:
            return
        self._is_read = wanted
        if wanted:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def send(self, content: bytes) -> None:
        """Send, if the other end is still there."""
        if self.is_open:
            cast("asyncio.Transport", self.transport).write(content)

    def get_buffer(self, sizehint: int) -> memoryview:
        """The buffer of all tunnels."""
        return _piece

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes have come."""
        self.take(bytes(_piece[:nbytes]))

    def take(self, content: bytes) -> None:
        """Pass it on."""
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
        """The notifier does not take what the client sends."""
        self._tunnel.let_speak(is_heard=False)

    def resume_writing(self) -> None:
        """It does again."""
        self._tunnel.let_speak(is_heard=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """The notifier has ended it, or is gone."""
        self._tunnel.answered()

    def end(self) -> None:
        """End it after what is written, which the notifier has a while to take."""
        if self.transport is None:
            return
        if self.transport.get_write_buffer_size():
            asyncio.get_running_loop().call_later(LINGER_S, self.transport.abort)
        self.transport.close()


class Tunnel(_Side):
    """The client's connection, from the head of its request to its end. It owns the other one."""

    def __init__(
        self,
        request: EventsRequest,
        upstream: Upstream,
        registry: ConnectionRegistry,
        server_state: ServerState,
    ) -> None:
        """`server_state` is uvicorn's: the server waits for its connections when it ends."""
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
        """Take over a connection that is not read now, and connect."""
        self.take_over(transport)
        self._is_read = False
        self._is_taken = transport.get_write_buffer_size() <= PIECE_BYTES
        self._to.tunnels += 1
        self._registry.hand_over(transport, self)
        # uvicorn calls `shutdown` of each and waits until it is gone.
        self._server_state.connections.add(self)  # type: ignore[arg-type]
        self._deadline = self._loop.time() + CONNECT_S + ANSWER_S
        self._connecting = self._loop.create_task(self._connect())
        self._server_state.tasks.add(self._connecting)
        self._connecting.add_done_callback(self._server_state.tasks.discard)
        # Until a WebSocket is agreed on, its client has nothing to say, and the kernel keeps it.
        self.read(wanted=not self._request.is_websocket)

    async def _connect(self) -> None:
        host, port = self._to.host, self._to.port
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._loop.create_connection(lambda: self._notifier, host, port)
        except (OSError, UnicodeError, TimeoutError):
            self._refuse(refusals.EVENTS)

    def reached(self) -> None:
        """The notifier has taken the connection."""
        if not self.is_open or self._is_leaving:
            self._notifier.end()
            return
        self._deadline = self._loop.time() + ANSWER_S
        # An earlier answer may still be leaving.
        self._notifier.read(wanted=self._is_taken)
        self._notifier.send(self._request.head())

    def answer(self, content: bytes) -> None:
        """The notifier sends something."""
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
        """The notifier sends nothing more."""
        if self._is_leaving:
            return
        if not self._is_answered:
            self._refuse(refusals.EVENTS)
        else:
            self._leave()

    def take(self, content: bytes) -> None:
        """The client sends something: to the notifier with it, or away."""
        if self._is_socket:
            self._notifier.send(content)
            return
        self._passed_bytes += len(content)
        if self._passed_bytes > LINGER_BYTES:
            self.read(wanted=False)

    def let_speak(self, *, is_heard: bool) -> None:
        """Whether the notifier takes what the client sends."""
        if self._is_socket:
            self.read(wanted=is_heard)

    def pause_writing(self) -> None:
        """The client does not take what the notifier sends."""
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
        """The api ends, and its tunnels with it: clients come back and go on where they were."""
        if not self._is_answered:
            self._refuse(refusals.EVENTS)
        self._is_shut = self._is_leaving = True
        self._deadline = self._loop.time() + SHUTDOWN_S
        cast("asyncio.Transport", self.transport).close()

    def check(self, now: float) -> None:
        """End what takes too long."""
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
        """Another needs the place."""
        refusals.GAVE_WAY.count()
        cast("asyncio.Transport", self.transport).abort()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer in the notifier's place."""
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
        """End after what is written. What the client still says passes by, so that it reads its answer."""
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
    """Whether too little has come to tell."""
    return len(begun) < len(whole) and whole.startswith(begun)
