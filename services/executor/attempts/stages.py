"""Walks the plan of one attempt, each stage in a cell of its own: compiling once, waiting for a cell.

The first cell is reserved before an attempt is recorded. A cell that cannot be made later on is waited for:
nothing of that stage has run, so it may be tried again within the same attempt.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from services.executor.attempts.compile_cache import Compiled, CompiledPrograms, key_of
from services.executor.attempts.compiler_tools import Tools
from services.executor.attempts.feed_publisher import Feed
from services.executor.attempts.inputs import Inputs
from services.executor.attempts.kept_output import KeptOutput
from services.executor.attempts.live_input import LiveInput
from services.executor.attempts.outcome import Completed, StageEnd, ending_of
from services.executor.attempts.output_order import ReadOrder
from services.executor.attempts.stage_estimates import Estimates
from services.executor.languages.catalogue import Offered
from services.executor.languages.plan import Plan
from services.executor.languages.stages import program_of
from services.executor.sandbox.interface import CellError, OutputSink, Reserved, Sandbox, Stage, Verdict
from services.executor.scheduling.cell_supply import CellSupply
from services.executor.scheduling.execution import Execution
from shared.domain.enumerations import StageName, StreamName
from shared.domain.events import JobQueued
from shared.domain.unsent import started
from shared.observability import metrics

TRIES_MAX = 5
RETRY_PAUSE_S = 0.5
HASHED_AT_ONCE_BYTES = 1024 * 1024
"""More is hashed in a thread: the event loop would stand still for tenths of a second."""


@dataclass(frozen=True, slots=True)
class First:
    """The first stage of a plan that needs a cell, and the cell that waits for it.

    `cached` are the products of the stages before it: the same program was compiled before.
    """

    plan: Plan
    cached: tuple[Compiled, ...]
    stage: Stage
    cell: Reserved


class Stages:
    """Runs the stages of attempts."""

    def __init__(
        self,
        sandbox: Sandbox,
        languages: Mapping[str, Offered],
        supply: CellSupply,
        *,
        inputs: Inputs,
        compiled_bytes_max: int,
    ) -> None:
        """Everything is opened by the caller and outlives this."""
        self._inputs = inputs
        self._sandbox = sandbox
        self._languages = languages
        self._supply = supply
        self._compiled = CompiledPrograms(compiled_bytes_max)
        self._tools = Tools(sandbox)
        self._estimates = Estimates()

    async def reserve(self, queued: JobQueued, live: LiveInput | None) -> First:
        """Plan the attempt, and set a cell aside for its first stage. `live` is an interactive job's input.

        Raises CellError, RejectedError, BrokerError if the store of a named file does not answer.
        """
        language = self._languages[queued.language].language
        stdin = None if live is None else live.stdin()
        program = program_of(queued, await self._inputs.read(queued), stdin)
        plan = Plan(language, program, await self._tools.of(language))
        cached, stage = list[Compiled](), plan.stage(0)
        while found := await self._find(queued, stage):
            cached.append(found)
            stage = plan.stage(len(cached), found.product)
        return First(plan, tuple(cached), stage, await self._sandbox.reserve(stage))

    def first_stage(self, queued: JobQueued, first: First) -> tuple[StageName | None, float | None]:
        """The stage with which the attempt begins, and how many seconds it usually takes.

        None where notes of stages that were not run come before it.
        """
        if first.cached:
            return None, None
        return first.stage.name, self._estimates.seconds(queued.language, first.stage.name)

    async def run(
        self,
        execution: Execution,
        first: First,
        feed: Feed,
        ends: list[StageEnd],
        *,
        cell_within_s: float,
        told_stage: str | None,
    ) -> None:
        """Run the stages of the plan and append how each ended. Raises SandboxError, RejectedError.

        CellError if a stage has waited for a cell for so many seconds. `told_stage`: the log says already
        that the attempt begins with this stage.
        """
        run = _Run(execution, first.plan, feed, cell_within_s, told_stage)
        ends += [_reuse_compiled(run, position, found) for position, found in enumerate(first.cached)]
        position, stage = len(first.cached), first.stage
        cell: Reserved | None = first.cell
        while True:
            end = await self._run_stage(run, position, stage, cell)
            ends.append(end)
            position += 1
            if position == len(run.plan.names) or not isinstance(ending_of(end), Completed):
                return
            stage, cell = run.plan.stage(position, end.verdict.kept), None

    async def _run_stage(self, run: "_Run", position: int, stage: Stage, cell: Reserved | None) -> StageEnd:
        """Run the stage at this position of the plan, and keep its product for the same user's next run."""
        language, feed, plan = run.execution.queued.language, run.feed, run.plan
        kept: dict[StreamName, KeptOutput] = {"stdout": _kept(stage), "stderr": _kept(stage)}
        order = ReadOrder()

        def take(stream: StreamName, piece: bytes) -> None:
            kept[stream].add(piece)
            order.add(stream, len(piece))
            feed.write(stage.name, stream, piece)

        if stage.keep is not None:
            metrics.COMPILE_CACHE.labels(result="miss").inc()
        if position > 0 or stage.name != run.told_stage:
            estimate_s = self._estimates.seconds(language, stage.name)
            feed.progress(stage.name, plan.percent(position), started(stage.name), estimate_s)
        verdict = await self._in_a_cell(run, stage, cell, take)
        self._estimates.learn(language, stage.name, verdict.wall_ms / 1000)
        percent = plan.percent(position + 1)
        feed.progress(stage.name, percent, f"{stage.name} complete", 0.0 if percent == 100 else None)
        end = StageEnd(
            stage.name,
            verdict,
            kept["stdout"].head,
            kept["stderr"].head,
            makes_product=stage.keep is not None,
            order=order,
            stdout_tail=kept["stdout"].tail,
            stderr_tail=kept["stderr"].tail,
        )
        await self._keep(run.execution.queued, stage, end)
        return end

    async def _find(self, queued: JobQueued, stage: Stage) -> Compiled | None:
        if stage.keep is None:
            return None
        return self._compiled.find(queued.user_id, await self._key(queued, stage))

    async def _keep(self, queued: JobQueued, stage: Stage, end: StageEnd) -> None:
        if isinstance(ending_of(end), Completed) and end.verdict.kept is not None:
            made = Compiled(end.verdict.kept, end.stdout, end.stderr)
            self._compiled.keep(queued.user_id, await self._key(queued, stage), made)

    async def _key(self, queued: JobQueued, stage: Stage) -> str:
        offered, digest = self._languages[queued.language], self._sandbox.isolation.runtime_digest
        key = partial(key_of, queued.user_id, offered, stage, runtime_digest=digest)
        if sum(len(file.content) for file in stage.files) > HASHED_AT_ONCE_BYTES:
            return await asyncio.to_thread(key)
        return key()

    async def _in_a_cell(self, run: "_Run", stage: Stage, cell: Reserved | None, take: OutputSink) -> Verdict:
        """Run the stage in this cell, or in the next that can be had, a few times. Raises SandboxError."""
        stop, tries = run.execution.stop, 0
        while True:
            try:
                cell = cell or await self._sandbox.reserve(stage)
                return await cell.run(output=take, stop=stop)
            except CellError as error:
                cell, tries = None, tries + 1
                self._supply.report_failure(str(error))
                if tries == TRIES_MAX or not await self._supply.wait_until_recovered(
                    stop, within_s=run.cell_within_s
                ):
                    raise
                await asyncio.sleep(RETRY_PAUSE_S)


@dataclass(frozen=True, slots=True)
class _Run:
    """What all stages of one attempt share."""

    execution: Execution
    plan: Plan
    feed: Feed
    cell_within_s: float
    told_stage: str | None


def _kept(stage: Stage) -> KeptOutput:
    """What is kept of one stream: all that may be printed, of an interactive program beginning and end."""
    most = stage.limits.output_bytes
    if stage.live is None:
        return KeptOutput(head_max=most)
    return KeptOutput(head_max=most - most // 2, tail_max=most // 2)


def _reuse_compiled(run: _Run, position: int, found: Compiled) -> StageEnd:
    """A stage that used nothing, because it was not run. Its warnings are as true as they were."""
    name = run.plan.names[position]
    metrics.COMPILE_CACHE.labels(result="hit").inc()
    run.feed.write(name, "stdout", found.stdout)
    run.feed.write(name, "stderr", found.stderr)
    run.feed.progress(name, run.plan.percent(position + 1), "compiled before", None)
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
    return StageEnd(name, verdict, found.stdout, found.stderr, makes_product=True, cached=True)
