"""uvicorn's WebSocket protocol with bounds on the frames that a client sends, whatever they are."""

import asyncio

import wsproto
from wsproto import events
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from services.notifier.transports.websocket.flow import FlowProtocol
from shared.domain.token_bucket import TokenBucket
from shared.service.http_server import refusals
from shared.service.http_server.accepted import PLACE, REGISTRY
from shared.service.http_server.config import registry_of
from shared.service.http_server.pace import WritePace

FRAMES_PER_S = 400.0
FRAMES_BURST = 1_024
"""Frames that a connection may send, in the long run and at once: eight times its messages, so that a message
too many is told by the protocol's own close code. However many reads a frame takes, it counts once."""

POLICY = 1008
FLOODED = "too many frames in too short a time"


class BoundedWebSocketProtocol(FlowProtocol):
    """One connection that was upgraded, until it is closed."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take over the connection's place."""
        super().connection_made(transport)
        self._registry = registry_of(self.config)
        self._place = self._registry.hand_over(transport, self)
        self._write = WritePace(self._registry.settings)
        self._frames = TokenBucket(rate_per_s=FRAMES_PER_S, burst=FRAMES_BURST, now=self.loop.time())

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._registry.leave(self.transport)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse it. What wsproto does not expect in a handshake is the client's fault all the same."""
        try:
            super().data_received(data)
        except (UnicodeError, LocalProtocolError, RemoteProtocolError):
            refusals.HANDSHAKE.count()
            if not self.handshake_complete:
                self.transport.write(refusals.HANDSHAKE.answer())
            self.transport.close()

    def handle_events(self) -> None:
        """Handle frames. wsproto parses one when it is asked for, so most of a flood is not even parsed."""
        now = self.loop.time()
        for event in self.conn.events():
            if _is_frame(event) and not self._frames.take(now):
                self._end_flood()
                return
            self._handle(event)

    def handle_connect(self, event: events.Request) -> None:
        """Begin; the application may count the connection to its user."""
        super().handle_connect(event)
        self.scope["state"].update({PLACE: self._place, REGISTRY: self._registry})

    def check(self, now: float) -> None:
        """End the connection if it is being closed and its peer does not take the rest."""
        if self.transport.is_closing() and self._write.is_stalled(self.transport, now):
            refusals.STALLED_READER.count()
            self.transport.abort()

    def give_way(self) -> None:
        """Another needs the place."""
        refusals.GAVE_WAY.count()
        self.transport.abort()

    def _handle(self, event: wsproto.events.Event) -> None:
        if self.close_sent:
            if isinstance(event, events.CloseConnection):
                self.handle_close(event)
            return
        match event:
            case events.Request():
                self.handle_connect(event)
            case events.TextMessage() | events.BytesMessage():
                self.handle_message(event)
            case events.CloseConnection():
                self.handle_close(event)
            case events.Ping():
                self.handle_ping(event)
            case events.Pong():
                self.handle_pong(event)
            case _:
                pass

    def _end_flood(self) -> None:
        if self.transport.is_closing():
            return
        refusals.FLOOD.count()
        if self._is_in_frame:
            self.transport.abort()
            return
        if not self.close_sent:
            self.close_sent = True
            self.transport.write(self.conn.send(events.CloseConnection(code=POLICY, reason=FLOODED)))
        self.queue.put_nowait({"type": "websocket.disconnect", "code": POLICY, "reason": FLOODED})
        self.transport.close()


def _is_frame(event: wsproto.events.Event) -> bool:
    """Whether a frame ends with it: not the handshake, not a part of a frame that one read has brought."""
    return not isinstance(event, events.Request) and getattr(event, "frame_finished", True)
