"""The real services under attack: whether they answer others meanwhile, and what they hold afterwards."""

import asyncio
import re
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from headrace.local.supervisor import Stack
from tests.integration.http_server.raw import ENDS_WITHIN_S, connected, status_of

PAUSE_S = 0.02
MEDIAN_MAX_S = 0.1
TIMES_MAX = 10.0
"""On a busy machine: how many times as long as before the attack an answer may take."""
ANSWERS_MIN = 10


@dataclass(frozen=True, slots=True)
class Target:
    """One service that listens: its process, its port, and a request that it answers with 200."""

    name: str
    pid: int
    port: int
    honest: bytes

    def memory_bytes(self) -> int:
        """What the process has of the machine's memory now."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", text)[0]) * 1_024


def target_of(stack: Stack, name: str, token: str) -> Target:
    """A service of this stack; `token` opens what clients may do."""
    port = int(stack.services[name].health_url.rpartition(":")[2].partition("/")[0])
    path = "/v1/languages" if name == "api" else "/livez"
    honest = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    return Target(name, stack.services[name].process.pid, port, honest.encode())


async def ask(target: Target, request: bytes) -> bytes:
    """The whole answer to one request on a connection of its own."""
    async with connected(target.port) as client:
        await client.say(request)
        return await client.to_end()


@dataclass(slots=True)
class Neighbour:
    """Somebody else's requests, one after the other, and how long each took."""

    target: Target
    took_s: list[float] = field(default_factory=list)
    measured: asyncio.Event = field(default_factory=asyncio.Event)
    """It was answered often enough to tell."""

    async def work(self) -> None:
        """Until cancelled. An answer that is no 200 fails the test."""
        live = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        while True:
            for request in (live, self.target.honest):
                began = time.perf_counter()
                assert status_of(await ask(self.target, request)) == 200
                self.took_s.append(time.perf_counter() - began)
                if len(self.took_s) >= ANSWERS_MIN:
                    self.measured.set()
                await asyncio.sleep(PAUSE_S)


@asynccontextmanager
async def neighbour_of(target: Target) -> AsyncIterator[Neighbour]:
    """A neighbour who works meanwhile, and was answered in time: half of the requests within 100 ms.

    A machine that is too busy for that even before is measured by what it did before.
    """
    quiet_s = await measured(target)
    neighbour = Neighbour(target)
    working = asyncio.create_task(neighbour.work())
    try:
        yield neighbour
        await _until_measured(neighbour, working)
        most_s = max(MEDIAN_MAX_S, TIMES_MAX * quiet_s)
        assert statistics.median(neighbour.took_s) < most_s, sorted(neighbour.took_s)
    finally:
        working.cancel()
        await asyncio.wait({working})


async def measured(target: Target) -> float:
    """The median without an attack."""
    neighbour = Neighbour(target)
    working = asyncio.create_task(neighbour.work())
    try:
        await _until_measured(neighbour, working)
    finally:
        working.cancel()
        await asyncio.wait({working})
    return statistics.median(neighbour.took_s)


async def _until_measured(neighbour: Neighbour, working: asyncio.Task[None]) -> None:
    """Raises what its work has failed with."""
    waiting = asyncio.create_task(neighbour.measured.wait())
    async with asyncio.timeout(ENDS_WITHIN_S):
        await asyncio.wait({waiting, working}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if working.done():
        await working


async def until_alone(target: Target) -> None:
    """Wait until the service holds no connection but the one that asks."""
    request = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    async with asyncio.timeout(ENDS_WITHIN_S):
        while True:
            told = (await ask(target, request)).decode()
            counts = re.findall(r'^headrace_http_connections\{counted="\w+"\} (\S+)$', told, re.MULTILINE)
            if counts and sum(map(float, counts)) <= 1:
                return
            await asyncio.sleep(0.1)


def failures_in(log: Path) -> list[str]:
    """Lines that an operator would look into."""
    return [line for line in log.read_text().splitlines() if '"error"' in line or "Traceback" in line]
