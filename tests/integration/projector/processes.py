"""``python -m services.projector`` as a real process, whose log lines can be waited for."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from headrace.local.nats_server import NatsServer
from tests.http_client import http_client


class ProjectorProcess:
    """A running process; `port` is where it serves health."""

    def __init__(self, process: Process) -> None:
        """Wrap what was started."""
        self.process = process
        self.lines: list[str] = []

    async def event(self, name: str) -> dict[str, Any]:
        """The next log line of that name. Raises EOFError when the process ends first."""
        assert self.process.stderr is not None
        while line := (await self.process.stderr.readline()).decode():
            self.lines.append(line)
            if line.startswith("{") and (found := json.loads(line)).get("event") == name:
                return dict(found)
        raise EOFError("".join(self.lines))

    async def ended(self) -> tuple[int, str]:
        """Its exit code and all that it had to say, once it has ended."""
        assert self.process.stderr is not None
        self.lines.append((await self.process.stderr.read()).decode())
        return await self.process.wait(), "".join(self.lines)

    async def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        await self.ended()

    async def terminate(self) -> tuple[int, str]:
        """Ask it to end."""
        self.process.terminate()
        return await self.ended()


@asynccontextmanager
async def projector_process(server: NatsServer, path: Path, *words: str) -> AsyncIterator[ProjectorProcess]:
    """The program on this log and view, killed at the end if it is still there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.projector",
        *words,
        stdin=DEVNULL,
        stderr=PIPE,
        env={**os.environ, **server.environment, "HEADRACE_VIEW_PATH": str(path)},
    )
    running = ProjectorProcess(process)
    try:
        yield running
    finally:
        if process.returncode is None:
            await running.kill()


async def readiness(port: int) -> httpx.Response:
    """/readyz of the process that serves health there."""
    async with http_client() as client:
        return await client.get(f"http://127.0.0.1:{port}/readyz")


async def until_ready(port: int) -> None:
    """Ask until it is ready. The caller bounds the time."""
    while (await readiness(port)).status_code != 200:  # noqa: ASYNC110 - it sets no event
        await asyncio.sleep(0.02)
