"""One stage in a warm cell, in a cold one, and with no sandbox at all, language by language.

``python -m bench.sandbox``: the three sides take turns in rounds. Latency is from asking for the run to its
verdict, one run at a time with the pool full; throughput is with four at a time, the making of cells
included. All three have the same environment and options, since interpreters read them: `bare` is what a
cell's program would be without its cell.
"""

import asyncio
import contextlib
import shutil
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import console, ratio, summary
from services.executor.attempts.compiler_tools import Tools
from services.executor.languages import catalogue, stages
from services.executor.sandbox.cold.sandbox import open_cold_sandbox
from services.executor.sandbox.interface import CellFile, Sandbox, Stage
from services.executor.sandbox.isolation.filesystem import BASE_ENVIRONMENT
from services.executor.sandbox.warm.runtimes import JAVA_OPTIONS
from services.executor.sandbox.warm.sandbox import WarmSandbox, open_warm_sandbox
from shared.domain.events import Limits

ROUNDS = 5
PER_ROUND = 20
AT_ONCE = 4
SATURATED = 200
MIB = 1024 * 1024
PYTHON_ENVIRONMENT = (("PYTHONUNBUFFERED", "1"), ("PYTHONDONTWRITEBYTECODE", "1"))

Once = Callable[[], Awaitable[float]]
"""Runs once; milliseconds."""


@dataclass(frozen=True)
class Program:
    """The smallest program of a language, and what its interpreter is called. `product` is what it was
    compiled to.
    """

    command: str
    file: str
    source: bytes
    env: tuple[tuple[str, str], ...] = ()
    memory_bytes: int = 256 * MIB
    product: bytes | None = None


PROGRAMS = {
    "python": Program("python3", "main.py", b"print(1)", env=PYTHON_ENVIRONMENT),
    "node": Program("node", "main.js", b"console.log(1)", memory_bytes=512 * MIB),
    "bash": Program("bash", "main.sh", b"echo 1"),
    "perl": Program("perl", "main.pl", b'print "1\\n";'),
    "ruby": Program("ruby", "main.rb", b"puts 1"),
    "php": Program("php", "main.php", b"<?php echo 1;"),
}
JAVA = catalogue.load_languages()["java"]
JAVA_SOURCE = b"class Main { public static void main(String[] args) { System.out.println(1); } }"


async def java(sandbox: Sandbox) -> Program:
    """Java's, compiled as the catalogue does it."""
    file = CellFile("Main.java", JAVA_SOURCE)
    submitted = stages.Program((file,), file.path, JAVA.default_limits)
    asked = stages.compile_stage(JAVA, submitted, await Tools(sandbox).of(JAVA))
    verdict = await sandbox.run(asked, output=lambda _stream, _piece: None, stop=asyncio.Event())
    return Program("java", "program.jar", b"", product=verdict.kept)


def stage(program: Program) -> Stage:
    """What the catalogue would ask for."""
    if program.product is not None:
        return stages.run_stage(
            JAVA, stages.Program((), JAVA.entrypoint, JAVA.default_limits), program.product
        )
    return Stage(
        name="run",
        argv=(program.command, f"/work/{program.file}"),
        files=(CellFile(program.file, program.source),),
        limits=Limits(memory_bytes=program.memory_bytes),
        env=program.env,
    )


def bare(program: Program, directory: Path) -> Once:
    """The same program without any sandbox; Python without what its users may have installed."""
    file = directory / program.file
    file.write_bytes(program.product or program.source)
    words: tuple[str, ...] = (program.command, str(file))
    if program.command == "python3":
        words = ("python3", "-I", "-c", "print(1)")
    elif program.product is not None:
        words = ("java", *JAVA_OPTIONS, "-cp", str(file), "Main")
    found = shutil.which(words[0], path=dict(BASE_ENVIRONMENT)["PATH"])
    assert found is not None
    environment = {**dict(BASE_ENVIRONMENT), **dict(program.env), "HOME": str(directory)}

    async def once() -> float:
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            found, *words[1:], stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, env=environment, cwd=directory
        )
        await process.communicate()
        return (time.perf_counter() - began) * 1000

    return once


def boxed(sandbox: Sandbox, program: Program) -> Once:
    """Run the program in a cell."""
    asked = stage(program)

    async def once() -> float:
        stop = asyncio.Event()
        began = time.perf_counter()
        verdict = await sandbox.run(asked, output=lambda _stream, _piece: None, stop=stop)
        if verdict.exit_code != 0:
            raise SystemExit(f"{program.command} failed: {verdict}")
        return (time.perf_counter() - began) * 1000

    return once


def has(command: str) -> bool:
    """Whether this host has the interpreter in a place that cells see."""
    return shutil.which(command, path=dict(BASE_ENVIRONMENT)["PATH"]) is not None


async def saturated(once: Once) -> float:
    """Runs a second with `AT_ONCE` of them going on at a time."""

    async def repeat() -> None:
        for _ in range(SATURATED // AT_ONCE):
            await once()

    began = time.perf_counter()
    await asyncio.gather(*(repeat() for _ in range(AT_ONCE)))
    return SATURATED / (time.perf_counter() - began)


def idle_bytes(warm: WarmSandbox) -> float:
    """What an idle cell takes of the machine's memory: its share of all that the sandbox's processes take."""
    taken, facts = 0, warm.isolation
    assert facts.uid is not None
    users = {0, *range(facts.uid - 1, facts.uid + facts.uids)}  # the zygote's comes before those of its cells
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if process.stat().st_uid in users and is_of_a_cell(process):
                taken += proportional_bytes(process)
    return taken / warm.cells_ready


def is_of_a_cell(process: Path) -> bool:
    """Whether it stands in a deeper pid namespace, and so is the zygote's or a cell's."""
    lines = (process / "status").read_text().splitlines()
    return any(line.startswith("NSpid:") and len(line.split()) > 2 for line in lines)


def proportional_bytes(process: Path) -> int:
    """Pss: each shared page divided among its sharers."""
    lines = (process / "smaps_rollup").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


async def latencies(warm: WarmSandbox, sides: dict[str, Once], language: str) -> dict[str, float]:
    """Print how long one run takes on each side; the medians."""
    times: dict[str, list[float]] = {side: [] for side in sides}
    for once in sides.values():
        await once()
    for _ in range(ROUNDS):
        for side, once in sides.items():
            for _ in range(PER_ROUND):
                await warm.full()
                times[side].append(await once())
    for side, values in times.items():
        console.print(summary(values).row(f"{language}, {side}", "ms"))
    return {side: summary(values).median for side, values in times.items()}


async def rates(sides: dict[str, Once]) -> dict[str, float]:
    """Print how many runs a second each side gets done; the medians."""
    found: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(ROUNDS):
        for side, once in sides.items():
            found[side].append(await saturated(once))
    for side, values in found.items():
        console.print(summary(values).row(f"python saturated, {side}", "/s"))
    return {side: summary(values).median for side, values in found.items()}


async def measure() -> None:
    """Print every side and the ratios."""
    medians: dict[str, dict[str, float]] = {}
    with TemporaryDirectory() as directory:
        async with open_warm_sandbox() as warm, open_cold_sandbox() as cold:

            def sides(program: Program) -> dict[str, Once]:
                return {
                    "warm": boxed(warm, program),
                    "cold": boxed(cold, program),
                    "bare": bare(program, Path(directory)),
                }

            await warm.full()
            console.print(f"an idle cell takes {idle_bytes(warm) / MIB:.1f} MiB")
            programs = {name: program for name, program in PROGRAMS.items() if has(program.command)}
            if has("javac"):
                programs["java"] = await java(warm)
            for language, program in programs.items():
                medians[language] = await latencies(warm, sides(program), language)
            saturation = await rates(sides(PROGRAMS["python"]))
    ratio("python_warm_p50", medians["python"]["warm"], medians["python"]["bare"], "lower")
    ratio("python_saturated", saturation["warm"], saturation["bare"], "higher")
    for language in ("node", "java"):
        if language in medians:
            ratio(f"{language}_warm_p50", medians[language]["warm"], medians[language]["bare"], "lower")


if __name__ == "__main__":
    asyncio.run(measure())
