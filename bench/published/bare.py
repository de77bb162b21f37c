"""Interpreters and compilers without any sandbox, each program in a directory of its own."""

import asyncio
import hashlib
import shutil
import time
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from bench.published.programs import FILES, Program
from bench.published.side import Timed

COMPILERS = {"c++": ("g++", "-o", "main", "main.cpp"), "java": ("javac", "Main.java")}
COMMANDS = {
    "python": ("python3", "-I", "main.py"),
    "javascript": ("node", "main.js"),
    "c++": ("./main",),
    "java": ("java", "-cp", ".", "Main"),
}
SYSTEM = "/usr/local/bin:/usr/bin:/bin"


class Bare:
    """Compiles a text once, and starts it as often as it is asked."""

    name = "bare interpreter"

    def __init__(self, directory: Path) -> None:
        """Everything is kept below this directory."""
        self._directory = directory

    def offers(self, program: Program) -> bool:
        """Where the system has its commands."""
        language = program.language
        tools = [COMMANDS[language], *([COMPILERS[language]] if language in COMPILERS else [])]
        return all(tool[0].startswith("./") or shutil.which(tool[0], path=SYSTEM) for tool in tools)

    async def run(self, program: Program, client: int) -> Timed:
        """Compile it if it is new, and run it."""
        began = time.perf_counter()
        digest = hashlib.sha256(f"{client} {program.code}".encode()).hexdigest()[:16]
        place = self._directory / f"{program.language}-{digest}"
        if not place.exists():
            place.mkdir(parents=True)
            (place / FILES[program.language]).write_text(program.code)
            if program.language in COMPILERS:
                await _call(COMPILERS[program.language], place)
        process = await asyncio.create_subprocess_exec(
            *COMMANDS[program.language],
            cwd=place,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={"PATH": SYSTEM},
        )
        assert process.stdin is not None, "it is a pipe"
        assert process.stdout is not None, "it is a pipe"
        process.stdin.write(program.stdin.encode())
        process.stdin.close()
        await process.stdout.read(1)
        first_ms = (time.perf_counter() - began) * 1000
        await process.stdout.read()
        if await process.wait() != 0:
            raise RuntimeError(f"{program.name} in {program.language} failed")
        return Timed(first_ms, (time.perf_counter() - began) * 1000)


async def _call(command: tuple[str, ...], place: Path) -> None:
    process = await asyncio.create_subprocess_exec(*command, cwd=place, env={"PATH": SYSTEM})
    if await process.wait() != 0:
        raise RuntimeError(f"{command[0]} failed")
