"""The services as processes of a test's own, as they are or with a trap in them; and a log of its own."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeAlias

import httpx

from headrace.local.nats_server import NatsServer
from shared.jetstream.connection import Broker, connect
from shared.jetstream.stream_config import ProvisionSettings
from shared.provision import provision
from shared.settings import BrokerSettings
from tests.faults.points.launch import ARMED, DIED
from tests.faults.points.patience import patiently, until
from tests.faults.points.point import Point
from tests.http_client import http_client

ROOT = Path(__file__).parents[3]
Born: TypeAlias = tuple[int, asyncio.Future[int]]
"""A process's number, and its exit code when it has ended."""
LINE_BYTES_MAX = 16 * 1024 * 1024


class Program:
    """A running service. `port` is where it serves, once it listens."""

    def __init__(self, pid: int, code: asyncio.Future[int], said: asyncio.StreamReader) -> None:
        """Its standard error, and its exit code when it has one."""
        self.port = 0
        self.said: list[str] = []
        self._pid = pid
        self._code = code
        self._listening = asyncio.Event()
        self._reading = asyncio.create_task(self._read(said))

    @property
    def url(self) -> str:
        """Its HTTP server."""
        return f"http://127.0.0.1:{self.port}"

    async def ready(self) -> None:
        """Return when it says so. Raises AssertionError if it ends before."""
        await self._listening.wait()
        async with http_client(timeout=30) as http:
            await until(lambda: self._is_ready(http))

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._code.done()

    async def metrics(self) -> str:
        """What it counts; nothing, if it ends meanwhile."""
        async with http_client(timeout=30) as http:
            try:
                return (await http.get(f"{self.url}/metrics")).text
            except httpx.TransportError:
                return ""

    def terminate(self) -> None:
        """Tell it to stop, if it has not ended."""
        if not self.is_over:
            # Its number is its own until the nursery has told of its end.
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGTERM)

    async def ended(self) -> int:
        """Its exit code."""
        # Whoever stops waiting must not take it from the others who wait.
        code = await asyncio.shield(self._code)
        await asyncio.shield(self._reading)
        return code

    async def kill(self) -> None:
        """End it, if it has not ended."""
        if not self.is_over:
            # Its number is its own until the nursery has told of its end.
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        await self.ended()

    def last_words(self) -> str:
        """The end of what it said, for a message to people."""
        return "".join(self.said[-20:])

    async def _is_ready(self, http: httpx.AsyncClient) -> bool:
        assert not self._code.done(), f"it ended with {self._code.result()}: {self.last_words()}"
        try:
            return (await http.get(f"{self.url}/readyz")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    async def _read(self, said: asyncio.StreamReader) -> None:
        async for line in said:
            self.said.append(line.decode(errors="replace"))
            if b'"event": "listening"' in line:
                self.port = int(json.loads(line)["port"])
                self._listening.set()
        await asyncio.shield(self._code)
        self._listening.set()


class Victim(Program):
    """One that is to die at a point."""

    point: Point
    directory: Path

    def arm(self) -> None:
        """From now on calls count."""
        (self.directory / ARMED).touch()

    async def dead(self) -> None:
        """Return when it has died there. Raises AssertionError if it ended in any other way."""
        code = await self.ended()
        mark = self.directory / DIED
        died_at = mark.read_text() if mark.exists() else "no point"
        ended = f"{self.point}: it ended with {code} at {died_at}: {self.last_words()}"
        assert (code, died_at) == (-signal.SIGKILL, self.point.name), ended


class Nursery:
    """Starts one service as often as it is asked to. Made by `nursery`."""

    def __init__(self, process: Process, directory: Path) -> None:
        """Keep what its processes need in `directory`."""
        self._process = process
        self._directory = directory
        self._born: dict[int, asyncio.Future[Born]] = {}
        self._codes: dict[int, asyncio.Future[int]] = {}
        self._count = 0

    @asynccontextmanager
    async def program(self, environment: Mapping[str, str], *words: str) -> AsyncIterator[Program]:
        """The service as it is, on ports that the system chooses; killed at the end."""
        running = Program(*await self._start(environment, words, None, self._directory))
        try:
            yield running
        finally:
            await running.kill()

    @asynccontextmanager
    async def victim(
        self, point: Point, environment: Mapping[str, str], directory: Path
    ) -> AsyncIterator[Victim]:
        """The service with the point's trap, armed already if it must be."""
        prepare(directory, is_armed=point.from_start)
        running = Victim(*await self._start(environment, point.words, point, directory))
        running.point, running.directory = point, directory
        try:
            yield running
        finally:
            await running.kill()

    async def listen(self) -> None:
        """Take what is told of births and deaths."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            told = json.loads(line)
            if "code" in told:
                self._codes.pop(told["pid"]).set_result(told["code"])
            else:
                code = self._codes[told["pid"]] = asyncio.get_running_loop().create_future()
                self._born.pop(told["number"]).set_result((told["pid"], code))

    async def _start(
        self, environment: Mapping[str, str], words: Sequence[str], point: Point | None, directory: Path
    ) -> tuple[int, asyncio.Future[int], asyncio.StreamReader]:
        self._count += 1
        number = self._count
        said = self._directory / f"said-{number}"
        os.mkfifo(said)
        reader = await _reader(said)
        ports = dict.fromkeys(("HEADRACE_API_PORT", "HEADRACE_NOTIFIER_PORT", "HEADRACE_HEALTH_PORT"), "0")
        asked = {
            "number": number,
            "said": str(said),
            "environment": {**environment, **ports},
            "words": words,
            "point": point.name if point else "",
            "directory": str(directory),
        }
        born = self._born[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        return *await born, reader


def prepare(directory: Path, *, is_armed: bool) -> None:
    """Make the directory in which a victim is told that calls count, and tells of its death."""
    directory.mkdir(parents=True)
    if is_armed:
        (directory / ARMED).touch()


async def _reader(fifo: Path) -> asyncio.StreamReader:
    """What is written into it by whoever opens it; it ends with the last of them."""
    reader = asyncio.StreamReader(limit=LINE_BYTES_MAX)
    descriptor = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
    )
    return reader


@asynccontextmanager
async def nursery(service: str, directory: Path) -> AsyncIterator[Nursery]:
    """Where processes of one service come from; all of them end with it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.points.nursery", service), stdin=PIPE, stdout=PIPE, cwd=ROOT
    )
    made = Nursery(process, directory)
    listening = asyncio.create_task(made.listen())
    try:
        yield made
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        await listening


@asynccontextmanager
async def own_log(directory: Path) -> AsyncIterator[tuple[NatsServer, Broker]]:
    """A nats-server with every stream, and a connection to it. Only processes die here: it need not sync."""
    server = NatsServer(directory, user="test", password="test-password", sync="fast")
    await server.start()
    try:
        settings = BrokerSettings(nats_url=server.url, nats_user=server.user, nats_password=server.password)
        async with connect(settings, service="test") as broker:
            await patiently(lambda: provision(broker, ProvisionSettings()))
            yield server, broker
    finally:
        await server.kill()
