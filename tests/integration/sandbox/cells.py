"""Runs programs in cells for the tests, and gathers what they print."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from services.executor.sandbox.cold.sandbox import open_cold_sandbox
from services.executor.sandbox.interface import (
    CellFile,
    GivenStdin,
    InputSink,
    LiveStdin,
    Sandbox,
    Stage,
    Verdict,
)
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

    async def until(self, marker: str, at: int = 0) -> None:
        """Wait until stdout holds `marker`, from this place on."""
        while self.pieces["stdout"].find(marker.encode(), at) < 0:
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


async def c_program(sandbox: Sandbox, source: str) -> Stage:
    """A compiled C program."""
    argv = ("cc", "-o", "/work/program", "/work/main.c")
    compiled = await run(sandbox, stage(*argv, files={"main.c": source.encode()}, keep="program"))
    assert compiled.verdict.kept is not None, compiled.stderr
    product = CellFile("program", compiled.verdict.kept, executable=True)
    return replace(stage("/work/program"), files=(product,))


class Conversation:
    """A program that is given input while it runs, and what it says. It is the source of its input."""

    def __init__(
        self,
        sandbox: Sandbox,
        asked: Stage,
        *,
        idle_s: float = 60,
        output_bytes: int = MIB,
        terminal: tuple[int, int] | None = None,
        at_once: bytes = b"",
    ) -> None:
        """Begin; `at_once` is written as soon as anything can be."""
        self.transcript = Transcript()
        self.stop = asyncio.Event()
        self.disconnected = False
        self._at_once = at_once
        self._at = 0
        self._sink: asyncio.Future[InputSink] = asyncio.get_running_loop().create_future()
        live = LiveStdin(self, idle_s, output_bytes, terminal)
        self.asked = replace(asked, stdin=live)
        self.task = asyncio.create_task(sandbox.run(self.asked, output=self.transcript, stop=self.stop))

    def connect(self, sink: InputSink) -> None:
        """See `InputSource`."""
        if self._at_once:
            sink.write(self._at_once)
        self._sink.set_result(sink)

    def disconnect(self) -> None:
        """See `InputSource`."""
        self.disconnected = True

    async def sink(self) -> InputSink:
        """Where input goes; waits until the program takes any."""
        await self._first(self._sink)
        assert self._sink.done(), f"it ended before it was connected: {self.task}"
        return self._sink.result()

    async def say(self, text: str | bytes, *, secret: bool = False) -> None:
        """Give it input."""
        content = text.encode() if isinstance(text, str) else text
        (await self.sink()).write(content, secret=secret)

    async def hear(self, marker: str) -> str:
        """Wait until it says this, after all that was heard before; what it said up to there."""
        hearing = asyncio.create_task(self.transcript.until(marker, self._at))
        await self._first(hearing)
        said = self.transcript.pieces["stdout"]
        place = said.find(marker.encode(), self._at)
        if place < 0:
            hearing.cancel()
            raise AssertionError(f"{marker!r} was never said, but {bytes(said)!r}; {self.task}")
        heard, self._at = said[self._at : place], place + len(marker.encode())
        return heard.decode(errors="replace")

    async def _first(self, other: asyncio.Future[Any]) -> None:
        """Wait for this, or for the end of the program."""
        both: tuple[asyncio.Future[Any], ...] = (other, self.task)
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)

    async def ran(self) -> Ran:
        """Its end."""
        return Ran(await self.task, self.transcript)


@asynccontextmanager
async def talking(
    sandbox: Sandbox, asked: Stage, *, terminal: tuple[int, int] | None = None, idle_s: float = 60
) -> AsyncIterator[Conversation]:
    """A conversation that is over with the context, however it ends.

    By default it has a minute: a busy machine is slow to answer many times.
    """
    if asked.limits == Limits():
        asked = replace(asked, limits=Limits(wall_ms=60_000))
    conversation = Conversation(sandbox, asked, terminal=terminal, idle_s=idle_s)
    try:
        yield conversation
    finally:
        conversation.stop.set()
        await asyncio.wait({conversation.task})
