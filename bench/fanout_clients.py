"""Many WebSocket clients in one process, with little processor time of their own, to measure the server.

``python -m bench.fanout_clients``: takes orders as JSON lines on standard input and answers each with one
line. Clients look for stamps in the bytes that arrive and do not decode the messages around them. A stamp
is the sender's monotonic clock, which all processes of a machine share.
"""

import asyncio
import base64
import os
import re
import sys
import time
from array import array
from typing import Any

import msgspec
import uvloop

STAMP = re.compile(rb"@([0-9]{19})@")
STAMP_BYTES = 21
PING = b'{"type":"ping"}'
PONG = '{"type":"pong"}'
OPENING_AT_ONCE = 50


def stamp() -> str:
    """Now, to be put into a message."""
    return f"@{time.monotonic_ns():019d}@"


def text_frame(text: str) -> bytes:
    """A client's frame; a mask of zeros leaves the text as it is."""
    payload = text.encode()
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2)
    return b"\x81" + length + bytes(4) + payload


class Tally:
    """What all clients of this process were sent since the last order."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.latencies_ns = array("q")
        self.lost_connections = 0
        self._count = 0
        self._wanted = 0
        self.reached = asyncio.Event()

    def begin(self, wanted: int) -> None:
        """Count anew, up to `wanted`."""
        self.latencies_ns = array("q")
        self._count, self._wanted = 0, wanted
        self.reached.clear()

    def take(self, stamps: list[bytes]) -> None:
        """Stamps that have just arrived."""
        now = time.monotonic_ns()
        self.latencies_ns.extend([now - int(one) for one in stamps])
        self._count += len(stamps)
        if self._count >= self._wanted:
            self.reached.set()


class Client(asyncio.Protocol):
    """One connection: does the handshake, sends its opening messages, then only looks for stamps."""

    def __init__(self, path: str, opening: list[str], answers: int, tally: Tally) -> None:
        """Open once `answers` messages have come."""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._path = path
        self._opening = opening
        self._answers = answers
        self._tally = tally
        self._buffer = b""
        self._is_upgraded = False
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the WebSocket."""
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: headrace.v1\r\n\r\n".encode()
        )

    def connection_lost(self, error: Exception | None) -> None:
        """Count the lost connection, which makes the benchmark invalid."""
        self._tally.lost_connections += 1
        if not self.opened.done():
            self.opened.set_exception(error or ConnectionError("closed while it was opened"))

    def data_received(self, data: bytes) -> None:
        """Some bytes, of any number of frames."""
        self._buffer += data
        if self.opened.done():
            self._look()
        elif self._is_upgraded or self._upgrade():
            self._open()

    def _upgrade(self) -> bool:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 101"):
            self.opened.set_exception(ConnectionError(head.decode("latin-1")))
        self._is_upgraded = True
        self._buffer = rest
        for text in self._opening:
            self._transport.write(text_frame(text))
        return True

    def _open(self) -> None:
        """Skip the answers to the opening, which are short frames."""
        while self._answers and len(self._buffer) >= 4:
            size, head = self._buffer[1], 2
            if size == 126:
                size, head = int.from_bytes(self._buffer[2:4]), 4
            if len(self._buffer) < head + size:
                return
            self._buffer = self._buffer[head + size :]
            self._answers -= 1
        if not self._answers and not self.opened.done():
            self.opened.set_result(None)

    def _look(self) -> None:
        if PING in self._buffer:
            self._transport.write(text_frame(PONG))
        end = 0
        stamps = []
        for found in STAMP.finditer(self._buffer):
            stamps.append(found[1])
            end = found.end()
        self._buffer = self._buffer[max(end, len(self._buffer) - STAMP_BYTES) :]
        if stamps:
            self._tally.take(stamps)


async def _connect(order: dict[str, Any], tally: Tally) -> list[Client]:
    loop = asyncio.get_running_loop()
    turns = asyncio.Semaphore(OPENING_AT_ONCE)

    async def one(opening: list[str]) -> Client:
        async with turns:
            _, client = await loop.create_connection(
                lambda: Client(order["path"], opening, order["answers"], tally), "127.0.0.1", order["port"]
            )
            await client.opened
            return client

    return await asyncio.gather(*(one(opening) for opening in order["openings"]))


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=64 * 1024 * 1024)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    tally = Tally()
    clients: list[Client] = []
    async for line in reader:
        order = msgspec.json.decode(line)
        if order["do"] == "connect":
            clients += await _connect(order, tally)
            answer: dict[str, Any] = {"clients": len(clients)}
        elif order["do"] == "expect":
            tally.begin(order["stamps"])
            answer = {}
        else:
            await tally.reached.wait()
            answer = {"latencies_ns": tally.latencies_ns.tolist(), "lost": tally.lost_connections}
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.flush()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve())
