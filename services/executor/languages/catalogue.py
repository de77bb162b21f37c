"""Which languages there are, which of them this host offers, and what stages a program of one takes.

One TOML file a language, in the folder beside this module. A language is offered if its version command
succeeds inside a cell, so presence is judged as the program will see it, never by looking around on the host.
A placeholder stands for whole words of a command line, one of a number for a part of one; no user's text is
ever read by a shell.
"""

import asyncio
import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from services.executor.sandbox.interface import CellFile, RejectedError, Sandbox, Stage
from services.executor.sandbox.isolation.filesystem import WORK
from services.executor.sandbox.warm.runtimes import STACK_BYTES
from shared.domain.events import JobQueued, Limits, SourceFile, StreamName

FOLDER = Path(__file__).parent
MIB = 1024 * 1024
VERSION = re.compile(r"\d+(?:\.\d+)+")
TOOLS = ".headrace"
"""The folder, beneath the work directory, in which a compile stage finds the tools of its language."""
PLACEHOLDERS = frozenset({"{entrypoint}", "{sources}", "{product}", "{args}", "{stack_options}"})
NUMBERS = frozenset({"{memory_bytes}", "{stack_bytes}", "{stack_kib}"})
STACK_BYTES_MAX = 1024 * MIB
"""The most that a Java virtual machine takes."""

COMPILE_LIMITS = Limits(
    wall_ms=30_000, cpu_ms=30_000, memory_bytes=1024 * MIB, disk_bytes=256 * MIB, files_open=1024
)
"""A compiler is trusted with more than a program: optimising a large unit of C++ takes most of this."""

VERSION_LIMITS = Limits(wall_ms=20_000, memory_bytes=512 * MIB, output_bytes=16 * 1024)
"""Generous in time: this is asked at the start, when everything else starts as well."""


class LanguageError(Exception):
    """A language file is wrong; the message names the file and the field."""


class LimitChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits in which a language differs from the rest; None leaves them as they are."""

    wall_ms: int | None = None
    cpu_ms: int | None = None
    memory_bytes: int | None = None
    processes: int | None = None
    disk_bytes: int | None = None
    output_bytes: int | None = None
    files_open: int | None = None
    stack_bytes: int | None = None

    def applied_to(self, limits: Limits) -> Limits:
        """The same limits with these changes."""
        changes = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}
        return msgspec.structs.replace(limits, **changes)


class Preparation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command that makes one file, `product`, of a compiler's `tools`."""

    argv: tuple[str, ...]
    product: str


class Compiler(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a program is compiled; `product` is the one file that the run stage gets of it.

    `tools` are files of ours beside the language file, which the compile stage finds in `TOOLS`. With
    `prepare` it finds there what that command makes of them instead, once for each executor. `env` is the
    compiler's alone: the program does not see it.
    """

    argv: tuple[str, ...]
    product: str
    tools: tuple[str, ...] = ()
    prepare: Preparation | None = None
    env: dict[str, str] = {}
    limits: LimitChanges = LimitChanges()


class About(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people are told of a language in docs/languages.md; nothing here goes by it.

    `stack` is how deep a program may call itself, `asked_stack` what `stack_bytes` changes.
    """

    version: str
    packages: tuple[str, ...]
    libraries: str
    stack: str
    asked_stack: str


class Language(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One language file. `limits` is what a program gets that asks for nothing else.

    Files of `extension` or one of `other_extensions` are its sources. `stack_env` is set besides `env` for a
    program that asks for a stack, and `stack_options` take the place of `{stack_options}` then.
    """

    name: str
    extension: str
    entrypoint: str
    version: tuple[str, ...]
    run: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    other_extensions: tuple[str, ...] = ()
    compile: Compiler | None = None
    env: dict[str, str] = {}
    stack_env: dict[str, str] = {}
    stack_options: tuple[str, ...] = ()
    limits: LimitChanges = LimitChanges()
    about: About | None = None

    @property
    def default_limits(self) -> Limits:
        """The run stage's limits where the job names none."""
        return self.limits.applied_to(Limits())


@dataclass(frozen=True, slots=True)
class Offered:
    """A language that works on this host, and the version that its own command tells."""

    language: Language
    version: str


@dataclass(frozen=True, slots=True)
class Program:
    """One submitted program, as its stages need it. Paths are relative and already checked."""

    files: tuple[CellFile, ...]
    entrypoint: str
    limits: Limits
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    stdin: bytes = b""
    artifacts: tuple[str, ...] = ()


def program_of(queued: JobQueued) -> Program:
    """The program that a job was queued with."""
    return Program(
        files=tuple(CellFile(file.name, _content(file)) for file in queued.files),
        entrypoint=queued.entrypoint,
        limits=queued.limits,
        args=queued.args,
        env=tuple(queued.env.items()),
        stdin=_content(queued.stdin) if queued.stdin else b"",
        artifacts=queued.artifacts,
    )


def load_languages(folder: Path = FOLDER) -> dict[str, Language]:
    """Read every language file; languages by name. Raises LanguageError."""
    languages = [_load(path) for path in sorted(folder.glob("*.toml"))]
    meant: dict[str, str] = {}
    for language in languages:
        for name in (language.name, *language.aliases):
            if meant.setdefault(name, language.name) != language.name:
                raise LanguageError(f"{name!r} would mean both {meant[name]!r} and {language.name!r}")
    return {language.name: language for language in languages}


async def offered(sandbox: Sandbox, languages: Mapping[str, Language]) -> dict[str, Offered]:
    """Ask every language for its version, each in a cell of its own. Raises SandboxError."""
    async with asyncio.TaskGroup() as group:
        asked = {name: group.create_task(_version(sandbox, each)) for name, each in languages.items()}
    return {
        name: Offered(languages[name], version) for name, task in asked.items() if (version := task.result())
    }


def tool_files(language: Language) -> tuple[CellFile, ...]:
    """The tools of a language's compiler, as they lie in the folder of languages."""
    paths = [FOLDER / name for name in (language.compile.tools if language.compile else ())]
    return tuple(CellFile(f"{TOOLS}/{path.name}", path.read_bytes()) for path in paths)


def prepare_stage(language: Language) -> Stage | None:
    """The stage that makes one file of the tools; None where they serve as they are."""
    if language.compile is None or language.compile.prepare is None:
        return None
    return Stage(
        name="compile",
        argv=language.compile.prepare.argv,
        files=tool_files(language),
        limits=language.compile.limits.applied_to(COMPILE_LIMITS),
        keep=language.compile.prepare.product,
    )


def compile_stage(language: Language, program: Program, tools: tuple[CellFile, ...] = ()) -> Stage | None:
    """The stage that makes the product, by means of `tools`; None for languages that need none.

    A compiler's temporary files count as its disk, since /tmp is too small for them. A submitted file that
    has the path of a tool is not seen by the compiler.
    """
    if language.compile is None:
        return None
    taken = {tool.path for tool in tools}
    return Stage(
        name="compile",
        argv=_argv(language.compile.argv, language, program),
        files=(*(file for file in program.files if file.path not in taken), *tools),
        limits=language.compile.limits.applied_to(COMPILE_LIMITS),
        env=tuple({"TMPDIR": WORK, **language.env, **language.compile.env}.items()),
        keep=language.compile.product,
    )


def run_stage(language: Language, program: Program, product: bytes | None = None) -> Stage:
    """The stage that runs the program, or the `product` of its compile stage beside the submitted files."""
    files = program.files
    if language.compile is not None:
        if product is None:
            raise RejectedError(f"the compiler made no {language.compile.product}")
        others = (file for file in files if file.path != language.compile.product)
        files = (*others, CellFile(language.compile.product, product, executable=True))
    return Stage(
        name="run",
        argv=_argv(language.run, language, program),
        files=files,
        limits=program.limits,
        env=tuple({**language.env, **_stack_env(language, program.limits), **dict(program.env)}.items()),
        stdin=program.stdin,
        artifacts=program.artifacts,
    )


def _load(path: Path) -> Language:
    try:
        language = msgspec.toml.decode(path.read_bytes(), type=Language)
    except msgspec.DecodeError as error:
        raise LanguageError(f"{path.name}: {error}") from error
    if language.name != path.stem:
        raise LanguageError(f"{path.name}: the name is {language.name!r}, not {path.stem!r}")
    words = (*language.run, *(language.compile.argv if language.compile else ()))
    if unknown := {word for word in words if word.startswith("{")} - PLACEHOLDERS - NUMBERS:
        raise LanguageError(f"{path.name}: {min(unknown)!r} is not a placeholder")
    if language.compile is None and "{product}" in language.run:
        raise LanguageError(f"{path.name}: a product is run that nothing compiles")
    return language


def _argv(template: tuple[str, ...], language: Language, program: Program) -> tuple[str, ...]:
    return tuple(word for part in template for word in _words(part, language, program))


def _words(part: str, language: Language, program: Program) -> Iterator[str]:
    """Paths are absolute, so that a file called `-c` is never taken for an option."""
    match part:
        case "{entrypoint}":
            yield f"{WORK}/{program.entrypoint}"
        case "{sources}":
            endings = tuple(f".{each}" for each in (language.extension, *language.other_extensions))
            sources = {file.path for file in program.files if file.path.endswith(endings)}
            yield from sorted(f"{WORK}/{path}" for path in sources | {program.entrypoint})
        case "{product}":
            assert language.compile is not None
            yield f"{WORK}/{language.compile.product}"
        case "{args}":
            yield from program.args
        case "{stack_options}":
            if program.limits.stack_bytes is not None:
                yield from (_numbered(option, program.limits) for option in language.stack_options)
        case _:
            yield _numbered(part, program.limits)


def _numbered(part: str, limits: Limits) -> str:
    stack = _machine_stack(limits)
    for name, value in (
        ("{memory_bytes}", limits.memory_bytes),
        ("{stack_bytes}", stack),
        ("{stack_kib}", stack // 1024),
    ):
        part = part.replace(name, str(value))
    return part


def _machine_stack(limits: Limits) -> int:
    """What a virtual machine may use of its thread's stack before it throws: less than there is of it."""
    if limits.stack_bytes is None:
        return STACK_BYTES
    return min(limits.stack_bytes, STACK_BYTES_MAX) * 7 // 8 // 4096 * 4096


def _stack_env(language: Language, limits: Limits) -> dict[str, str]:
    if limits.stack_bytes is None:
        return {}
    return {name: _numbered(value, limits) for name, value in language.stack_env.items()}


async def _version(sandbox: Sandbox, language: Language) -> str | None:
    """What the version command says first, as a number if it says one; None if it does not work here."""
    said = bytearray()

    def listen(_stream: StreamName, piece: bytes) -> None:
        said.extend(piece)

    stage = Stage(name="run", argv=language.version, files=(), limits=VERSION_LIMITS)
    verdict = await sandbox.run(stage, output=listen, stop=asyncio.Event())
    lines = said.decode(errors="replace").strip().splitlines()
    if verdict.exit_code != 0 or not lines:
        return None
    number = VERSION.search(lines[0])
    return number[0] if number else lines[0][:100]


def _content(file: SourceFile) -> bytes:
    return base64.b64decode(file.content) if file.encoding == "base64" else file.content.encode()
