"""One connection under bounds: its place in the registry, its deadlines, and its end.

`http_protocol` handles the requests on it. Deadlines are checked about once a second (`check`), so a request
needs no timer. A refused request gets an error response, unless another response is being sent on its
connection; then the connection is closed.
"""

import asyncio
from enum import Enum, auto
from math import inf
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from shared.service.http_server import refusals
from shared.service.http_server.config import registry_of
from shared.service.http_server.pace import BodyPace, WritePace
from shared.service.http_server.refusals import Refusal

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


class BoundedConnection(HttpToolsProtocol):
    """From its first byte to its end. The subclass keeps `_phase`, `_deadline` and `_body` up to date."""

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
        self._is_deaf = False
        self._is_leaving = False
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
        if self._registry.may_await_response():
            self._refuse(refusal)
        else:
            refusal.count()
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._registry.leave(self.transport)
        super().connection_lost(exc)
        self._drop_body()

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

    def _drop_body(self) -> None:
        """Free the unread body: connection and request refer to each other, so both stay until collected."""
        self.pipeline.clear()
        if self.cycle is not None:
            self.cycle.body.clear()

    def _wait_for_next(self) -> None:
        self._phase = Phase.IDLE
        self._deadline = self.loop.time() + self._settings.http_idle_s

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


class AnswerTransport:
    """Transport for a response: its `close` lets the rest of the request be read and discarded."""

    def __init__(self, protocol: BoundedConnection) -> None:
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
