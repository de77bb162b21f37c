"""Builds single stages of a program; a `Plan` puts them in order.

Placeholders of a language file become words of a command line. No text of a user is ever interpreted by a
shell.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from msgspec import UnsetType

from services.executor.languages.catalogue import COMPILER_ARGS, FOLDER, INTERPRETER_ARGS, MIB, Language
from services.executor.sandbox.interface import (
    NO_STDIN,
    CellFile,
    GivenStdin,
    LiveStdin,
    RejectedError,
    Stage,
    Stdin,
)
from services.executor.sandbox.isolation.filesystem import WORK
from services.executor.sandbox.warm.runtimes import STACK_BYTES
from shared.domain.allowed_words import WORD_LENGTH_MAX, refused
from shared.domain.events import JobQueued, Limits, SourceFile, StoredFile

TOOLS = ".headrace"
"""The folder below the work directory in which a compile stage finds its language's tools."""
STACK_BYTES_MAX = 1024 * MIB
"""The most that a Java virtual machine takes."""

COMPILE_LIMITS = Limits(
    wall_ms=30_000, cpu_ms=30_000, memory_bytes=1024 * MIB, disk_bytes=256 * MIB, files_open=1024
)
"""A compiler gets higher limits than a program: optimising a large unit of C++ takes most of this."""


@dataclass(frozen=True, slots=True)
class Program:
    """One submitted program, as its stages need it. Paths are relative and already checked."""

    files: tuple[CellFile, ...]
    entrypoint: str
    limits: Limits
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    stdin: Stdin = NO_STDIN
    artifacts: tuple[str, ...] = ()
    compiler_args: tuple[str, ...] = ()
    interpreter_args: tuple[str, ...] = ()
    directory: str = ""
    """Where it starts, if not in the work directory."""


StoredContents: TypeAlias = Mapping[StoredFile, bytes]
NOTHING_STORED: StoredContents = MappingProxyType({})


def program_of(
    queued: JobQueued, stored: StoredContents = NOTHING_STORED, live: LiveStdin | None = None
) -> Program:
    """The program that a job was queued with; `stored` has the content of each of its stored files.

    `live` is the standard input of an interactive job.
    """
    return Program(
        files=tuple(CellFile(file.name, _content(file, stored)) for file in queued.files),
        entrypoint=queued.entrypoint,
        limits=queued.limits,
        args=queued.args,
        env=tuple(queued.env.items()),
        stdin=live or (GivenStdin(_content(queued.stdin, stored)) if queued.stdin else NO_STDIN),
        artifacts=queued.artifacts,
        compiler_args=queued.compiler_args or (),
        interpreter_args=queued.interpreter_args or (),
        directory=queued.working_directory or "",
    )


def check_words(language: Language, program: Program) -> None:
    """Raises RejectedError for a word that this language file does not allow, whatever the api allowed."""
    for name, words, forms in (
        ("compiler_args", program.compiler_args, language.compiler_forms),
        ("interpreter_args", program.interpreter_args, language.interpreter_forms),
    ):
        if places := refused(words, forms):
            word = words[places[0]][:WORD_LENGTH_MAX]
            raise RejectedError(f"{word!r} is not one of the {name} that {language.name} allows here")


def tool_files(language: Language) -> tuple[CellFile, ...]:
    """The tools of a language's compiler, from the folder of languages."""
    paths = [FOLDER / name for name in (language.compile.tools if language.compile else ())]
    return tuple(CellFile(f"{TOOLS}/{path.name}", path.read_bytes()) for path in paths)


def prepare_stage(language: Language) -> Stage | None:
    """The stage that builds one file from the tools; None if they are used as they are."""
    if language.compile is None or language.compile.prepare is None:
        return None
    return Stage(
        name="compile",
        argv=language.compile.prepare.argv,
        files=tool_files(language),
        limits=language.compile.limits.applied_to(COMPILE_LIMITS),
        keep=language.compile.prepare.product,
    )


def compile_stage(language: Language, program: Program, tools: tuple[CellFile, ...] = ()) -> Stage:
    """The stage that makes the product with `tools`, of a language with a compiler.

    A compiler's temporary files count as its disk, since /tmp is too small for them. A submitted file with
    the path of a tool is hidden from the compiler.
    """
    assert language.compile is not None, f"{language.name} has no compiler"
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
        env=tuple(
            {
                **language.env,
                **_stack_env(language, program.limits),
                **_terminal_env(program.stdin),
                **dict(program.env),
            }.items()
        ),
        stdin=program.stdin,
        artifacts=program.artifacts,
        directory=program.directory,
    )


def _argv(template: tuple[str, ...], language: Language, program: Program) -> tuple[str, ...]:
    """The words of a command line. `name=value` of the template gives way to the submission's own."""
    own = {word.partition("=")[0] for part in template for word in _added(part, program) if "=" in word}
    parts = [part for part in template if "=" not in part or part.partition("=")[0] not in own]
    return tuple(word for part in parts for word in _words(part, language, program))


def _added(part: str, program: Program) -> tuple[str, ...]:
    """The words that a submission adds in this place."""
    return {COMPILER_ARGS: program.compiler_args, INTERPRETER_ARGS: program.interpreter_args}.get(part, ())


def _words(part: str, language: Language, program: Program) -> Iterator[str]:
    """The words of a command line. Paths are absolute, so that a file called `-c` is never taken for an
    option."""
    match part:
        case "{entrypoint}":
            yield f"{WORK}/{program.entrypoint}"
        case "{sources}":
            endings = tuple(f".{each}" for each in (language.extension, *language.other_extensions))
            sources = {file.path for file in program.files if file.path.endswith(endings)}
            yield from sorted(f"{WORK}/{path}" for path in sources)
            if program.entrypoint not in sources and language.compile is not None:
                for word in language.compile.entrypoint_as:
                    yield from _words(word, language, program)
        case "{product}":
            assert language.compile is not None
            yield f"{WORK}/{language.compile.product}"
        case "{args}":
            yield from program.args
        case "{compiler_args}" | "{interpreter_args}":
            yield from _added(part, program)
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
    """How much of its thread's stack a virtual machine may use before it throws: less than its size."""
    if limits.stack_bytes is None:
        return STACK_BYTES
    return min(limits.stack_bytes, STACK_BYTES_MAX) * 7 // 8 // 4096 * 4096


def _terminal_env(stdin: Stdin) -> dict[str, str]:
    """What tells programs which terminal they run in."""
    return {"TERM": "xterm-256color"} if isinstance(stdin, LiveStdin) and stdin.terminal else {}


def _stack_env(language: Language, limits: Limits) -> dict[str, str]:
    if limits.stack_bytes is None:
        return {}
    return {name: _numbered(value, limits) for name, value in language.stack_env.items()}


def _content(file: SourceFile, stored: StoredContents) -> bytes:
    if not isinstance(file.stored, UnsetType):
        return stored[file.stored]
    return base64.b64decode(file.content) if file.encoding == "base64" else file.content.encode()
