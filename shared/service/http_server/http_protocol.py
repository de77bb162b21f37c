"""uvicorn's HTTP protocol with bounds on a request's head, its pace, and its buffered bytes.

httptools has no bounds of its own: it joins an unfinished field at every read, which takes quadratic time. A
request that breaks a bound gets an error response, unless another response is being sent on its connection;
then the connection is closed. Timeouts are checked about once a second (`check`), so a request needs no
timer.
"""

import asyncio
from enum import Enum, auto
from math import inf
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from shared.service.http_server import refusals
from shared.service.http_server.accepted import PLACE, REGISTRY
from shared.service.http_server.addresses import forwarded_client
from shared.service.http_server.config import registry_of
from shared.service.http_server.host import is_good_host
from shared.service.http_server.pace import BodyPace, WritePace
from shared.service.http_server.refusals import Refusal

SLICE_BYTES = 65_536
"""Bytes parsed between two checks of the bounds."""

PIPELINED_MAX = 8
"""Pipelined requests that may wait on one connection."""

SHORT_BYTES = 65_536
"""Body size up to which the rest is read after an early response, so that the connection can be reused."""

CHUNK_OVERHEAD_BYTES = 131_072
CHUNK_OVERHEAD_FACTOR = 8
"""Wire bytes per body byte: one-byte chunks take six; more than eight are extensions or trailers."""

LINGER_S = 5.0
LINGER_BYTES = 16 * 1024 * 1024
"""How long, and for how many bytes, the rest of a request is read and discarded after an early response. If
the connection were closed at once, the kernel would reset it and the client lose the response (RFC 9112
9.6)."""


class Phase(Enum):
    """Parser state of the connection."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    ENDING = auto()


class RefusedError(Exception):
    """Stops the parser within a head."""

    def __init__(self, refusal: Refusal) -> None:
        """`refusal` is the reason."""
        super().__init__(refusal.why)
        self.refusal = refusal


class HandOverError(Exception):
    """Stops the parser after a head: another protocol takes over."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection, until it is closed or becomes a WebSocket."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Called by uvicorn."""
        super().__init__(config, server_state, app_state, _loop)
        self._registry = registry_of(config)
        self._settings = self._registry.settings
        self._phase = Phase.IDLE
        self._deadline = inf
        self._late = refusals.SILENT
        self._has_request = False
        self._is_asked_for = False
        self._is_deaf = False
        self._is_leaving = False
        self._has_begun = False
        self._head_bytes = 0
        self._fields_bytes = 0
        self._keep_alive = False
        self._passed_bytes = 0
        self._body = BodyPace(self._settings)
        self._write = WritePace(self._settings)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place in the registry, or refuse the connection."""
        super().connection_made(transport)
        self._deadline = self.loop.time() + self._settings.http_first_byte_s
        peer = self.client[0] if self.client is not None else ""
        self._place, refusal = self._registry.enter(transport, self, peer)
        if refusal is None:
            return
        if self._registry.can_be_told():
            self._refuse(refusal)
        else:
            refusal.count()
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._registry.leave(self.transport)
        super().connection_lost(exc)
        self._drop_body()

    def data_received(self, data: bytes) -> None:
        """Parse the data within the bounds."""
        if self._is_done():
            self._pass_by(len(data))
            return
        self._unset_keepalive_if_required()
        if len(data) <= SLICE_BYTES:
            self._feed(data)
        else:
            for begin in range(0, len(data), SLICE_BYTES):
                self._feed(data[begin : begin + SLICE_BYTES])
                if self._is_done():
                    return
        self._hold()

    def on_message_begin(self) -> None:
        """The head of a request begins."""
        super().on_message_begin()
        self._phase = Phase.HEAD
        self._has_begun = True
        self._fields_bytes = 0
        self._deadline = self.loop.time() + self._settings.http_head_s
        self._late = refusals.SLOW_HEAD

    def on_url(self, url: bytes) -> None:
        """A part of the URL."""
        super().on_url(url)
        if len(self.url) > self._settings.http_line_bytes_max:
            raise RefusedError(refusals.LONG_LINE)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head. Trailer fields are ignored."""
        if self._phase is not Phase.HEAD:
            return
        self._fields_bytes += len(name) + len(value)
        if len(self.headers) >= self._settings.http_headers_max:
            raise RefusedError(refusals.MANY_HEADERS)
        if max(len(name), len(value)) > self._settings.http_header_bytes_max:
            raise RefusedError(refusals.LONG_HEADER)
        if self._fields_bytes + len(self.url) > self._settings.http_head_bytes_max:
            raise RefusedError(refusals.LONG_HEAD)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the application, unless too many pipelined requests wait."""
        if len(self.pipeline) >= PIPELINED_MAX:
            raise RefusedError(refusals.PIPELINED)
        if not is_good_host(self.headers, self.parser.get_http_version()):
            raise RefusedError(refusals.HOST)
        self._name_client()
        if self.is_for_another():
            if self._is_answering():
                raise RefusedError(refusals.PIPELINED)
            raise HandOverError
        if self.parser.should_upgrade() and self._should_upgrade():
            if self._is_answering():
                raise RefusedError(refusals.PIPELINED)
            super().on_headers_complete()
            self._registry.heard(self._place)
            return
        super().on_headers_complete()
        self._has_request = True
        self._registry.heard(self._place)
        self.scope["state"].update({PLACE: self._place, REGISTRY: self._registry})
        self._phase = Phase.BODY
        self._deadline = inf
        self._is_asked_for = False
        self._body.begin(self.loop.time())
        self.cycle.transport = _AnswerTransport(self)  # type: ignore[assignment]  # all that a cycle uses of it
        self._keep_alive = self.cycle.keep_alive
        if not self._is_short():
            # If the response begins before such a request has ended, it is the connection's last.
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body.received += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete."""
        if self._phase is Phase.BODY:
            self._phase = Phase.ANSWER
            self.cycle.keep_alive = self._keep_alive and not self._is_leaving
            if self.cycle.response_complete:
                self._wait_for_next()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The response is complete: the next request may begin."""
        if self._phase is Phase.ENDING:
            return
        was_last = not self.pipeline
        super().on_response_complete()
        if was_last and self._phase is Phase.ANSWER:
            self._wait_for_next()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over to the WebSocket protocol."""
        self._phase = Phase.ENDING
        super().handle_websocket_upgrade()

    def is_for_another(self) -> bool:
        """Whether another protocol handles the parsed request; `hand_over` is then called."""
        return False

    def hand_over(self) -> None:
        """Give the connection to another protocol. Bytes received after the head are lost."""
        raise NotImplementedError

    def shutdown(self) -> None:
        """The server stops: the current response is the connection's last."""
        self._is_leaving = True
        super().shutdown()

    def check(self, now: float) -> None:
        """Close the connection if it is too slow."""
        if self._phase is Phase.BODY:
            # Reading is paused for a pipelined request or by the application: the client is not late.
            if self.flow.read_paused or self.pipeline:
                self._body.pause(now)
            elif (refusal := self._body.refusal(now)) is not None:
                self._refuse(refusal)
        elif now >= self._deadline:
            self._time_is_up()
        if self._write.is_stalled(self.transport, now):
            refusals.STALLED_READER.count()
            self.transport.abort()

    def give_way(self) -> None:
        """Close: another connection needs the place."""
        refusals.GAVE_WAY.count()
        self.transport.abort()

    def close(self) -> None:
        """Close after the written data; the rest of an incoming request is discarded."""
        if self._phase is Phase.ENDING or self.transport.is_closing():
            return
        has_all = self._phase in (Phase.ANSWER, Phase.IDLE)
        self._phase = Phase.ENDING
        self._unset_keepalive_if_required()
        self._drop_body()
        if has_all:
            self._deadline = inf
            self.transport.close()
            return
        self._deadline = self.loop.time() + LINGER_S
        self.transport.write_eof()
        self.flow.resume_reading()

    @property
    def is_ending(self) -> bool:
        """Whether nothing more is written."""
        return self._phase is Phase.ENDING or self.transport.is_closing()

    def _feed(self, data: bytes) -> None:
        self._has_begun = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
            return
        except httptools.HttpParserError as error:
            cause = error.__context__
            if isinstance(cause, HandOverError):
                self._phase = Phase.ENDING
                self._registry.heard(self._place)
                self.hand_over()
                return
            self._refuse(cause.refusal if isinstance(cause, RefusedError) else refusals.MALFORMED)
            return
        if self._phase is Phase.HEAD:
            self._head_bytes = 0 if self._has_begun else self._head_bytes + len(data)
            if self._head_bytes > self._settings.http_head_bytes_max:
                self._refuse(refusals.LONG_HEAD)
        elif self._phase is Phase.BODY:
            self._body.raw += len(data)
            if self._body.raw > CHUNK_OVERHEAD_BYTES + CHUNK_OVERHEAD_FACTOR * self._body.received:
                self._refuse(refusals.CHUNK_OVERHEAD)

    def _drop_body(self) -> None:
        """Free the unread body: connection and request refer to each other, so both stay until collected."""
        self.pipeline.clear()
        if self.cycle is not None:
            self.cycle.body.clear()

    def _wait_for_next(self) -> None:
        self._phase = Phase.IDLE
        self._deadline = self.loop.time() + self._settings.http_idle_s

    def _is_short(self) -> bool:
        """Whether the request has no body, or one short enough to read and discard."""
        for name, value in self.headers:
            if name == b"transfer-encoding":
                return False
            if name == b"content-length":
                return int(value) <= SHORT_BYTES
        return True

    def _hold(self) -> None:
        """Count the buffered bytes of an unfinished request."""
        held = 0
        if self._phase is Phase.HEAD:
            held = self._head_bytes
        elif self._phase is Phase.BODY:
            held = len(self.cycle.body)
            if not self._is_asked_for:
                # The application reads the rest if it needs it.
                self._is_asked_for = True
                self.flow.pause_reading()
        if held or self._place.held_bytes:
            refusal = self._registry.hold(self._place, held)
            if refusal is not None:
                self._refuse(refusal)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer and close; or close after the response that is being sent."""
        refusal.count()
        if self._phase is Phase.BODY and not self.pipeline:
            cycle = self.cycle
            can_answer = not cycle.response_started
            cycle.disconnected = True
            cycle.message_event.set()
        elif self._is_answering():
            self._is_deaf = True
            self._deadline = inf
            self.cycle.keep_alive = False
            return
        else:
            can_answer = True
        if can_answer and refusal.kind is not None:
            self.transport.write(refusal.answer())
        if self._phase is Phase.IDLE:
            self._phase = Phase.HEAD
        self.close()

    def _is_done(self) -> bool:
        """Whether nothing more is parsed."""
        return self._is_deaf or self._phase is Phase.ENDING

    def _is_answering(self) -> bool:
        return self._has_request and not self.cycle.response_complete

    def _time_is_up(self) -> None:
        if self._phase is Phase.ENDING:
            self.transport.abort()
        elif self._phase is Phase.IDLE:
            if not self._has_request:
                self._late.count()
            self.transport.close()
            self._deadline = inf
        else:
            self._refuse(self._late)

    def _pass_by(self, size: int) -> None:
        self._passed_bytes += size
        if self._passed_bytes > LINGER_BYTES:
            # Now the client's sending stalls, and it reads the response.
            self.transport.pause_reading()

    def _name_client(self) -> None:
        """Take the client's address from the request's fields, behind a trusted proxy."""
        trusted = self._registry.trusted
        if not trusted or self.client is None or not self._registry.is_proxy(self.client[0]):
            return
        fields = [value for name, value in self.headers if name == b"x-forwarded-for"]
        refusal = self._registry.forwarded(self._place, forwarded_client(fields, trusted))
        if refusal is not None:
            raise RefusedError(refusal)


class _AnswerTransport:
    """Transport for a response: its `close` lets the rest of the request be read and discarded."""

    def __init__(self, protocol: BoundedHttpProtocol) -> None:
        self._protocol = protocol

    def write(self, data: bytes) -> None:
        """Write, unless the connection is ending."""
        if not self._protocol.is_ending:
            self._protocol.transport.write(data)

    def close(self) -> None:
        """End after what is written."""
        self._protocol.close()

    def is_closing(self) -> bool:
        """Whether it has ended."""
        return self._protocol.is_ending
