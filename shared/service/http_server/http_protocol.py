"""uvicorn's HTTP protocol with bounds on a request's head, its chunks, and its buffered bytes.

httptools has no bounds of its own: it joins an unfinished field at every read, which takes quadratic time. A
request that breaks a bound is refused (`connection`).
"""

from math import inf
from typing import Any

import httptools

from shared.service.http_server import refusals
from shared.service.http_server.accepted import PLACE, REGISTRY
from shared.service.http_server.addresses import forwarded_client
from shared.service.http_server.chunks import CHUNKS, ChunkWriter
from shared.service.http_server.connection import AnswerTransport, BoundedConnection, Phase
from shared.service.http_server.host import is_good_host
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


class RefusedError(Exception):
    """Stops the parser within a head."""

    def __init__(self, refusal: Refusal) -> None:
        """`refusal` is the reason."""
        super().__init__(refusal.why)
        self.refusal = refusal


class HandOverError(Exception):
    """Stops the parser after a head: another protocol takes over."""


class BoundedHttpProtocol(BoundedConnection):
    """The requests of one connection, until it is closed or becomes a WebSocket."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - uvicorn's own
        """Called by uvicorn."""
        super().__init__(*arguments, **options)
        self._has_begun = False
        self._head_bytes = 0
        self._fields_bytes = 0
        self._is_asked_for = False
        self._keep_alive = False

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
            self._registry.mark_heard(self._place)
            return
        super().on_headers_complete()
        self._has_request = True
        self._registry.mark_heard(self._place)
        self.scope["state"].update(
            {PLACE: self._place, REGISTRY: self._registry, CHUNKS: ChunkWriter(self, self.cycle)}
        )
        self._phase = Phase.BODY
        self._deadline = inf
        self._is_asked_for = False
        self._body.begin(self.loop.time())
        self.cycle.transport = AnswerTransport(self)  # type: ignore[assignment]  # all that a cycle uses of it
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
                self._registry.mark_heard(self._place)
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

    def _name_client(self) -> None:
        """Take the client's address from the request's fields, behind a trusted proxy."""
        trusted = self._registry.trusted
        if not trusted or self.client is None or not self._registry.is_proxy(self.client[0]):
            return
        fields = [value for name, value in self.headers if name == b"x-forwarded-for"]
        refusal = self._registry.count_for_client(self._place, forwarded_client(fields, trusted))
        if refusal is not None:
            raise RefusedError(refusal)
