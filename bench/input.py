"""From a key to its echo at a WebSocket client, and what idle sessions cost the jobs beside them.

``python -m bench.input``: a program on a terminal prints each key that it reads. One key every 100 ms, then
thirty a second, beside the same program on a terminal of this machine without any sandbox. Then a hundred
programs wait for their users on one executor, and the waits of batch jobs beside them are those in
`job.running`, with and without.
"""

import asyncio
import base64
import os
import pty
import time
import tty
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.measure import console, interpreter, ratio, summary
from headrace.client.client import AsyncClient, open_client
from headrace.client.endpoint import issue, local_endpoint
from headrace.local.supervisor import Stack, StackOptions, private_stack
from services.notifier.transports.headrace_v1.messages import SUBPROTOCOL

ROUNDS = 4
KEYS_PER_ROUND = 50
WARM_UP = 20
PACES = {"one_in_100ms": 0.1, "thirty_a_second": 1 / 30}
SESSIONS = 100
BATCH = 100
SLOTS = {"HEADRACE_INTERACTIVE_SLOTS": str(SESSIONS)}
"""A small machine would run fewer."""
ECHO = """
import os, tty
tty.setraw(0)
os.write(1, b"ready")
while key := os.read(0, 1024):
    os.write(1, key)
"""
WAITS = "import sys\nfor line in sys.stdin: print(line, flush=True)\n"
TERMINAL = {"columns": 80, "rows": 24}

Key = Callable[[bytes], Awaitable[None]]


class Echoes:
    """When each key was sent and each echo came. Every key is one byte."""

    def __init__(self) -> None:
        """No key was pressed."""
        self._sent: list[float] = []
        self.milliseconds: list[float] = []
        self._changed = asyncio.Event()

    def on_sent(self) -> None:
        """A key is pressed now."""
        self._sent.append(time.perf_counter())

    def on_echo(self, count: int) -> None:
        """Echoes of the next keys have come."""
        now = time.perf_counter()
        done = len(self.milliseconds)
        self.milliseconds += [(now - sent) * 1000 for sent in self._sent[done : done + count]]
        self._changed.set()

    async def until_all(self) -> None:
        """Wait until each key has its echo."""
        while len(self.milliseconds) < len(self._sent):
            self._changed.clear()
            await self._changed.wait()


async def press(keys: int, pace_s: float, echoes: Echoes, key: Key) -> None:
    """Press so many keys at this pace, whenever the echoes come."""
    began = time.perf_counter()
    for number in range(keys):
        await asyncio.sleep(max(0.0, began + number * pace_s - time.perf_counter()))
        echoes.on_sent()
        await key(b"x")
    await echoes.until_all()


class OnTerminal:
    """The program on a terminal of this machine."""

    def __init__(self, master: int) -> None:
        """Our side of the terminal."""
        self._master = master
        self.echoes = Echoes()
        self.ready = asyncio.Event()
        asyncio.get_running_loop().add_reader(master, self._read)

    async def key(self, content: bytes) -> None:
        """Press it."""
        os.write(self._master, content)

    def _read(self) -> None:
        piece = os.read(self._master, 1024)
        if self.ready.is_set():
            self.echoes.on_echo(len(piece))
        elif piece.endswith(b"ready"):
            self.ready.set()


@asynccontextmanager
async def on_terminal() -> AsyncIterator[OnTerminal]:
    """Start it there."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    process: Process = await asyncio.create_subprocess_exec(
        interpreter(), "-I", "-c", ECHO, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    running = OnTerminal(master)
    try:
        await running.ready.wait()
        yield running
    finally:
        asyncio.get_running_loop().remove_reader(master)
        process.kill()
        await process.wait()
        os.close(master)


class InJob:
    """The program in a job, seen from a WebSocket client."""

    def __init__(self, socket: ClientConnection, job_id: str) -> None:
        """`read` must run beside."""
        self._socket = socket
        self._job_id = job_id
        self._offset = 0
        self._printed = b""
        self.echoes = Echoes()
        self.ready = asyncio.Event()

    async def key(self, content: bytes) -> None:
        """Press it."""
        await self._send(
            type="input", job_id=self._job_id, offset=self._offset, content=content.decode(), encoding="utf-8"
        )
        self._offset += len(content)

    async def read(self) -> None:
        """Take what the notifier tells."""
        await self._send(type="subscribe", id="s", job_id=self._job_id, after="start")
        async for text in self._socket:
            message: dict[str, Any] = msgspec.json.decode(text)
            match message["type"]:
                case "ping":
                    await self._send(type="pong")
                case "error":
                    raise SystemExit(f"input was refused: {message}")
                case "event" if message["event"]["type"] == "job.output.v1":
                    self._take(message["event"]["data"])
                case _:
                    pass

    def _take(self, output: dict[str, Any]) -> None:
        content = output["content"]
        piece = base64.b64decode(content) if output["encoding"] == "base64" else content.encode()
        if self.ready.is_set():
            self.echoes.on_echo(len(piece))
            return
        self._printed += piece
        if self._printed.endswith(b"ready"):
            self.ready.set()

    async def _send(self, **message: object) -> None:
        await self._socket.send(msgspec.json.encode(message).decode())


@asynccontextmanager
async def in_job(stack: Stack, client: AsyncClient) -> AsyncIterator[InJob]:
    """Submit it, and open a socket."""
    submission = {"language": "python", "code": ECHO, "interactive": True, "terminal": TERMINAL}
    job = await client.submit(submission)
    endpoint = local_endpoint(stack.directory, stack.address)
    socket = await connect(
        stack.address.websocket_url, subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None
    )
    async with socket:
        await socket.send(msgspec.json.encode({"type": "connection_init", "token": endpoint.token}).decode())
        running = InJob(socket, job.job_id)
        reading = asyncio.create_task(running.read())
        await running.ready.wait()
        yield running
        reading.cancel()
    await client.cancel(job.job_id)


async def measure_keys(stack: Stack, client: AsyncClient) -> None:
    """Print both sides and their ratio, at each pace."""
    async with on_terminal() as bare, in_job(stack, client) as ours:
        for side in (bare, ours):
            await press(WARM_UP, 0.02, side.echoes, side.key)
        for name, pace_s in PACES.items():
            for side in (bare, ours):
                side.echoes = Echoes()
            for _ in range(ROUNDS):
                for side in (bare, ours):
                    await press(KEYS_PER_ROUND, pace_s, side.echoes, side.key)
            reference, measured = summary(bare.echoes.milliseconds), summary(ours.echoes.milliseconds)
            console.print(reference.row(f"key to echo, bare terminal, {name}", "ms"))
            console.print(measured.row(f"key to echo, WebSocket, {name}", "ms"))
            ratio(f"input_p50_{name}", measured.median, reference.median, "lower")
            ratio(f"input_p99_{name}", measured.percentile(99), reference.percentile(99), "lower")


async def batch_waits(client: AsyncClient) -> list[float]:
    """How long batch jobs of one user waited for their slots, one at a time."""
    waits = []
    for _ in range(BATCH):
        job = await client.run({"language": "python", "code": "print(1)"})
        history = await client.history(job.job_id)
        waits += [float(one.data["queue_wait_ms"]) for one in history if one.type == "job.running.v1"]
    return waits


async def idle_sessions(stack: Stack, count: int) -> None:
    """Start programs that wait for their users, each of a user of its own."""

    async def start(number: int) -> None:
        token = issue(stack.directory, f"idle-{number}")
        async with AsyncClient(
            stack.address.api_url, token, websocket_url=stack.address.websocket_url
        ) as client:
            job = await client.submit({"language": "python", "code": WAITS, "interactive": True})
            async for event in client.follow(job.job_id):
                if event.type == "job.running.v1":
                    return

    await asyncio.gather(*(start(number) for number in range(count)))


async def measure_idle(stack: Stack, client: AsyncClient) -> None:
    """Print the waits of batch jobs with and without idle sessions."""
    await batch_waits(client)
    without = await batch_waits(client)
    began = time.perf_counter()
    await idle_sessions(stack, SESSIONS)
    console.print(f"{SESSIONS} sessions began in {time.perf_counter() - began:.1f} s")
    beside = await batch_waits(client)
    alone, among = summary(without), summary(beside)
    console.print(alone.row("wait for a slot, no sessions", "ms"))
    console.print(among.row(f"wait for a slot, {SESSIONS} idle sessions", "ms"))
    # The waits are whole milliseconds, and may be none.
    ratio("input_idle_wait_p50", among.median + 1, alone.median + 1, "lower")
    ratio("input_idle_wait_p99", among.percentile(99) + 1, alone.percentile(99) + 1, "lower")


async def measure() -> None:
    """Both measurements, on one stack."""
    async with (
        private_stack(StackOptions(executors=1, environment=SLOTS)) as stack,
        open_client(local_endpoint(stack.directory, stack.address)) as client,
    ):
        await measure_keys(stack, client)
        await measure_idle(stack, client)


if __name__ == "__main__":
    asyncio.run(measure())
