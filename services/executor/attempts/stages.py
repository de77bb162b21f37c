"""The stages of one attempt, each in a cell of its own: which is first, compiling once, waiting for a cell.

The first cell is reserved before an attempt is recorded. A cell that cannot be made later on is waited for:
nothing of that stage has run, so it may be tried again within the same attempt.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from services.executor.attempts.compile_cache import Compiled, CompiledPrograms, key_of
from services.executor.attempts.compiler_tools import Tools
from services.executor.attempts.feed_publisher import Feed
from services.executor.attempts.outcome import Completed, StageEnd, ending_of
from services.executor.attempts.stage_estimates import Estimates
from services.executor.languages.catalogue import Offered
from services.executor.languages.stages import compile_stage, program_of, run_stage
from services.executor.sandbox.interface import CellError, OutputSink, Reserved, Sandbox, Stage, Verdict
from services.executor.scheduling.cell_supply import CellSupply
from services.executor.scheduling.execution import Execution
from shared.domain.events import JobQueued, StreamName
from shared.observability import metrics

TRIES_MAX = 5
RETRY_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class First:
    """The first stage of a job that needs a cell, and the cell that waits for it.

    `compiled` is what a compiler made of the same program before, which then is the stage before this one.
    """

    stage: Stage
    cell: Reserved
    compiled: Compiled | None = None


class Stages:
    """Runs the stages of attempts."""

    def __init__(
        self,
        sandbox: Sandbox,
        languages: Mapping[str, Offered],
        supply: CellSupply,
        *,
        compiled_bytes_max: int,
    ) -> None:
        """Everything is opened by the caller and outlives this."""
        self._sandbox = sandbox
        self._languages = languages
        self._supply = supply
        self._compiled = CompiledPrograms(compiled_bytes_max)
        self._tools = Tools(sandbox)
        self._estimates = Estimates()

    async def reserve(self, queued: JobQueued) -> First:
        """Set a cell aside for the job's first stage. Raises CellError, RejectedError."""
        offered, program = self._languages[queued.language], program_of(queued)
        tools = await self._tools.of(offered.language)
        stage, found = compile_stage(offered.language, program, tools), None
        if stage is None:
            stage = run_stage(offered.language, program)
        elif found := self._compiled.find(queued.user_id, self._key(queued, offered, stage)):
            stage = run_stage(offered.language, program, found.product)
        return First(stage, await self._sandbox.reserve(stage), found)

    async def run(
        self, execution: Execution, first: First, feed: Feed, ends: list[StageEnd], *, cell_within_s: float
    ) -> None:
        """Run all stages and append how each ended. Raises SandboxError, RejectedError.

        CellError if a stage has waited for a cell for so many seconds.
        """
        run = _Run(execution, feed, cell_within_s)
        queued = execution.queued
        offered, program = self._languages[queued.language], program_of(queued)
        compiles, product = offered.language.compile is not None, None
        if compiles:
            metrics.COMPILE_CACHE.labels(result="miss" if first.compiled is None else "hit").inc()
            if first.compiled is None:
                end = await self._compile(run, offered, first)
            else:
                end = _compiled_before(first.compiled, feed)
            ends.append(end)
            if not isinstance(ending_of(end), Completed):
                return
            product = end.verdict.kept
        is_first = not compiles or first.compiled is not None
        stage = first.stage if is_first else run_stage(offered.language, program, product)
        started_at = 50 if compiles else 0
        cell = first.cell if is_first else None
        ends.append(await self._run_stage(run, stage, cell, percent=(started_at, 100)))

    async def _compile(self, run: "_Run", offered: Offered, first: First) -> StageEnd:
        """Run the compiler, and keep what it made for the same user's next run of the same program."""
        end = await self._run_stage(run, first.stage, first.cell, percent=(0, 50))
        if isinstance(ending_of(end), Completed) and end.verdict.kept is not None:
            made = Compiled(end.verdict.kept, end.stdout, end.stderr)
            queued = run.execution.queued
            self._compiled.keep(queued.user_id, self._key(queued, offered, first.stage), made)
        return end

    def _key(self, queued: JobQueued, offered: Offered, stage: Stage) -> str:
        return key_of(queued.user_id, offered, stage, runtime_digest=self._sandbox.isolation.runtime_digest)

    async def _run_stage(
        self, run: "_Run", stage: Stage, cell: Reserved | None, *, percent: tuple[int, int]
    ) -> StageEnd:
        language, feed = run.execution.queued.language, run.feed
        kept: dict[StreamName, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}

        def take(stream: StreamName, piece: bytes) -> None:
            kept[stream].extend(piece)
            feed.write(stage.name, stream, piece)

        estimate_s = self._estimates.seconds(language, stage.name)
        feed.progress(stage.name, percent[0], f"{stage.name} started", estimate_s)
        verdict = await self._in_a_cell(run, stage, cell, take)
        self._estimates.learn(language, stage.name, verdict.wall_ms / 1000)
        feed.progress(stage.name, percent[1], f"{stage.name} complete", 0.0 if percent[1] == 100 else None)
        return StageEnd(stage.name, verdict, bytes(kept["stdout"]), bytes(kept["stderr"]))

    async def _in_a_cell(self, run: "_Run", stage: Stage, cell: Reserved | None, take: OutputSink) -> Verdict:
        """Run the stage in this cell, or in the next that can be had, a few times. Raises SandboxError."""
        stop, tries = run.execution.stop, 0
        while True:
            try:
                cell = cell or await self._sandbox.reserve(stage)
                return await cell.run(output=take, stop=stop)
            except CellError as error:
                cell, tries = None, tries + 1
                self._supply.failed(str(error))
                if tries == TRIES_MAX or not await self._supply.recovered(stop, within_s=run.cell_within_s):
                    raise
                await asyncio.sleep(RETRY_PAUSE_S)


@dataclass(frozen=True, slots=True)
class _Run:
    """What all stages of one attempt share."""

    execution: Execution
    feed: Feed
    cell_within_s: float


def _compiled_before(found: Compiled, feed: Feed) -> StageEnd:
    """A compile stage that used nothing, because it was not run. Its warnings are as true as they were."""
    feed.write("compile", "stdout", found.stdout)
    feed.write("compile", "stderr", found.stderr)
    feed.progress("compile", 50, "compiled before", None)
    verdict = Verdict(
        exit_code=0,
        signal=None,
        stopped_by=None,
        wall_ms=0,
        cpu_ms=0,
        memory_peak_bytes=None,
        stdout_bytes=len(found.stdout),
        stderr_bytes=len(found.stderr),
        kept=found.product,
    )
    return StageEnd("compile", verdict, found.stdout, found.stderr, cached=True)
