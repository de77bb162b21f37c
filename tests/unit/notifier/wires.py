"""Transports that tests read: what a server's protocol writes stays in them until a client takes it."""

import asyncio
from typing import Any

from services.notifier.transports.websocket.flow import PIECE_BYTES, FlowProtocol

LOW_BYTES = PIECE_BYTES // 4
"""Below this a transport tells its protocol to go on, and above four times as much to stop."""


class Wire(asyncio.Transport):
    """Keeps what is written until the test reads it; more than one piece is too much at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.protocol: FlowProtocol | None = None
        self.is_aborted = self.is_closed = False

    def write(self, content: Any) -> None:  # noqa: ANN401 - any kind of bytes
        self.written += content
        assert len(self.written) < 2 * PIECE_BYTES, "a piece was written that the client had no room for"
        if self.protocol is not None and len(self.written) >= PIECE_BYTES:
            self.protocol.pause_writing()

    def read(self) -> bytes:
        content = bytes(self.written)
        self.written.clear()
        if self.protocol is not None:
            self.protocol.resume_writing()
        return content

    def get_write_buffer_size(self) -> int:
        return len(self.written)

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_aborted = self.is_closed = True

    def pause_reading(self) -> None:
        """Nothing is read here."""

    def resume_reading(self) -> None:
        """Nothing is read here."""


class KernelWire(Wire):
    """The same over a kernel that takes as many bytes as the test allows; the rest waits in the transport."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = bytearray()
        self._room = 0
        self._is_paused = False

    def write(self, content: Any) -> None:  # noqa: ANN401 - any kind of bytes
        assert not self.is_closed, "it was written to after its end"
        self.written += content
        self._move()

    def make_room(self, size: int) -> None:
        """Let the kernel take so many bytes more."""
        self._room += size
        self._move()

    def take_room(self) -> None:
        """Let it take nothing more."""
        self._room = 0

    def read(self) -> bytes:
        """What has arrived at the client's side since the last time."""
        content = bytes(self.arrived)
        self.arrived.clear()
        return content

    def _move(self) -> None:
        taken = self.written[: self._room]
        del self.written[: self._room]
        self._room -= len(taken)
        self.arrived += taken
        if self.protocol is None:
            return
        if not self._is_paused and len(self.written) > PIECE_BYTES:
            self._is_paused = True
            self.protocol.pause_writing()
        elif self._is_paused and len(self.written) <= LOW_BYTES:
            self._is_paused = False
            self.protocol.resume_writing()
