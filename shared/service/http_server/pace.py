"""Minimum pace of bodies and responses: a rate over each time window, and a total time for bodies.

A large body has a second more for each LARGE_BODY_BYTES_PER_S bytes that have come: the total bounds how long
little can take.
"""

import asyncio
import socket
import struct
from math import inf

from shared.service.http_server.refusals import SLOW_BODY, STALLED_BODY, Refusal
from shared.settings import HttpSettings

TCP_INFO_BYTES_ACKED = 120
"""Offset of `tcpi_bytes_acked` in `struct tcp_info` (linux/tcp.h): bytes that the peer has acknowledged."""
TCP_INFO_BYTES = 128


LARGE_BODY_BYTES_PER_S = 256 * 1024


class BodyPace:
    """Pace of one request's body. `received` counts bytes of the body, `raw` those on the wire."""

    __slots__ = ("_end", "_looked", "_settings", "_window_began", "_window_end", "raw", "received")

    def __init__(self, settings: HttpSettings) -> None:
        """Start without a body."""
        self._settings = settings
        self._end = self._window_end = inf
        self._looked = 0.0
        self._window_began = 0
        self.received = self.raw = 0

    def begin(self, now: float) -> None:
        """Start the windows of a new body."""
        self.received = self.raw = self._window_began = 0
        self._looked = now
        self._end = now + self._settings.http_body_s
        self._restart_window(now)

    def pause(self, now: float) -> None:
        """Reading was paused since this or `refusal` was called last: the client is not late."""
        self._end += now - self._looked
        self._looked = now
        self._restart_window(now)

    def refusal(self, now: float) -> Refusal | None:
        """Why the body is too slow, if it is."""
        self._looked = now
        if now >= self._end + self.received / LARGE_BODY_BYTES_PER_S:
            return SLOW_BODY
        if now < self._window_end:
            return None
        least = self._settings.http_bytes_per_s * self._settings.http_progress_s
        if self.received - self._window_began < least:
            return STALLED_BODY
        self._restart_window(now)
        return None

    def _restart_window(self, now: float) -> None:
        self._window_began = self.received
        self._window_end = now + self._settings.http_progress_s


class WritePace:
    """Pace of one connection's responses: a window begins when data waits to be sent."""

    __slots__ = ("_settings", "_window_began", "_window_end")

    def __init__(self, settings: HttpSettings) -> None:
        """Start without waiting data."""
        self._settings = settings
        self._window_end = inf
        self._window_began = 0

    def is_stalled(self, transport: asyncio.Transport, now: float) -> bool:
        """Whether the peer reads more slowly than the minimum rate."""
        if not transport.get_write_buffer_size():
            self._window_end = inf
            return False
        if now < self._window_end < inf:
            return False
        acked = _acknowledged(transport)
        least = self._settings.http_bytes_per_s * self._settings.http_progress_s
        is_late = self._window_end < inf and acked - self._window_began < least
        self._window_began = acked
        self._window_end = now + self._settings.http_progress_s
        return is_late


def _acknowledged(transport: asyncio.Transport) -> int:
    """Bytes that the peer's kernel has acknowledged since the connection was made."""
    connection = transport.get_extra_info("socket")
    try:
        tcp_info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
    except OSError:
        return 0
    if len(tcp_info) < TCP_INFO_BYTES:
        return 0
    (acked,) = struct.unpack_from("=Q", tcp_info, TCP_INFO_BYTES_ACKED)
    return int(acked)
