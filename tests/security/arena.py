"""Where programs are run: in a whole stack over HTTP, or straight in the sandbox of this process.

Both run the same programs and are judged by the same checker. The sandbox alone is what an ordinary user can
try out in a process of his own, beside the tests of root.
"""

import asyncio
import base64
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import msgspec

from services.executor.attempts.compiler_tools import Tools
from services.executor.languages.catalogue import load_languages
from services.executor.languages.plan import Plan
from services.executor.languages.stages import Program
from services.executor.sandbox.interface import CellFile, Sandbox, SandboxError, Stage, Verdict
from services.executor.sandbox.settings import SandboxSettings
from services.executor.sandbox.warm.sandbox import open_warm_sandbox
from shared.domain.enumerations import StageName
from shared.domain.result import Output, Result, StageReport
from tests.integration.sandbox.cells import Transcript
from tests.security.footprint import Footprint, footprint, steady
from tests.security.planted import Planted
from tests.security.submission import Outcome, Submission

CELLS = 6
"""Cells that the executor under test keeps ready."""
WARMING = Submission("python", "print(42)")


class Arena(Protocol):
    """Runs programs of several users at once."""

    planted: Planted
    before: Footprint
    has_cgroups: bool

    @property
    def executor(self) -> int:
        """The process whose footprint must not grow."""
        ...

    async def run(self, user: str, submission: Submission) -> Outcome:
        """Run a program of a user to its end."""
        ...

    def logs(self) -> str:
        """All that an operator could read."""
        ...


@dataclass(frozen=True, slots=True)
class Ended:
    """A stage, how it ended, and what it printed."""

    stage: StageName
    verdict: Verdict
    stdout: bytes
    stderr: bytes


class SandboxArena:
    """The sandbox of this process. Its users are all the same to it."""

    def __init__(self, sandbox: Sandbox, planted: Planted, before: Footprint) -> None:
        """`sandbox` is open, and stays so for as long as this is used."""
        self.planted = planted
        self.before = before
        self.has_cgroups = sandbox.isolation.cgroup != "none"
        self._sandbox = sandbox
        self._languages = load_languages()
        self._tools = Tools(sandbox)

    @property
    def executor(self) -> int:
        """This process."""
        return os.getpid()

    def logs(self) -> str:
        """There are none."""
        return ""

    async def run(self, user: str, submission: Submission) -> Outcome:
        """See `Arena`. All users are one here."""
        del user
        began = time.monotonic()
        ends = list[Ended]()
        try:
            await self._stages(submission, ends)
            kind, reason, detail = ending(ends[-1].stage, ends[-1].verdict)
        except SandboxError as error:
            kind, reason, detail = "failed", "sandbox_error", str(error)
        result = msgspec.to_builtins(result_of(ends)) if ends else {}
        return Outcome(
            kinds=("queued", "running", kind),
            reason=reason,
            detail=detail,
            result=result,
            lasted_s=time.monotonic() - began,
            notes=(),
            told=msgspec.json.encode(result).decode(),
        )

    async def _stages(self, submission: Submission, ends: list[Ended]) -> None:
        language = self._languages[submission.language]
        program = Program(
            files=(CellFile(language.entrypoint, submission.code.encode()),),
            entrypoint=language.entrypoint,
            limits=submission.limits,
            args=submission.args,
            env=tuple(submission.env.items()),
        )
        plan = Plan(language, program, await self._tools.of(language))
        *compilers, last = range(len(plan.names))
        product = None
        for position in compilers:
            ends.append(await self._stage(plan.stage(position, product)))
            product = ends[position].verdict.kept
            if product is None:
                return
        ends.append(await self._stage(plan.stage(last, product)))

    async def _stage(self, stage: Stage) -> Ended:
        transcript = Transcript()
        verdict = await self._sandbox.run(stage, output=transcript, stop=asyncio.Event())
        kept = {name: bytes(piece) for name, piece in transcript.pieces.items()}
        return Ended(stage.name, verdict, kept["stdout"], kept["stderr"])


def ending(stage: StageName, verdict: Verdict) -> tuple[str, str | None, str | None]:
    """Kind, reason and detail, as the executor is to call them; that it does so is the stack's to show."""
    if verdict.stopped_by in {"wall_time", "cpu_time"}:
        return "timeout", verdict.stopped_by, stage
    if verdict.stopped_by is not None:
        return "failed", verdict.stopped_by, stage
    if verdict.exit_code == 0:
        return "completed", None, None
    if stage == "compile":
        return "failed", "compile_error", None
    return "failed", "signal" if verdict.exit_code is None else "exit_code", None


def result_of(ends: Sequence[Ended]) -> Result:
    """What became of some stages, the last of which tells how it went."""
    last = ends[-1]
    reports = tuple(
        StageReport(
            name=each.stage,
            wall_ms=each.verdict.wall_ms,
            cpu_ms=each.verdict.cpu_ms,
            memory_peak_bytes=each.verdict.memory_peak_bytes,
            exit_code=each.verdict.exit_code,
        )
        for each in ends
    )
    return Result(
        exit_code=last.verdict.exit_code,
        signal=last.verdict.signal,
        stdout=_output(last.stdout, last.verdict.stdout_bytes),
        stderr=_output(last.stderr, last.verdict.stderr_bytes),
        stages=reports,
        wall_ms=sum(each.wall_ms for each in reports),
        cpu_ms=sum(each.cpu_ms for each in reports),
        memory_peak_bytes=last.verdict.memory_peak_bytes,
    )


def _output(kept: bytes, total_bytes: int) -> Output:
    content = base64.b64encode(kept).decode()
    cut_off = total_bytes > len(kept)
    return Output(
        content=content, encoding="base64", kept_bytes=len(kept), total_bytes=total_bytes, truncated=cut_off
    )


@asynccontextmanager
async def open_sandbox_arena(planted: Planted) -> AsyncIterator[SandboxArena]:
    """A sandbox in this process, whose environment holds what was planted for it."""
    assert planted.environment.items() <= os.environ.items()
    async with open_warm_sandbox(SandboxSettings(cells_ready=CELLS)) as sandbox:
        arena = SandboxArena(sandbox, planted, footprint(os.getpid()))
        # More at once than are ready, as an executor's languages are asked for when it starts: what a pool
        # makes for a crowd and keeps is no attacker's doing.
        await asyncio.gather(*(arena.run("alice", WARMING) for _ in range(2 * CELLS)))
        await sandbox.full()
        arena.before = await steady(os.getpid(), CELLS)
        yield arena
