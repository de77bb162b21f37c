"""Tunnel of one client's connection to the notifier through the api: forwards bytes both ways, unparsed.

If one side does not read, the other is not read either (back-pressure). Bytes after the head are discarded
until the notifier has accepted a WebSocket, and always for other requests, so that no second request can be
smuggled. A tunnel ends when either side does.
"""

import asyncio
import time
import uuid
from math import inf
from typing import cast

from uvicorn.server import ServerState

from services.api.events_tunnel.notifier_side import NotifierSide, Upstream
from services.api.events_tunnel.request import EventsRequest
from services.api.events_tunnel.side import PIECE_BYTES, Side
from shared.observability.logs import get_logger
from shared.service.access_log import PATH_MAX
from shared.service.http_server import refusals
from shared.service.http_server.connection import LINGER_BYTES, LINGER_S
from shared.service.http_server.pace import WritePace
from shared.service.http_server.refusals import Refusal
from shared.service.http_server.registry import ConnectionRegistry

logger = get_logger(__name__)

CONNECT_S = 2.0
"""Timeout (s) of the connection to the notifier, which is nearby."""

ANSWER_S = 15.0
"""Timeout (s) from the request to the first byte of the response: a token may need keys of its issuer."""

SHUTDOWN_S = 1.0
"""Time (s) for sending buffered bytes to a client when the api stops."""

SWITCHING = b"HTTP/1.1 101 "


class Tunnel(Side):
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
        self._notifier = NotifierSide(self)
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

    def send_request(self) -> None:
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

    def end_response(self) -> None:
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
