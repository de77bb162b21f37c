"""One of a tunnel's two connections: sends bytes, and reads them while they are wanted.

Each buffers less than twice PIECE_BYTES: if one does not take what it is sent, the other is not read.
"""

import asyncio
from typing import cast

PIECE_BYTES = 16 * 1024
"""Bytes read at a time, and unsent bytes at which reading from the other side is paused."""

_piece = memoryview(bytearray(PIECE_BYTES))
"""Read buffer shared by all tunnels: received bytes are copied before the next read."""


class Side(asyncio.BufferedProtocol):
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
