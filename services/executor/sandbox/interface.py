"""Interface of a sandbox, warm or cold: run one stage in a cell that is used once.

`WarmSandbox` takes a cell made ahead of time, `ColdSandbox` makes one on demand. Nothing here depends on
jobs, users, or the log.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from shared.domain.enumerations import StageName, StreamName
from shared.domain.events import Isolation, Limits

Stop: TypeAlias = Literal["wall_time", "cpu_time", "idle", "memory", "output_limit", "disk", "stopped"]
"""Why a cell was ended, where it did not end by itself; `stopped` means that the caller asked for it."""

OutputSink: TypeAlias = Callable[[StreamName, bytes], None]
"""Receives every kept byte of a stream, in order, while the program runs. Must not block."""


class SandboxError(Exception):
    """The sandbox itself failed (not the program): the attempt has no verdict and may be repeated."""


class CellError(SandboxError):
    """No cell could be made, because of the host. Nothing of the program has run, so it may be retried."""


class RejectedError(Exception):
    """The program can never run here, however often it is tried; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class CellFile:
    """A file placed in the cell's work directory before it starts. `path` is relative and already checked."""

    path: str
    content: bytes
    executable: bool = False


@dataclass(frozen=True, slots=True)
class GivenStdin:
    """Standard input that is known in full before the stage starts.

    The program reads `content` from a file that it cannot change, and then the end of input.
    """

    content: bytes = b""

    @property
    def is_empty(self) -> bool:
        """Whether the program reads the end of input at once, so that no file is needed."""
        return not self.content


class InputSink(Protocol):
    """Gives a running program its input, in order. Nothing here blocks or raises.

    After the end of the program nothing has any effect.
    """

    def write(self, content: bytes, *, secret: bool = False) -> None:
        """Give it these bytes. A terminal does not echo secret ones."""
        ...

    def end(self) -> None:
        """Tell it that its input has ended."""
        ...

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of its terminal, if it has one."""
        ...

    def signal(self, number: int) -> None:
        """Send it a signal."""
        ...


class InputSource(Protocol):
    """What a program reads while it runs."""

    def connect(self, sink: InputSink) -> None:
        """The program has begun: give it what there is, and what comes."""
        ...

    def disconnect(self) -> None:
        """The program has ended."""
        ...


@dataclass(frozen=True, slots=True)
class LiveStdin:
    """Standard input that comes while the stage runs: through a pipe or, with `terminal`, through a terminal.

    `terminal` is its size, columns and rows; both streams of output are then read from it as stdout. After
    `idle_s` without input or output the stage is ended. `output_bytes` replaces the limit of that name.
    """

    source: InputSource
    idle_s: float
    output_bytes: int
    terminal: tuple[int, int] | None = None

    @property
    def is_empty(self) -> bool:
        """It never is."""
        return False


Stdin: TypeAlias = GivenStdin | LiveStdin
"""Where a stage's standard input comes from, a case each. The sandbox decides how it reaches the program."""

NO_STDIN = GivenStdin()


@dataclass(frozen=True, slots=True)
class Stage:
    """One command line, run once, in a fresh work directory holding `files`.

    `name` is only what the stage is called. `argv[0]` is an absolute path inside the cell or is found on the
    cell's PATH. `keep` names one file of the work directory to return after exit code 0 (a compiler's
    product), at most `keep_bytes_max` long. If it is None, `artifacts` are the patterns of the files to
    return: `*`, `?`, `[...]` within a name, `**` for any directories. They are returned with any exit status
    of a program that ended by itself. `directory` is where it starts, if not in the work directory.
    """

    name: StageName
    argv: tuple[str, ...]
    files: tuple[CellFile, ...]
    limits: Limits
    env: tuple[tuple[str, str], ...] = ()
    stdin: Stdin = NO_STDIN
    keep: str | None = None
    keep_bytes_max: int = 64 * 1024 * 1024
    artifacts: tuple[str, ...] = ()
    directory: str = ""

    @property
    def live(self) -> LiveStdin | None:
        """Its standard input, if that comes while it runs."""
        return self.stdin if isinstance(self.stdin, LiveStdin) else None

    @property
    def given(self) -> bytes:
        """Its standard input, if that is known in full; else nothing."""
        return self.stdin.content if isinstance(self.stdin, GivenStdin) else b""

    @property
    def output_bytes(self) -> int:
        """The most that is read of each stream."""
        return self.limits.output_bytes if self.live is None else self.live.output_bytes


@dataclass(frozen=True, slots=True)
class Skipped:
    """A path that matched a pattern and was not returned; `reason` is text for people."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a stage ended and what it used, from the wait status and the cgroup only.

    Exactly one of `exit_code`, `signal` is set. `stopped_by` names the limit that ended it, if one did.
    `stdout_bytes` and `stderr_bytes` count what was read of each stream, kept or not. `memory_peak_bytes` is
    None where the host has no memory cgroup. `artifacts` are the regular files that matched, sorted by path;
    paths are chosen by the program, are UTF-8, and never `..` or absolute. `detail` describes a limit, for
    people.
    """

    exit_code: int | None
    signal: int | None
    stopped_by: Stop | None
    wall_ms: int
    cpu_ms: int
    memory_peak_bytes: int | None
    stdout_bytes: int
    stderr_bytes: int
    kept: bytes | None = None
    artifacts: tuple[CellFile, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    detail: str | None = None


class Reserved(Protocol):
    """A cell reserved for one stage. Call `run` once, or `release`; a release after a run does nothing."""

    async def run(self, *, output: OutputSink, stop: asyncio.Event) -> Verdict:
        """Run the stage to its end. `stop` ends it early. Raises SandboxError, RejectedError.

        When this returns or raises (cancellation included), no process that the program started is left, nor
        anything that it could reach. The cell's own resources are gone, or the kernel is freeing them.
        """
        ...

    async def release(self) -> None:
        """Release a cell that was not used."""
        ...


class Sandbox(Protocol):
    """Runs stages, each in its own cell. Opened once per executor; runs many stages concurrently."""

    @property
    def isolation(self) -> Isolation:
        """What isolates a cell from this host."""
        ...

    async def reserve(self, stage: Stage) -> Reserved:
        """Reserve a cell for a stage, exclusively. Raises CellError, RejectedError."""
        ...

    async def run(self, stage: Stage, *, output: OutputSink, stop: asyncio.Event) -> Verdict:
        """Reserve a cell and run the stage in it. Raises SandboxError, RejectedError."""
        ...
