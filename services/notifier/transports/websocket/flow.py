"""A WebSocket of uvicorn that writes a message in pieces, as its client takes them, and copies none.

uvicorn hands a whole message to the transport at once: its copy waits there uncounted, and how much of it the
client has read cannot be told. Control frames that are due in the middle of a message follow it. A small text
for a socket with an empty buffer is one system call and no more (`send_now`).
"""

from collections.abc import Callable
from typing import Any

from starlette.types import Scope
from starlette.websockets import WebSocketDisconnect
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol
from wsproto import events

from services.notifier.events.item import FRAMED_BYTES_MAX, Text
from services.notifier.transports.websocket.received import ReceivedMessages

PIECE_BYTES = 64 * 1024
EXTENSION = "headrace.flow"
FINAL_TEXT = 0x81
"""FIN and the opcode of a text frame (RFC 6455, 5.2). A server's frames have no mask."""


class FlowProtocol(WSProtocol):
    """The same, and found by the application in its scope: `flow_of`."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - uvicorn's own
        """Begin as uvicorn does."""
        super().__init__(*args, **options)
        self.queue = ReceivedMessages()  # type: ignore[assignment]  # all that is used of a queue
        self._is_in_frame = False
        self._ping: events.Ping | None = None
        self._close: events.CloseConnection | None = None
        self.pongs = 0
        """Pong frames that have come."""

    def handle_connect(self, event: events.Request) -> None:
        """Let the application find this object. Its task has not begun yet."""
        super().handle_connect(event)
        extensions: Any = self.scope["extensions"]
        extensions[EXTENSION] = self

    async def send(self, message: ASGISendEvent) -> None:
        """Send as uvicorn does, and keep nothing of a handshake once it is accepted."""
        await super().send(message)
        if message["type"] == "websocket.accept" and self.conn.connection is not None:
            # It has all methods that are used, and the handshake keeps a parser and all fields: 3 KiB.
            self.conn = self.conn.connection  # type: ignore[assignment]

    def handle_ping(self, event: events.Ping) -> None:
        """Of several pings that wait, the last is answered (RFC 6455, 5.5.3): no list of them grows."""
        if self._is_in_frame or not self.writable.is_set():
            self._ping = event
        else:
            super().handle_ping(event)

    def handle_pong(self, event: events.Pong) -> None:
        """Count it: any of them shows that the client lives."""
        self.pongs += 1

    def ping(self) -> bool:
        """Send a Ping frame; False while a message is being written, and once the socket closes."""
        if self._is_in_frame or not self.writable.is_set() or self.close_sent or self.transport.is_closing():
            return False
        self.transport.write(self.conn.send(events.Ping(payload=b"")))
        return True

    def handle_close(self, event: events.CloseConnection) -> None:
        """Answer after the message that is being written."""
        if self._is_in_frame:
            self._close = event
        else:
            super().handle_close(event)

    def resume_writing(self) -> None:
        """The transport has room again."""
        super().resume_writing()
        self._catch_up()

    def send_now(self, text: Text) -> bool:
        """Write a small text as one frame if all that was written before has left; False if it must wait."""
        if text.size > FRAMED_BYTES_MAX or self._is_in_frame or self._is_over():
            return False
        if self.transport.get_write_buffer_size():
            return False
        if text.frame is None:
            text.frame = header_of(text.size) + text.payload
        self.transport.write(text.frame)
        return True

    async def send_text(self, content: bytes, on_read: Callable[[], None]) -> None:
        """Write a text frame. Returns when the transport has little left of it. Raises WebSocketDisconnect.

        `on_read` is called for each piece for which the client has made room.
        """
        await self._writable()
        self._is_in_frame = True
        self.transport.writelines((header_of(len(content)), content[:PIECE_BYTES]))
        on_read()
        for begin in range(PIECE_BYTES, len(content), PIECE_BYTES):
            await self._writable()
            self.transport.write(content[begin : begin + PIECE_BYTES])
            on_read()
        self._is_in_frame = False
        self._catch_up()
        await self._writable()

    def give_up(self) -> None:
        """Close without what is left of a message: a client that takes it slowly would keep it for ever."""
        if self._is_in_frame or not self.writable.is_set():
            self.transport.abort()

    async def _writable(self) -> None:
        await self.writable.wait()
        if self._is_over():
            raise WebSocketDisconnect(1006)

    def _is_over(self) -> bool:
        return self.disconnected or self.close_sent or self.transport.is_closing()

    def _catch_up(self) -> None:
        """Send the control frames that have waited."""
        if self._is_in_frame or not self.writable.is_set() or self.transport.is_closing():
            return
        ping, self._ping = self._ping, None
        close, self._close = self._close, None
        if ping is not None and close is None:
            super().handle_ping(ping)
        if close is not None:
            super().handle_close(close)


def flow_of(scope: Scope) -> FlowProtocol:
    """The protocol under a WebSocket's scope."""
    flow = scope["extensions"][EXTENSION]
    assert isinstance(flow, FlowProtocol)
    return flow


def header_of(size: int) -> bytes:
    """The head of an unfragmented text frame of the server."""
    if size < 126:
        return bytes([FINAL_TEXT, size])
    if size < 1 << 16:
        return bytes([FINAL_TEXT, 126]) + size.to_bytes(2)
    return bytes([FINAL_TEXT, 127]) + size.to_bytes(8)
