"""Where programs are run: in a whole stack over HTTP, or straight in the sandbox of this process.

Both run the same programs and are judged by the same checker. The sandbox alone is what an ordinary user can
try out in a process of his own, beside the tests of root.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import msgspec

from services.executor.languages import Program, compile_stage, load_languages, run_stage
from services.executor.outcome import Attempt, StageEnd, conclude, without_verdict
from services.executor.sandbox.sandbox import CellFile, Sandbox, SandboxError, Stage
from services.executor.sandbox.settings import SandboxSettings
from services.executor.sandbox.warm import open_warm_sandbox
from shared.events import Terminal, kind_of
from shared.job import Moment
from tests import builders
from tests.integration.sandbox.cells import Transcript
from tests.security.footprint import Footprint, steady
from tests.security.planted import Planted
from tests.security.submission import Outcome, Submission

CELLS = 6
"""Cells that the executor under test keeps ready."""


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


class SandboxArena:
    """The sandbox of this process. Its users are all the same to it."""

    def __init__(self, sandbox: Sandbox, planted: Planted, before: Footprint) -> None:
        """`sandbox` is open, and stays so for as long as this is used."""
        self.planted = planted
        self.before = before
        self.has_cgroups = sandbox.isolation.cgroup != "none"
        self._sandbox = sandbox
        self._languages = load_languages()

    @property
    def executor(self) -> int:
        """This process."""
        return os.getpid()

    def logs(self) -> str:
        """There are none."""
        return ""

    async def run(self, user: str, submission: Submission) -> Outcome:
        """See `Arena`. The terminal event is made of the stages by the executor's own rules."""
        began = time.monotonic()
        queued = builders.queued(user=user, job=builders.job_id())
        moment = Moment(builders.NOON, "request", None)
        attempt = Attempt(queued, 1, moment, feed_sequence=0, cancelled_by=None)
        event: Terminal
        try:
            event = conclude(attempt, await self._stages(submission))
        except SandboxError as error:
            event = without_verdict(attempt, "sandbox_error", str(error))
        fields = msgspec.to_builtins(event)
        return Outcome(
            kinds=("queued", "running", kind_of(event)),
            reason=fields.get("reason"),
            detail=fields.get("detail"),
            result=fields["result"] or {},
            lasted_s=time.monotonic() - began,
            notes=(),
            told=msgspec.json.encode(event).decode(),
        )

    async def _stages(self, submission: Submission) -> list[StageEnd]:
        language = self._languages[submission.language]
        program = Program(
            files=(CellFile(language.entrypoint, submission.code.encode()),),
            entrypoint=language.entrypoint,
            limits=submission.limits,
            args=submission.args,
            env=tuple(submission.env.items()),
        )
        ends, product = list[StageEnd](), None
        if compiling := compile_stage(language, program):
            ends.append(await self._stage(compiling))
            product = ends[0].verdict.kept
            if product is None:
                return ends
        ends.append(await self._stage(run_stage(language, program, product)))
        return ends

    async def _stage(self, stage: Stage) -> StageEnd:
        transcript = Transcript()
        verdict = await self._sandbox.run(stage, output=transcript, stop=asyncio.Event())
        kept = {name: bytes(piece) for name, piece in transcript.pieces.items()}
        return StageEnd(stage.name, verdict, kept["stdout"], kept["stderr"])


@asynccontextmanager
async def open_sandbox_arena(planted: Planted) -> AsyncIterator[SandboxArena]:
    """A sandbox in this process, whose environment holds what was planted for it."""
    assert planted.environment.items() <= os.environ.items()
    async with open_warm_sandbox(SandboxSettings(cells_ready=CELLS)) as sandbox:
        await sandbox.full()
        yield SandboxArena(sandbox, planted, await steady(os.getpid(), CELLS))
