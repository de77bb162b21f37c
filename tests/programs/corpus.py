"""Reads the corpus: which programs there are, what each is given, and how each must end."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from services.executor.languages.catalogue import Language, load_languages
from services.executor.languages.stages import Program
from services.executor.sandbox.interface import CellFile, GivenStdin
from shared.domain.enumerations import StageName

HERE = Path(__file__).parent
LANGUAGES = load_languages()

MANY = frozenset({"python", "javascript", "typescript", "java", "c++", "go", "rust"})
"""Languages with thirty programs; the others have fifteen."""

FIVE = ("exit_code", "numbers_to_eof", "several_files", "sorting", "unicode_text")
"""Programs that every language has. They also run where running all of them would take too long."""

STDIN, STDOUT, CASE = "stdin", "expected_stdout", "case.toml"
DIFFERENCE_LINES_MAX = 12


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What differs from a program that gets nothing but its input and ends well.

    Each of `stderr` must be a part of stderr, which is empty where there are none. `main_class` and `module`
    say how the bare runtime starts a program of Java and compiles one of TypeScript.
    """

    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    entrypoint: str | None = None
    stage: StageName = "run"
    exit_code: int | None = 0
    signal: int | None = None
    stderr: tuple[str, ...] = ()
    main_class: str | None = None
    module: Literal["commonjs", "es2022"] = "commonjs"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended, wherever it ran."""

    stage: str
    exit_code: int | None
    signal: int | None
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class OrdinaryProgram:
    """One program of the corpus."""

    language: Language
    name: str
    files: tuple[CellFile, ...]
    stdin: bytes
    stdout: bytes
    case: Case

    @property
    def entrypoint(self) -> str:
        """The file that the program begins with."""
        return self.case.entrypoint or self.language.entrypoint

    def submission(self) -> Program:
        """The program as the executor gets it."""
        return Program(
            files=self.files,
            entrypoint=self.entrypoint,
            limits=self.language.default_limits,
            args=self.case.args,
            env=tuple(self.case.env.items()),
            stdin=GivenStdin(self.stdin),
        )

    def faults(self, ended: Ended) -> list[str]:
        """What is not as it must be, one text a fault."""
        case, found = self.case, list[str]()
        expected = (case.stage, None if case.signal else case.exit_code, case.signal)
        if (got := (ended.stage, ended.exit_code, ended.signal)) != expected:
            found.append(f"ended with {got}, not {expected}: {ended.stderr.decode(errors='replace')[-1500:]}")
        if ended.stdout != self.stdout:
            found.append(f"stdout differs:\n{difference(self.stdout, ended.stdout)}")
        said = ended.stderr.decode(errors="replace")
        found += [f"stderr lacks {part!r}: {said[-1500:]}" for part in case.stderr if part not in said]
        if said and not case.stderr:
            found.append(f"stderr is not empty: {said[-1500:]}")
        return [f"{self.language.name}/{self.name}: {fault}" for fault in found]


def difference(expected: bytes, got: bytes) -> str:
    """The first lines that differ, each as Python writes its bytes."""
    expected_lines, got_lines = ([repr(line) for line in text.splitlines(True)] for text in (expected, got))
    lines = difflib.unified_diff(expected_lines, got_lines, "expected", "got", lineterm="", n=1)
    return "\n".join(line[:300] for line, _ in zip(lines, range(DIFFERENCE_LINES_MAX), strict=False))


def names_of(language: str) -> list[str]:
    """The names of all programs of a language."""
    return sorted(path.name for path in (HERE / language).iterdir())


def read_program(language: str, name: str) -> OrdinaryProgram:
    """Read one program, files as exact bytes. Raises msgspec.DecodeError for a wrong `case.toml`."""
    folder = HERE / language / name
    contents = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    return OrdinaryProgram(
        language=LANGUAGES[language],
        name=name,
        stdin=contents.pop(STDIN, b""),
        stdout=contents.pop(STDOUT),
        case=msgspec.toml.decode(contents.pop(CASE, b""), type=Case),
        files=tuple(CellFile(path, content) for path, content in contents.items()),
    )
