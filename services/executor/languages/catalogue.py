"""Loads the languages, and detects which of them this host offers.

One TOML file a language, in the folder beside this module. A language is offered if its version command
succeeds inside a cell: availability is tested from inside, never by searching the host. A placeholder stands
for whole words of a command line, one of a number for a part of one (`stages`). Words that a submission may
add are forms (`allowed_words`), several of them written as one with `{this,that}`.
"""

import asyncio
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from services.executor.sandbox.interface import Sandbox, Stage
from shared.domain.allowed_words import check_form
from shared.domain.enumerations import StageName, StreamName
from shared.domain.events import Limits

FOLDER = Path(__file__).parent
MIB = 1024 * 1024
VERSION = re.compile(r"\d+(?:\.\d+)+")
COMPILER_ARGS, INTERPRETER_ARGS = "{compiler_args}", "{interpreter_args}"
PLACEHOLDERS = frozenset(
    {"{entrypoint}", "{sources}", "{product}", "{args}", "{stack_options}", COMPILER_ARGS, INTERPRETER_ARGS}
)
NUMBERS = frozenset({"{memory_bytes}", "{stack_bytes}", "{stack_kib}"})
CHOICE = re.compile(r"\{([^{}]*,[^{}]*)\}")
VERSION_LIMITS = Limits(wall_ms=20_000, memory_bytes=512 * MIB, output_bytes=16 * 1024)
"""Generous in time: versions are read at the start, when everything else starts as well."""


class LanguageError(Exception):
    """A language file is wrong; the message names the file and the field."""


class LimitChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits in which a language differs from the defaults; None keeps the default."""

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
    """A command that builds one file, `product`, from a compiler's `tools`."""

    argv: tuple[str, ...]
    product: str


class Compiler(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a program is compiled; `product` is the one file that the run stage gets from it.

    `tools` are our own files beside the language file, which the compile stage finds in `TOOLS`. With
    `prepare` it finds there what that command builds from them instead, once for each executor. `env` is only
    for the compiler: the program does not see it. `entrypoint_as` is how an entrypoint is given among the
    sources that has none of the language's extensions; by default like any other.
    """

    argv: tuple[str, ...]
    product: str
    tools: tuple[str, ...] = ()
    prepare: Preparation | None = None
    env: dict[str, str] = {}
    limits: LimitChanges = LimitChanges()
    entrypoint_as: tuple[str, ...] = ("{entrypoint}",)


class About(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The description of a language in docs/languages.md, without effect on execution.

    `stack` is how deep a program may recurse, `asked_stack` what `stack_bytes` changes.
    """

    version: str
    packages: tuple[str, ...]
    libraries: str
    stack: str
    asked_stack: str


class Language(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One language file. `limits` are for a program that asks for no others.

    Files of `extension` or one of `other_extensions` are its sources. `stack_env` is set besides `env` for a
    program that asks for a stack, and `stack_options` replace `{stack_options}` then. `compiler_args` and
    `interpreter_args` are the words that a submission may add in the places of these names.
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
    compiler_args: tuple[str, ...] = ()
    interpreter_args: tuple[str, ...] = ()
    limits: LimitChanges = LimitChanges()
    about: About | None = None

    @property
    def stages(self) -> tuple[StageName, ...]:
        """The stages of its programs, in order."""
        return ("run",) if self.compile is None else ("compile", "run")

    @property
    def compiler_forms(self) -> tuple[str, ...]:
        """The forms of words for its compiler, each by itself."""
        return _each_form(self.compiler_args)

    @property
    def interpreter_forms(self) -> tuple[str, ...]:
        """The forms of words for its interpreter, each by itself."""
        return _each_form(self.interpreter_args)

    @property
    def default_limits(self) -> Limits:
        """The run stage's limits if the job names none."""
        return self.limits.applied_to(Limits())


@dataclass(frozen=True, slots=True)
class Offered:
    """A language that works on this host, and the version that its own command prints."""

    language: Language
    version: str


def load_languages(folder: Path = FOLDER) -> dict[str, Language]:
    """Read every language file; languages by name. Raises LanguageError."""
    languages = [_load(path) for path in sorted(folder.glob("*.toml"))]
    meant: dict[str, str] = {}
    for language in languages:
        for name in (language.name, *language.aliases):
            if meant.setdefault(name, language.name) != language.name:
                raise LanguageError(f"{name!r} would mean both {meant[name]!r} and {language.name!r}")
    return {language.name: language for language in languages}


async def probe_languages(sandbox: Sandbox, languages: Mapping[str, Language]) -> dict[str, Offered]:
    """Run every language's version command, each in its own cell. Raises SandboxError."""
    async with asyncio.TaskGroup() as group:
        probes = {name: group.create_task(_version(sandbox, each)) for name, each in languages.items()}
    return {
        name: Offered(languages[name], version) for name, task in probes.items() if (version := task.result())
    }


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
    _check_forms(path, language)
    return language


def _check_forms(path: Path, language: Language) -> None:
    compiled = language.compile.argv if language.compile else ()
    for forms, place, argv in (
        (language.compiler_forms, COMPILER_ARGS, compiled),
        (language.interpreter_forms, INTERPRETER_ARGS, language.run),
    ):
        if bool(forms) != (place in argv):
            raise LanguageError(
                f"{path.name}: {place} is for the words of a list of this name, and for no other"
            )
        try:
            for form in forms:
                check_form(form)
        except ValueError as error:
            raise LanguageError(f"{path.name}: {error}") from error


def _each_form(written: Iterable[str]) -> tuple[str, ...]:
    """The forms that are written as one: each with one word of every `{this,that}`."""
    return tuple("".join(parts) for form in written for parts in itertools.product(*_parts(form)))


def _parts(form: str) -> Iterable[Iterable[str]]:
    """Texts and choices alternate in what `split` makes of a form."""
    return [part.split(",") if number % 2 else (part,) for number, part in enumerate(CHOICE.split(form))]


async def _version(sandbox: Sandbox, language: Language) -> str | None:
    """The version that the command prints first, as a number if there is one; None if it does not work
    here."""
    output = bytearray()

    def listen(_stream: StreamName, piece: bytes) -> None:
        output.extend(piece)

    stage = Stage(name="run", argv=language.version, files=(), limits=VERSION_LIMITS)
    verdict = await sandbox.run(stage, output=listen, stop=asyncio.Event())
    lines = output.decode(errors="replace").strip().splitlines()
    if verdict.exit_code != 0 or not lines:
        return None
    number = VERSION.search(lines[0])
    return number[0] if number else lines[0][:100]
