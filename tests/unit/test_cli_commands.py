"""The table of commands agrees with their modules, which are imported when they are called and no sooner."""

import inspect
from importlib import import_module

import pytest
import typer

from headrace.cli.commands import load_command
from headrace.cli.table import PROGRAM_LAST, TABLE, Row
from tests.modules_imported import called

HEAVY = ("aiohttp", "asyncio", "cryptography", "jwt", "msgspec", "pydantic", "rich", "ssl", "tenacity")
"""Each takes more than a tenth of what `headrace --help` may take as a whole."""


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_the_line_of_a_command_is_the_first_of_its_docstring(row: Row) -> None:
    found = getattr(import_module(f"headrace.cli.{row.module}"), row.name.replace("-", "_"))
    said = found.info.help if isinstance(found, typer.Typer) else inspect.getdoc(found)
    assert str(said).splitlines()[0] == row.line
    assert load_command(row).help.splitlines()[0] == row.line


def test_options_end_at_the_program_where_there_is_one() -> None:
    assert {row.name for row in TABLE if row.settings == PROGRAM_LAST} == {"run", "submit"}
    for row in TABLE:
        settings = load_command(row).context_settings
        assert settings.get("allow_interspersed_args", True) == (row.name not in {"run", "submit"})


@pytest.mark.parametrize("words", [("--help",), ("-h",), ("--version",), ("ru",), ()], ids=str)
def test_what_calls_no_command_imports_none(words: tuple[str, ...]) -> None:
    modules = called(*words).modules
    assert "headrace.cli.table" in modules
    assert modules.isdisjoint(HEAVY)
    assert modules.isdisjoint({f"headrace.cli.{row.module}" for row in TABLE})


def test_help_tells_the_whole_line_of_each_command() -> None:
    said = called("--help")
    assert said.code == 0
    words = " ".join(said.stdout.split())
    for row in TABLE:
        assert f" {row.name} {row.line} " in f"{words} "


def test_a_commands_own_help_is_that_of_its_module() -> None:
    said = called("run", "--help")
    assert said.code == 0
    assert "Usage: headrace run [OPTIONS] {FILE} [ARGUMENT...]" in said.stdout
    assert "headrace.cli.programs" in said.modules


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("headrace dea", "dead-letters"),
        ("headrace sessions re", "read"),
        ("headrace run --lang", "--language"),
    ],
)
def test_what_is_typed_is_completed(typed: str, expected: str) -> None:
    settings = {
        "_HEADRACE_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(typed.count(" ")),
    }
    assert called(settings=settings).stdout.split() == [expected]
