"""What the executor asks of a sandbox, whichever kind it is: run one stage in a cell that is used once.

`warm.WarmSandbox` has its cells made ahead of time, `bubblewrap.ColdSandbox` makes one when it is asked.
Nothing here knows of jobs, users, or the log.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from shared.domain.events import Isolation, Limits, StageName, StreamName

Stop: TypeAlias = Literal["wall_time", "cpu_time", "memory", "output_limit", "disk", "stopped"]
"""Why a cell was ended, where it did not end by itself; `stopped` means that the caller asked."""

OutputSink: TypeAlias = Callable[[StreamName, bytes], None]
"""Receives every kept byte of a stream, in order, while the program runs. Must not block."""


class SandboxError(Exception):
    """The sandbox itself failed (not the program): the attempt has no verdict and may be repeated."""


class CellError(SandboxError):
    """No cell could be made, for the host's reasons: nothing of the program has run, so it may wait."""


class RejectedError(Exception):
    """The program can never run here, whatever is repeated: the message says why."""


@dataclass(frozen=True, slots=True)
class CellFile:
    """A file placed in the cell's work directory before it starts. `path` is relative and already checked."""

    path: str
    content: bytes
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """One command line, run once, in a fresh work directory holding `files`.

    `argv[0]` is an absolute path inside the cell or is found on the cell's PATH. `keep` names one file of
    the work directory to bring back after exit code 0 (a compiler's product), at most `keep_bytes_max` long.
    Where it is None, `artifacts` are the patterns (`*`, `?`, `[...]` within a name, `**` for any directories)
    of the files to bring back, however the program ended by itself.
    """

    name: StageName
    argv: tuple[str, ...]
    files: tuple[CellFile, ...]
    limits: Limits
    env: tuple[tuple[str, str], ...] = ()
    stdin: bytes = b""
    keep: str | None = None
    keep_bytes_max: int = 64 * 1024 * 1024
    artifacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A path that matched a pattern and was not brought back, and why: `reason` is for people to read."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a stage ended and what it used, from the wait status and the cgroup only.

    Exactly one of `exit_code`, `signal` is set. `stopped_by` names the limit that ended it, if one did.
    `output_bytes` counts what was read of each stream, kept or not. `memory_peak_bytes` is None where the
    host has no memory cgroup. `artifacts` are the regular files that matched, in the order of their paths;
    paths are bytes of the program's choosing, as UTF-8, and never `..` or absolute. `detail` says more of a
    limit, for people.
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
    """A cell set aside for one stage. `run` once, or `release`; a release after a run does nothing."""

    async def run(self, *, output: OutputSink, stop: asyncio.Event) -> Verdict:
        """Run the stage to its end. `stop` ends it early. Raises SandboxError, RejectedError.

        When this returns or raises (cancellation included), no process that the program started is left, and
        nothing that it could reach; what was the cell's alone is gone, or is being taken apart by the kernel.
        """
        ...

    async def release(self) -> None:
        """Give up a cell that was not used."""
        ...


class Sandbox(Protocol):
    """Runs stages, each in a cell of its own. Opened once per executor; runs many stages at a time."""

    @property
    def isolation(self) -> Isolation:
        """What stands between a cell and this host."""
        ...

    async def reserve(self, stage: Stage) -> Reserved:
        """Set a cell aside for a stage, so that nothing else can take it. Raises CellError, RejectedError."""
        ...

    async def run(self, stage: Stage, *, output: OutputSink, stop: asyncio.Event) -> Verdict:
        """Reserve a cell and run the stage in it. Raises SandboxError, RejectedError."""
        ...
