"""One stage in a warm cell, in a cold one, and with no sandbox at all.

``python -m bench.sandbox``: the three sides take turns in rounds. Latency is from asking for the run to its
verdict, when nothing of the cell is left, one run at a time with the pool full; throughput is with four at a
time, the making of cells included.
"""

import asyncio
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Awaitable, Callable

from bench.measure import console, interpreter, ratio, summary
from services.executor.sandbox.bubblewrap import open_cold_sandbox
from services.executor.sandbox.sandbox import CellFile, Sandbox, Stage
from services.executor.sandbox.warm import open_warm_sandbox
from shared.events import Limits

ROUNDS = 5
PER_ROUND = 20
AT_ONCE = 4
SATURATED = 200
MIB = 1024 * 1024

Once = Callable[[], Awaitable[float]]
"""Runs once; milliseconds."""


def stage(language: str) -> Stage:
    """What the catalogue would ask for."""
    if language == "python":
        argv, name, content = ("python3", "/work/main.py"), "main.py", b"print(1)"
    elif language == "node":
        argv, name, content = ("node", "/work/main.js"), "main.js", b"console.log(1)"
    else:
        argv, name, content = ("bash", "/work/main.sh"), "main.sh", b"echo 1"
    return Stage(
        name="run",
        argv=argv,
        files=(CellFile(name, content),),
        limits=Limits(memory_bytes=512 * MIB) if language == "node" else Limits(),
        env=(("PYTHONUNBUFFERED", "1"), ("PYTHONDONTWRITEBYTECODE", "1")) if language == "python" else (),
    )


def bare(language: str) -> Once:
    """The same program without any sandbox."""
    command = {
        "python": (interpreter(), "-I", "-c", "print(1)"),
        "node": ("node", "-e", "console.log(1)"),
        "bash": ("bash", "-c", "echo 1"),
    }[language]

    async def once() -> float:
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL)
        await process.communicate()
        return (time.perf_counter() - began) * 1000

    return once


def boxed(sandbox: Sandbox, language: str) -> Once:
    """In a cell."""
    asked = stage(language)

    async def once() -> float:
        stop = asyncio.Event()
        began = time.perf_counter()
        verdict = await sandbox.run(asked, output=lambda _stream, _piece: None, stop=stop)
        if verdict.exit_code != 0:
            raise SystemExit(f"{language} failed: {verdict}")
        return (time.perf_counter() - began) * 1000

    return once


async def saturated(once: Once) -> float:
    """Runs a second with `AT_ONCE` of them going on at a time."""

    async def repeat() -> None:
        for _ in range(SATURATED // AT_ONCE):
            await once()

    began = time.perf_counter()
    await asyncio.gather(*(repeat() for _ in range(AT_ONCE)))
    return SATURATED / (time.perf_counter() - began)


async def measure() -> None:
    """Print every side and the ratios."""
    medians: dict[tuple[str, str], float] = {}
    async with open_warm_sandbox() as warm, open_cold_sandbox() as cold:
        for language in ("python", "node", "bash"):
            sides = {"warm": boxed(warm, language), "cold": boxed(cold, language), "bare": bare(language)}
            times: dict[str, list[float]] = {side: [] for side in sides}
            for _ in range(ROUNDS):
                for side, once in sides.items():
                    for _ in range(PER_ROUND):
                        await warm.full()
                        times[side].append(await once())
            for side, values in times.items():
                console.print(summary(values).row(f"{language}, {side}", "ms"))
                medians[language, side] = summary(values).median
        rates = {
            side: summary([await saturated(once) for _ in range(3)])
            for side, once in {
                "warm": boxed(warm, "python"),
                "cold": boxed(cold, "python"),
                "bare": bare("python"),
            }.items()
        }
    for side, found in rates.items():
        console.print(found.row(f"python saturated, {side}", "/s"))
    ratio("python_warm_p50", medians["python", "warm"], medians["python", "bare"], "lower")
    ratio("python_saturated", rates["warm"].median, rates["bare"].median, "higher")
    ratio("node_warm_p50", medians["node", "warm"], medians["node", "bare"], "lower")


if __name__ == "__main__":
    asyncio.run(measure())
