"""A WebSocket client over a bare TCP socket that is cut at a given byte, wherever in a frame that is.

It reads not one byte more than it may and then resets the connection, as a pulled cable and a killed
program do. It knows as much of RFC 6455 as that takes: unfragmented, unmasked frames from the server.
"""

import asyncio
import base64
import json
import os
import socket
import struct
from enum import Enum, auto
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

PIECE = 65_536
TEXT, CLOSE = 0x1, 0x8
FIN, MASKED = 0x80, 0x80

Shown = dict[str, Any]


class Place(Enum):
    """How far a connection had come when it was cut."""

    HANDSHAKE = auto()
    SUBSCRIBING = auto()
    BETWEEN_FRAMES = auto()
    IN_A_FRAME = auto()


class CutError(Exception):
    """The bytes that this connection may read are used up."""


class EndedError(Exception):
    """The other side ended the connection, with this close code if it sent one."""

    def __init__(self, code: int | None = None) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class RawSocket:
    """One connection, reset when the context ends. Every read may raise CutError or EndedError."""

    def __init__(
        self, url: str, *, bytes_max: int | None = None, receive_buffer_bytes: int | None = None
    ) -> None:
        """`bytes_max` is how many bytes may be read in all; None is any number."""
        address = urlsplit(url)
        assert address.hostname is not None
        self._host, self._port, self._path = address.hostname, address.port, address.path
        self._left = bytes_max
        self._buffer = bytearray()
        self._socket = socket.socket()
        if receive_buffer_bytes is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self._begun = Place.HANDSHAKE
        self._in_a_frame = False

    @property
    def place(self) -> Place:
        """How far it has come."""
        if self._begun is not Place.BETWEEN_FRAMES:
            return self._begun
        return Place.IN_A_FRAME if self._in_a_frame or self._buffer else self._begun

    @property
    def local_port(self) -> int:
        """The client's end of the connection."""
        port: int = self._socket.getsockname()[1]
        return port

    def fileno(self) -> int:
        """The descriptor, to be polled."""
        return self._socket.fileno()

    async def __aenter__(self) -> Self:
        self._socket.setblocking(False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Reset it: with a linger time of zero the kernel sends RST and forgets what was not sent."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    async def open(self) -> None:
        """Connect and shake hands. Raises OSError where nobody listens."""
        await asyncio.get_running_loop().sock_connect(self._socket, (self._host, self._port))
        key = base64.b64encode(os.urandom(16)).decode()
        await self._send(
            f"GET {self._path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: headrace.v1\r\n\r\n".encode()
        )
        head = await self._until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        self._begun = Place.SUBSCRIBING

    async def send(self, *, part: float = 1.0, **message: object) -> None:
        """One text frame, or only the first `part` of its bytes."""
        frame = _masked(json.dumps(message).encode())
        await self._send(frame[: int(len(frame) * part)])

    async def next(self) -> Shown:
        """The next message; pings are answered on the way."""
        while True:
            message: Shown = json.loads(await self._frame())
            if message["type"] != "ping":
                return message
            await self.send(type="pong")

    def subscribed(self) -> None:
        """The subscription was confirmed: from now on events come."""
        self._begun = Place.BETWEEN_FRAMES

    async def _frame(self) -> bytes:
        first, length = await self._exactly(2)
        self._in_a_frame = True
        if length >= 126:
            length = int.from_bytes(await self._exactly(2 if length == 126 else 8))
        payload = await self._exactly(length)
        self._in_a_frame = False
        if first == FIN | CLOSE:
            raise EndedError(int.from_bytes(payload[:2]) if payload else None)
        assert first == FIN | TEXT, first
        return payload

    async def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            await self._fill()
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    async def _until(self, mark: bytes) -> bytes:
        while (found := self._buffer.find(mark)) < 0:
            await self._fill()
        return await self._exactly(found + len(mark))

    async def _fill(self) -> None:
        if self._left == 0:
            raise CutError
        size = PIECE if self._left is None else min(PIECE, self._left)
        try:
            piece = await asyncio.get_running_loop().sock_recv(self._socket, size)
        except ConnectionError as error:
            raise EndedError from error
        if not piece:
            raise EndedError
        self._buffer += piece
        if self._left is not None:
            self._left -= len(piece)

    async def _send(self, content: bytes) -> None:
        try:
            await asyncio.get_running_loop().sock_sendall(self._socket, content)
        except ConnectionError as error:
            raise EndedError from error


def _masked(payload: bytes) -> bytes:
    """A text frame as a client must send it."""
    mask = os.urandom(4)
    size = len(payload)
    length = bytes([MASKED | size]) if size < 126 else bytes([MASKED | 126]) + size.to_bytes(2)
    return bytes([FIN | TEXT]) + length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
