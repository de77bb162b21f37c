"""Options shared by `run` and `submit`, and the submission made from them."""

import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.cli.run import UnknownLanguageError, language_of
from headrace.client.encoding import content_of
from headrace.client.errors import HeadraceError
from headrace.client.models import Language

STANDARD_INPUT = Path("-")
UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}


def parse_size(text: str) -> int:
    """Bytes of "512K", "256M", "256MiB", "1.5G" or a plain number. Raises typer.BadParameter."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([kmg]?)(?:i?b)?", text.strip().lower())
    if match is None or not (size := int(float(match[1]) * UNITS[match[2]])):
        raise typer.BadParameter(f"{text!r} is no size, such as 256M or 1G (of 1024)")
    return size


def parse_pair(text: str) -> str:
    """The text itself, if it is NAME=VALUE. Raises typer.BadParameter."""
    if not text.partition("=")[1] or text.startswith("="):
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE")
    return text


def parse_input(text: str) -> Path:
    """A file that can be read, or ``-`` for standard input. Raises typer.BadParameter."""
    path = Path(text)
    if path == STANDARD_INPUT:
        return path
    if not path.exists():
        raise typer.BadParameter(f"file {text!r} does not exist")
    if path.is_dir():
        raise typer.BadParameter(f"{text!r} is a directory")
    if not os.access(path, os.R_OK):
        raise typer.BadParameter(f"file {text!r} cannot be read")
    return path


Source = Annotated[Path, typer.Argument(parser=parse_input, metavar="FILE", help="- is standard input.")]
Words = Annotated[list[str] | None, typer.Argument(metavar="ARGUMENT...", help="The program's own.")]
LanguageName = Annotated[str | None, typer.Option(help="Where the file's name does not tell.")]
Files = Annotated[
    list[Path] | None,
    typer.Option(
        "--file",
        exists=True,
        dir_okay=False,
        readable=True,
        help="One more file, placed as it lies to FILE. May be repeated.",
    ),
]
Environment = Annotated[
    list[str] | None,
    typer.Option("--env", parser=parse_pair, metavar="NAME=VALUE", help="May be repeated."),
]
Labels = Annotated[
    list[str] | None,
    typer.Option("--label", parser=parse_pair, metavar="NAME=VALUE", help="May be repeated."),
]
CompilerArgs = Annotated[
    list[str] | None,
    typer.Option("--compiler-arg", metavar="WORD", help="For the compiler, such as -O3. May be repeated."),
]
InterpreterArgs = Annotated[
    list[str] | None,
    typer.Option(
        "--interpreter-arg", metavar="WORD", help="For the interpreter, such as -O. May be repeated."
    ),
]
WorkingDirectory = Annotated[
    str | None, typer.Option(metavar="DIRECTORY", help="Where the program starts: /work or /mnt/data.")
]
Memory = Annotated[
    int | None, typer.Option("--memory", parser=parse_size, metavar="SIZE", help="Limit, such as 256M.")
]
WallMs = Annotated[int | None, typer.Option(min=1, help="Wall time limit.")]
Clamp = Annotated[
    bool, typer.Option("--clamp", help="Lower limits to what the service allows, instead of failing.")
]
Stdin = Annotated[
    Path | None,
    typer.Option(
        parser=parse_input, metavar="FILE", help="The program's standard input; - is this command's."
    ),
]
Artifact = Annotated[
    list[str] | None, typer.Option(help="A pattern of files to keep, such as out/**. May be repeated.")
]
Key = Annotated[str | None, typer.Option(help="Idempotency key.")]


class StandardInputError(HeadraceError):
    """Standard input cannot be both the program and its input, or there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The options given for one program; `reads_ours` if it gets our standard input without `--stdin`."""

    source: Path
    words: list[str] | None = None
    language: str | None = None
    files: list[Path] | None = None
    env: list[str] | None = None
    labels: list[str] | None = None
    memory_bytes: int | None = None
    wall_ms: int | None = None
    clamp: bool = False
    stdin: Path | None = None
    artifacts: list[str] | None = None
    compiler_args: list[str] | None = None
    interpreter_args: list[str] | None = None
    working_directory: str | None = None
    reads_ours: bool = False

    def read(self) -> "Loaded":
        """Read its files and its input. Raises OSError, StandardInputError."""
        is_ours = self.source == STANDARD_INPUT
        if is_ours and self.stdin == STANDARD_INPUT:
            raise StandardInputError("standard input is FILE or --stdin, not both")
        content = _our_input() if is_ours else self.source.read_bytes()
        more = [(path_in_work(path, self.source), path.read_bytes()) for path in self.files or ()]
        return Loaded(self, content, more, self._stdin(is_ours=is_ours))

    def _stdin(self, *, is_ours: bool) -> bytes:
        if self.stdin is not None:
            return _our_input() if self.stdin == STANDARD_INPUT else self.stdin.read_bytes()
        # A terminal is not read: the program would wait for an end of input that is not typed.
        if is_ours or not self.reads_ours or sys.stdin is None or sys.stdin.isatty():
            return b""
        return _our_input()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A program with the contents of its files."""

    program: Program
    content: bytes
    more: Sequence[tuple[str, bytes]]
    stdin: bytes

    def submission(self, languages: Sequence[Language]) -> dict[str, Any]:
        """The body for `POST /v1/jobs`. Raises UnknownLanguageError."""
        program = self.program
        if program.source == STANDARD_INPUT:
            if program.language is None:
                raise UnknownLanguageError("which language is on standard input? Say it with --language")
            name = entrypoint_of(program.language, languages)
        else:
            name = program.source.name
        made: dict[str, Any] = {
            "language": program.language or language_of(program.source, languages),
            "files": [
                {"name": each, **content_of(content)} for each, content in ((name, self.content), *self.more)
            ],
            "entrypoint": name,
            "args": words_of(program.words),
            "env": pairs(program.env),
            "labels": pairs(program.labels),
            "artifacts": program.artifacts or [],
        }
        later = {
            "compiler_args": program.compiler_args,
            "interpreter_args": program.interpreter_args,
            "working_directory": program.working_directory,
        }
        # An earlier service does not know these fields.
        made |= {name: value for name, value in later.items() if value}
        if self.stdin:
            stdin = content_of(self.stdin)
            made |= {"stdin": stdin["content"], "stdin_encoding": stdin["encoding"]}
        if program.clamp:
            made["limits_policy"] = "clamp"
        limits = {"wall_ms": program.wall_ms, "memory_bytes": program.memory_bytes}
        return made | {"limits": {name: value for name, value in limits.items() if value is not None}}


def words_of(arguments: list[str] | None) -> list[str]:
    """A program's arguments, without the ``--`` that may separate them from the file."""
    words = arguments or []
    return words[1:] if words[:1] == ["--"] else words


def pairs(assignments: Iterable[str] | None) -> dict[str, str]:
    """Each NAME=VALUE; the last one of a name wins."""
    return {name: value for name, _, value in (pair.partition("=") for pair in assignments or ())}


def path_in_work(path: Path, source: Path) -> str:
    """The path of a file in the work directory: relative to the source, or beside it if it is elsewhere."""
    root = Path.cwd() if source == STANDARD_INPUT else source.parent
    relative = os.path.relpath(path, root)
    return path.name if Path(relative).parts[0] == ".." else relative


def entrypoint_of(name: str, languages: Sequence[Language]) -> str:
    """The entrypoint that the language gives a program without a name."""
    for language in languages:
        if name == language.name or name in language.aliases:
            return language.entrypoint
    return "main"


def _our_input() -> bytes:
    if sys.stdin is None:
        raise StandardInputError("there is no standard input to read")
    return sys.stdin.buffer.read()
