"""Runs programs in cells for the tests, and gathers what they print."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from services.executor.sandbox.cold.sandbox import open_cold_sandbox
from services.executor.sandbox.interface import CellFile, GivenStdin, Sandbox, Stage, Verdict
from services.executor.sandbox.settings import SandboxSettings
from services.executor.sandbox.warm.sandbox import open_warm_sandbox
from shared.domain.enumerations import StreamName
from shared.domain.events import Limits

MIB = 1024 * 1024
ATTEMPTED = "attempted"
"""What every attack prints before it begins."""


class Opener(Protocol):
    """Opens one kind of sandbox."""

    def __call__(self, settings: SandboxSettings | None = None) -> AbstractAsyncContextManager[Sandbox]:
        """See `open_sandbox`."""
        ...


KINDS: dict[str, Opener] = {"warm": open_warm_sandbox, "cold": open_cold_sandbox}
"""How each kind of sandbox is opened."""


@asynccontextmanager
async def opened(name: str) -> AsyncIterator[Sandbox]:
    """One of a kind; of `cold without cgroups` likewise, on a host that has none to give."""
    kind, _, without = name.partition(" ")
    settings = SandboxSettings(cgroup="none") if without else SandboxSettings()
    async with KINDS[kind](settings) as sandbox:
        yield sandbox


AS_OFFERED = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
"""The variables that a Python program of the catalogue gets, under which its interpreter is a warm one."""


class Transcript:
    """A sink that keeps what it gets, and lets a test wait until something was printed."""

    def __init__(self) -> None:
        """Begin empty."""
        self.pieces: dict[StreamName, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self._printed = asyncio.Event()

    def __call__(self, stream: StreamName, piece: bytes) -> None:
        """Take one piece, as an `OutputSink`."""
        self.pieces[stream] += piece
        self._printed.set()

    async def until(self, marker: str) -> None:
        """Wait until stdout holds `marker`."""
        while marker.encode() not in self.pieces["stdout"]:
            self._printed.clear()
            await self._printed.wait()


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of one program."""

    verdict: Verdict
    transcript: Transcript = field(repr=False)

    @property
    def stdout(self) -> str:
        """All of stdout."""
        return self.transcript.pieces["stdout"].decode()

    @property
    def stderr(self) -> str:
        """All of stderr."""
        return self.transcript.pieces["stderr"].decode()

    def succeeded(self) -> str:
        """Return stdout of a program that must have ended well; fails with its stderr otherwise."""
        assert self.verdict.exit_code == 0, f"{self.verdict}: {self.stderr}"
        return self.stdout


def stage(
    *argv: str,
    files: dict[str, bytes] | None = None,
    env: dict[str, str] | None = None,
    stdin: bytes = b"",
    keep: str | None = None,
    keep_bytes_max: int = MIB,
    limits: Limits | None = None,
    artifacts: tuple[str, ...] = (),
) -> Stage:
    """Build a stage with limits that a test can wait for."""
    return Stage(
        name="run",
        argv=argv,
        files=tuple(CellFile(path, content) for path, content in (files or {}).items()),
        limits=limits or Limits(),
        env=tuple((env or {}).items()),
        stdin=GivenStdin(stdin),
        keep=keep,
        keep_bytes_max=keep_bytes_max,
        artifacts=artifacts,
    )


async def run(sandbox: Sandbox, asked: Stage) -> Ran:
    """Run a stage to its end."""
    transcript = Transcript()
    return Ran(await sandbox.run(asked, output=transcript, stop=asyncio.Event()), transcript)


async def shell(sandbox: Sandbox, script: str, limits: Limits | None = None) -> Ran:
    """Run a script of the cell's shell."""
    return await run(sandbox, stage("/bin/sh", "-c", script, limits=limits))


async def python(sandbox: Sandbox, source: str, *args: str, limits: Limits | None = None) -> Ran:
    """Run a Python program."""
    return await run(sandbox, program(source, *args, limits=limits))


def program(source: str, *args: str, limits: Limits | None = None) -> Stage:
    """A Python program as the catalogue runs it."""
    files = {"main.py": source.encode()}
    return stage("python3", "/work/main.py", *args, files=files, env=AS_OFFERED, limits=limits)
