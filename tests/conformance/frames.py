"""Frames as bytes: what a client may send and must not, and what comes back, read from a bare socket."""

import asyncio
import struct
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MASK = b"\x37\xfa\x21\x3d"

Received = tuple[int, bytes]
"""Opcode and payload of a whole message or a control frame."""


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, reserved: int = 0, masked: bool = True
) -> bytes:
    """One frame; `reserved` are the bits RSV1 to RSV3 as a number."""
    size = len(payload)
    first = (0x80 if fin else 0) | reserved << 4 | opcode
    bit = 0x80 if masked else 0
    if size < 126:
        head = struct.pack("!BB", first, bit | size)
    elif size < 65_536:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    if not masked:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))


def close(code: int | None = None, reason: bytes = b"") -> bytes:
    """A close frame, with or without a code."""
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


@dataclass
class Peer:
    """The client's end of an open WebSocket."""

    reader: StreamReader
    writer: StreamWriter

    async def send(self, *pieces: bytes) -> None:
        """Each piece in a write of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def receive(self) -> Received:
        """The next message, put together, or control frame."""
        opcode, payload, fin = await self._frame()
        while not fin:
            more, rest, fin = await self._frame()
            assert more == CONTINUATION
            payload += rest
        return opcode, payload

    async def close_code(self) -> int | None:
        """What follows must be a close frame and the end of the connection; the code, None if it has none."""
        opcode, payload = await self.receive()
        assert opcode == CLOSE, (opcode, payload)
        assert await self.reader.read() == b"", "nothing may come after a close frame"
        return _code(payload)

    async def failure(self) -> int | None:
        """The connection must end without an answer: with a code, or (None) without a word.

        RFC 6455, 7.1.7 lets a server that fails a connection drop it; Autobahn accepts both as well.
        """
        try:
            opcode, payload = await self.receive()
        except (IncompleteReadError, ConnectionError):
            return None
        assert opcode == CLOSE, (opcode, payload)
        return _code(payload)

    async def _frame(self) -> tuple[int, bytes, bool]:
        first, length = await self.reader.readexactly(2)
        assert first & 0x70 == 0, "no extension was agreed on"
        assert length < 128, "a server must not mask"
        if length == 126:
            length = int.from_bytes(await self.reader.readexactly(2))
        elif length == 127:
            length = int.from_bytes(await self.reader.readexactly(8))
        return first & 0x0F, await self.reader.readexactly(length), bool(first & 0x80)


def _code(payload: bytes) -> int | None:
    return int.from_bytes(payload[:2]) if payload else None


@asynccontextmanager
async def peer(port: int) -> AsyncIterator[Peer]:
    """An open WebSocket; whatever is done with it takes ten seconds at most."""
    async with asyncio.timeout(30):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(
                b"GET / HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101")
            # RFC 6455, 1.3: the answer to this key.
            assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
            yield Peer(reader, writer)
        finally:
            writer.transport.abort()
