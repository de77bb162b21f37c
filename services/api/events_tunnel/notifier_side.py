"""The tunnel's connection to the notifier, which the setting alone selects."""

import asyncio
import socket
from dataclasses import dataclass
from typing import Protocol, cast
from urllib.parse import urlsplit

from services.api.events_tunnel.side import Side
from shared.service.http_server.connection import LINGER_S

KERNEL_BYTES = 64 * 1024
"""Kernel buffers of the connection to the notifier, each way (the kernel doubles this). By default they may
grow to megabytes, which the notifier would count as read by its client."""

USUAL_PORT = 80


@dataclass(slots=True)
class Upstream:
    """The notifier of all tunnels of this process, and the number of tunnels."""

    host: str
    port: int
    tunnels: int = 0


def upstream_at(url: str) -> Upstream:
    """The notifier at the setting's URL."""
    parts = urlsplit(url)
    return Upstream(parts.hostname or "", parts.port or USUAL_PORT)


class ClientSide(Protocol):
    """The client's connection, as the notifier's sees it."""

    def send_request(self) -> None:
        """The connection to the notifier is established."""

    def answer(self, content: bytes) -> None:
        """Forward bytes of the notifier to the client."""

    def end_response(self) -> None:
        """The notifier has sent everything."""

    def let_speak(self, *, is_heard: bool) -> None:
        """Resume or pause reading from the client, as the notifier reads."""


class NotifierSide(Side):
    """The connection to the notifier."""

    def __init__(self, client: ClientSide) -> None:
        super().__init__()
        self._client = client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        self.take_over(cast("asyncio.Transport", transport))
        plug = transport.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        self._client.send_request()

    def take(self, content: bytes) -> None:
        self._client.answer(content)

    def pause_writing(self) -> None:
        """The notifier does not read: pause reading from the client."""
        self._client.let_speak(is_heard=False)

    def resume_writing(self) -> None:
        """It does again."""
        self._client.let_speak(is_heard=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """The notifier has closed the connection, or is gone."""
        self._client.end_response()

    def end(self) -> None:
        """Close after the written bytes, for which the notifier has limited time."""
        if self.transport is None:
            return
        if self.transport.get_write_buffer_size():
            asyncio.get_running_loop().call_later(LINGER_S, self.transport.abort)
        self.transport.close()
