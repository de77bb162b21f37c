"""Runs programs of the corpus on the bare runtimes of this host, without any sandbox.

`python -m tests.programs.bare` runs all of them, `… python c++/sorting` those of a language and one program.
The commands are the ones that a student would type.
"""

import asyncio
import os
import re
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import Iterable
from pathlib import Path

from shared.domain.enumerations import StageName
from tests.programs.corpus import LANGUAGES, Ended, OrdinaryProgram, names_of, read_program

PATH = "/usr/local/bin:/usr/bin:/bin"
WITHIN_S = 60.0

COMPILERS = {
    "c": "cc -std=gnu17 -O2 -Wall -o program {sources} -lm",
    "c++": "c++ -std=gnu++20 -O2 -Wall -o program {sources}",
    "java": "javac -encoding UTF-8 -d .classes {sources}",
    "rust": "rustc -O --edition 2021 -o program {entrypoint}",
    "go": "go build -o program {folder}",
    "typescript": (
        "tsc --strict --target es2022 --lib es2022 --module {module} --moduleResolution node"
        " --esModuleInterop --rootDir . --outDir .compiled {entrypoint}"
    ),
}
RUNNERS = {
    "python": "python3 {entrypoint}",
    "javascript": "node {entrypoint}",
    "typescript": "node .compiled/{stem}.js",
    "bash": "bash {entrypoint}",
    "c": "./program",
    "c++": "./program",
    "java": "java -cp .classes {main_class}",
    "rust": "./program",
    "go": "./program",
    "ruby": "ruby {entrypoint}",
    "php": "php -d display_errors=stderr -d log_errors=0 {entrypoint}",
    "perl": "perl -I. {entrypoint}",
    "lua": "lua5.4 {entrypoint}",
    "sqlite": "sqlite3 -batch -bail -init {entrypoint} :memory: ;",
}
GO_MODULE = b"module program\n\ngo 1.19\n"


async def bare_faults(programs: Iterable[OrdinaryProgram]) -> list[str]:
    """Run every program to its end, as many at a time as there are processors; what is wrong with any."""
    slots = asyncio.Semaphore(os.cpu_count() or 1)
    with tempfile.TemporaryDirectory(prefix="headrace-bare-") as kept:

        async def check(program: OrdinaryProgram) -> list[str]:
            async with slots:
                return program.faults(await bare_end(program, Path(kept)))

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(check(program)) for program in programs]
    return [fault for task in tasks for fault in task.result()]


async def bare_end(program: OrdinaryProgram, kept: Path) -> Ended:
    """Compile if need be, and run; `kept` is where compilers may keep what helps the next one."""
    with tempfile.TemporaryDirectory(prefix="headrace-bare-") as place:
        folder, name = Path(place), program.language.name
        for file in program.files:
            path = folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
        if name == "go" and not (folder / "go.mod").exists():
            (folder / "go.mod").write_bytes(GO_MODULE)
        environment = {"PATH": PATH, "HOME": str(kept), "LANG": "C.UTF-8", "TZ": "UTC"}
        if name in COMPILERS:
            compiled = await _run("compile", _words(COMPILERS[name], program), folder, environment, b"")
            # The types of node's modules are not on every host; tsc writes what it compiled all the same.
            tolerated = name == "typescript" and program.case.stage == "run"
            if compiled.exit_code != 0 and not tolerated:
                return compiled
        if name == "typescript" and program.case.module == "es2022":
            (folder / ".compiled" / "package.json").write_text('{"type": "module"}')
        words = [*_words(RUNNERS[name], program), *program.case.args]
        return await _run("run", words, folder, {**environment, **program.case.env}, program.stdin)


def _words(command: str, program: OrdinaryProgram) -> list[str]:
    language, entrypoint = program.language, program.entrypoint
    endings = tuple(f".{each}" for each in (language.extension, *language.other_extensions))
    sources = [file.path for file in program.files if file.path.endswith(endings)]
    values = {
        "entrypoint": entrypoint,
        "stem": entrypoint.rpartition(".")[0],
        "folder": f"./{Path(entrypoint).parent}",
        "module": program.case.module,
        "main_class": program.case.main_class or _main_class(program),
    }
    found: list[str] = []
    for word in command.split():
        found += sources if word == "{sources}" else [word.format(**values)]
    return found


def _main_class(program: OrdinaryProgram) -> str:
    text = next(file.content.decode() for file in program.files if file.path == program.entrypoint)
    package = re.search(r"^package ([\w.]+);", text, re.MULTILINE)
    return (f"{package[1]}." if package else "") + Path(program.entrypoint).stem


async def _run(
    stage: StageName, words: list[str], folder: Path, environment: dict[str, str], stdin: bytes
) -> Ended:
    command = shutil.which(words[0], path=PATH) or words[0]
    # A file, as behind `<`: programs may ask for its size or go back in it.
    with tempfile.TemporaryFile() as source:
        source.write(stdin)
        source.seek(0)
        process = await asyncio.create_subprocess_exec(
            command, *words[1:], cwd=folder, env=environment, stdin=source, stdout=PIPE, stderr=PIPE,
            start_new_session=True,
        )  # fmt: skip
    try:
        async with asyncio.timeout(WITHIN_S):
            stdout, stderr = await process.communicate()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    code = process.returncode
    assert code is not None
    if stage == "compile":  # tsc complains on stdout
        stdout, stderr = b"", stdout + stderr
    return Ended(stage, code if code >= 0 else None, -code if code < 0 else None, stdout, stderr)


def main(asked: list[str]) -> int:
    """Run what is asked for, or everything; 1 if anything is not as it must be."""
    chosen = []
    for word in asked or list(LANGUAGES):
        language, _, name = word.partition("/")
        chosen += [read_program(language, each) for each in ([name] if name else names_of(language))]
    faults = asyncio.run(bare_faults(chosen))
    sys.stdout.write("".join(f"{fault}\n" for fault in faults))
    sys.stdout.write(f"{len(chosen)} programs, {len(faults)} faults\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
