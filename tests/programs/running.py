"""Runs programs of the corpus in a sandbox, as many at a time as there are processors."""

import asyncio
import dataclasses
import os
from collections.abc import Iterable

import msgspec

from services.executor.languages.plan import Plan
from services.executor.sandbox.interface import Sandbox, Stage
from shared.domain.enumerations import StageName
from tests.integration.sandbox.cells import Ran, run
from tests.integration.sandbox.programs import tools_of
from tests.programs.corpus import Ended, OrdinaryProgram

WALL_MS = 120_000
"""Only the answer matters here; a busy machine is no fault of the program. Processor time stays limited."""


async def faults_in(sandbox: Sandbox, programs: Iterable[OrdinaryProgram]) -> list[str]:
    """Run every program to its end; what is wrong with any of them."""
    programs, slots = list(programs), asyncio.Semaphore(os.cpu_count() or 1)
    for program in programs:
        await tools_of(sandbox, program.language)

    async def check(program: OrdinaryProgram) -> list[str]:
        async with slots:
            return program.faults(await end_of(sandbox, program))

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(check(program)) for program in programs]
    return [fault for task in tasks for fault in task.result()]


async def end_of(sandbox: Sandbox, program: OrdinaryProgram) -> Ended:
    """Compile if need be, and run."""
    tools = await tools_of(sandbox, program.language)
    plan = Plan(program.language, program.submission(), tools)
    *compilers, last = range(len(plan.names))
    product = None
    for position in compilers:
        compiled = await run(sandbox, _patient(plan.stage(position, product)))
        if compiled.verdict.exit_code != 0:
            return _ended(plan.names[position], compiled)
        product = compiled.verdict.kept
    return _ended(plan.names[last], await run(sandbox, _patient(plan.stage(last, product))))


def _patient(stage: Stage) -> Stage:
    return dataclasses.replace(stage, limits=msgspec.structs.replace(stage.limits, wall_ms=WALL_MS))


def _ended(stage: StageName, ran: Ran) -> Ended:
    verdict, pieces = ran.verdict, ran.transcript.pieces
    said = bytes(pieces["stderr"])
    if verdict.stopped_by is not None:
        said += f"\n(ended by {verdict.stopped_by})".encode()
    return Ended(stage, verdict.exit_code, verdict.signal, bytes(pieces["stdout"]), said)
