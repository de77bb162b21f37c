"""Clients at the level of TCP, which may never read or vanish, and whether the server holds their sockets."""

import asyncio
import base64
import ctypes
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

SO_ATTACH_FILTER = 26
"""Of Linux, for all architectures that matter; the module `socket` does not name it."""


@asynccontextmanager
async def tcp(url: str, request: str) -> AsyncIterator[socket.socket]:
    """A connection with small buffers, on which `request` was sent."""
    address = urlsplit(url)
    with socket.socket() as plug:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        plug.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(plug, (address.hostname, address.port))
        await loop.sock_sendall(plug, request.encode())
        yield plug


def stream_request(token: str) -> str:
    """Ask for every job over Server-Sent Events."""
    return f"GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"


def socket_request(token: str) -> str:
    """Open a WebSocket; its messages follow as frames."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET /v1/ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: headrace.v1\r\n\r\n"
    )


def text_frame(text: str) -> bytes:
    """A short masked frame of a client (RFC 6455, 5.2), with a mask that changes nothing."""
    payload = text.encode()
    assert len(payload) < 126
    return bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload


async def answered(plug: socket.socket, until: bytes) -> None:
    """Read until these bytes have come."""
    found = b""
    while until not in found:
        found += await asyncio.get_running_loop().sock_recv(plug, 4_096)


def _may_filter() -> bool:
    with socket.socket() as plug:
        try:
            vanish(plug)
        except PermissionError:
            return False
    return True


def vanish(plug: socket.socket) -> None:
    """From now on the kernel drops whatever arrives for this socket, so it acknowledges nothing."""
    drop_all = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
    program = struct.pack("HL", 1, ctypes.addressof(drop_all))
    plug.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


def server_holds(plug: socket.socket) -> bool:
    """Whether the kernel still has the server's end of this connection, in any state."""
    ours, theirs = plug.getsockname()[1], plug.getpeername()[1]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        local, remote = line.split()[1:3]
        if (int(local.split(":")[1], 16), int(remote.split(":")[1], 16)) == (theirs, ours):
            return True
    return False


may_filter = pytest.mark.skipif(not _may_filter(), reason="this user may not filter what a socket gets")
