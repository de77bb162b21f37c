"""The two sides of the fan-out benchmark, with one interface to publish and count, and client processes."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from bench.broadcast import PUBLISH
from bench.fanout_clients import stamp
from headrace.local.nats_server import NatsServer, free_port
from services.notifier.transports.headrace_v1.messages import SUBPROTOCOL, EventShown, encode_message
from shared.auth import Tokens
from shared.contract.codec import encode, event_object
from shared.contract.subjects import feed_note
from shared.domain.events import JobOutput
from shared.jetstream.connection import Broker
from shared.settings import TokenSettings

SECRET = "a secret of the benchmark, long enough for HS256"
USER = "reader"
JOBS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(64)]
PADDING = "x" * 80
KIB = 1024


class Side(Protocol):
    """One server process and how a message gets to all its subscribers."""

    process: Process

    async def publish(self) -> None:
        """Send one stamped message to all subscribers; returns when the server's source has it."""

    def order(self, count: int, user: str = USER) -> dict[str, Any]:
        """What the client processes must know to connect so many subscribers."""


def note(number: int, user: str, padding: str = PADDING) -> JobOutput:
    """An output note with a stamp in it. Consecutive notes belong to different jobs and are never joined."""
    return JobOutput(
        job_id=JOBS[number % len(JOBS)],
        user_id=user,
        time=datetime.now(UTC),
        request_id="bench",
        attempt=1,
        stage="run",
        stream="stdout",
        offset=number,
        content=stamp() + padding,
    )


class NotifierSide:
    """A notifier process over a nats-server with the streams of Headrace."""

    def __init__(self, process: Process, port: int, broker: Broker) -> None:
        """Use a running process that listens on `port`."""
        self.process = process
        self._port = port
        self._broker = broker
        self._published = 0

    async def publish(self, user: str = USER, padding: str = PADDING) -> None:
        """Publish the message as an executor does."""
        self._published += 1
        one = note(self._published, user, padding)
        await self._broker.request(feed_note(user, one.job_id, "output"), encode(one))

    def order(self, count: int, user: str = USER) -> dict[str, Any]:
        """Each is told of its connection and of its subscription."""
        openings = []
        for number in range(count):
            init = {"type": "connection_init", "token": token(user)}
            subscribe = {"type": "subscribe", "id": f"s{number % 8}", "job_id": "*", "after": "now"}
            openings.append([msgspec.json.encode(one).decode() for one in (init, subscribe)])
        return {"do": "connect", "port": self._port, "path": "/v1/ws", "openings": openings, "answers": 2}


class BroadcastSide:
    """The bare server, fed through a socket of its own with texts like those of the notifier."""

    def __init__(self, process: Process, port: int, publisher: ClientConnection) -> None:
        """Use a running process that listens on `port`."""
        self.process = process
        self._port = port
        self._publisher = publisher
        self._published = 0

    async def publish(self) -> None:
        """Publish the same text that a client of the notifier gets."""
        self._published += 1
        payload = encode(note(self._published, USER))
        cursor = f"1-1795304824280021.{self._published}"
        event = event_object(payload, cursor=cursor, stored_at=datetime.now(UTC), seq=None)
        text = encode_message(EventShown(id="s1", event=msgspec.Raw(msgspec.json.encode(event))))
        await self._publisher.send(text.decode())

    def order(self, count: int, user: str = USER) -> dict[str, Any]:
        """Each is greeted once."""
        del user
        return {"do": "connect", "port": self._port, "path": "/", "openings": [[]] * count, "answers": 1}


def token(user: str) -> str:
    """A token that is valid for the whole run."""
    tokens = Tokens(TokenSettings(token_secret=SECRET))
    return tokens.issue(user, lifetime=timedelta(hours=2), now=datetime.now(UTC), scopes=frozenset({"jobs"}))


@asynccontextmanager
async def notifier_side(nats: NatsServer, broker: Broker, **settings: object) -> AsyncIterator[NotifierSide]:
    """A notifier that listens."""
    port = free_port()
    environment = {
        **nats.environment,
        "HEADRACE_TOKEN_SECRET": SECRET,
        "HEADRACE_NOTIFIER_PORT": str(port),
        "HEADRACE_NOTIFIER_CONNECTIONS_MAX": "20000",
        "HEADRACE_NOTIFIER_USER_CONNECTIONS_MAX": "20000",
        "HEADRACE_NOTIFIER_CLAIMED_CONNECTIONS_MAX": "20000",
        "HEADRACE_HTTP_ADDRESS_CONNECTIONS_MAX": "12000",
        "HEADRACE_HTTP_USER_CONNECTIONS_MAX": "12000",
        **{f"HEADRACE_NOTIFIER_{name.upper()}": str(value) for name, value in settings.items()},
    }
    async with _process("services.notifier", environment=environment) as process:
        yield NotifierSide(process, port, broker)


@asynccontextmanager
async def broadcast_side() -> AsyncIterator[BroadcastSide]:
    """A bare broadcast that listens, with its publisher connected."""
    port = free_port()
    async with (
        _process("bench.broadcast", str(port)) as process,
        connect(f"ws://127.0.0.1:{port}{PUBLISH}", subprotocols=[SUBPROTOCOL], compression=None) as publisher,  # type: ignore[list-item]  # a plain text
    ):
        yield BroadcastSide(process, port, publisher)


@asynccontextmanager
async def _process(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """Run a module as a program, and yield when it reports that it listens."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdin=DEVNULL, stderr=PIPE, env=environment
    )
    assert process.stderr is not None
    async for line in process.stderr:
        if b"listening" in line:
            break
    draining = asyncio.create_task(process.stderr.read())
    try:
        yield process
    finally:
        process.kill()
        await process.wait()
        await draining


class ClientProcesses:
    """Two processes full of subscribers of one side."""

    def __init__(self, processes: list[Process]) -> None:
        """Use running processes."""
        self._processes = processes

    async def connect(self, side: Side, count: int, user: str = USER) -> None:
        """Open so many connections, half in each process."""
        await asyncio.gather(
            *(ask(process, **side.order(count // len(self._processes), user)) for process in self._processes)
        )

    async def expect(self, stamps: int) -> None:
        """Begin to count, up to so many deliveries in all."""
        each = stamps // len(self._processes)
        await asyncio.gather(*(ask(process, do="expect", stamps=each) for process in self._processes))

    async def latencies_ms(self) -> list[float]:
        """Wait until all have come. Raises SystemExit if a connection was lost."""
        answers = await asyncio.gather(*(ask(process, do="report") for process in self._processes))
        if any(answer["lost"] for answer in answers):
            raise SystemExit("a healthy client lost its connection")
        return [one / 1e6 for answer in answers for one in answer["latencies_ns"]]


@asynccontextmanager
async def client_processes(count: int = 2) -> AsyncIterator[ClientProcesses]:
    """Processes without connections yet."""
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.fanout_clients", stdin=PIPE, stdout=PIPE, limit=256 * KIB * KIB
        )
        for _ in range(count)
    ]
    try:
        yield ClientProcesses(processes)
    finally:
        for process in processes:
            process.kill()
            await process.wait()


async def ask(process: Process, **order: object) -> dict[str, Any]:
    """Send one order and return its answer."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(msgspec.json.encode(order) + b"\n")
    await process.stdin.drain()
    line = await process.stdout.readline()
    if not line:
        raise SystemExit("a client process has ended")
    answer: dict[str, Any] = msgspec.json.decode(line)
    return answer


def processor_s(process: Process) -> float:
    """Processor time that the process has used, in the kernel too."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_kib(process: Process) -> float:
    """The process's own share of memory (PSS)."""
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return float(next(line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")))
