"""What `run` and `submit` make of their options."""

from pathlib import Path

import pytest
import typer

from headrace.cli.known import UnknownValueError, known_language, nearest
from headrace.cli.program import (
    Program,
    StandardInputError,
    entrypoint_of,
    pairs,
    parse_pair,
    parse_size,
    path_in_work,
    words_of,
)
from headrace.cli.run import UnknownLanguageError
from headrace.client.models import Language
from shared.domain.events import Limits

PYTHON = Language(
    name="python",
    version="3",
    aliases=("py",),
    extension="py",
    entrypoint="main.py",
    stages=("run",),
    limits=Limits(),
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("512K", 2**19),
        ("256M", 2**28),
        ("256m", 2**28),
        ("256MB", 2**28),
        ("256MiB", 2**28),
        ("1.5G", 3 * 2**29),
    ],
)
def test_a_size_is_of_1024(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "M", "1T", "1 2M", "0.0001", "256 Mi", "\u0661M"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_size(text)


def test_pairs_have_a_name_and_any_value() -> None:
    assert pairs([parse_pair("A=1"), parse_pair("B="), parse_pair("A=x=y")]) == {"A": "x=y", "B": ""}
    for text in ("A", "=1", ""):
        with pytest.raises(typer.BadParameter, match="NAME=VALUE"):
            parse_pair(text)


@pytest.mark.parametrize(
    ("path", "source", "name"),
    [
        ("src/util.py", "src/main.py", "util.py"),
        ("src/lib/a.py", "src/main.py", "lib/a.py"),
        ("./src/../src/a.py", "src/main.py", "a.py"),
        ("elsewhere/a.py", "src/main.py", "a.py"),
        ("/etc/hosts", "src/main.py", "hosts"),
        ("data/in.txt", "-", "data/in.txt"),
        ("..odd/a", "main.py", "..odd/a"),
    ],
)
def test_a_file_lies_as_it_does_to_the_source(path: str, source: str, name: str) -> None:
    assert path_in_work(Path(path), Path(source)) == name


def test_one_separator_is_left_out() -> None:
    assert words_of(None) == []
    assert words_of(["--", "--", "a"]) == ["--", "a"]
    assert words_of(["a", "--"]) == ["a", "--"]


def test_a_submission_has_all_that_was_said(tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text("print()")
    (tmp_path / "in").write_bytes(b"\xff")
    (tmp_path / "util.py").write_text("x = 1")
    program = Program(
        source=tmp_path / "prog.py",
        words=["--", "-v"],
        files=[tmp_path / "util.py"],
        env=["A=1"],
        labels=["of=me"],
        memory_bytes=2**28,
        wall_ms=500,
        stdin=tmp_path / "in",
        artifacts=["out/**"],
    )
    assert program.read().submission([PYTHON]) == {
        "language": "python",
        "files": [
            {"name": "prog.py", "content": "print()", "encoding": "utf-8"},
            {"name": "util.py", "content": "x = 1", "encoding": "utf-8"},
        ],
        "entrypoint": "prog.py",
        "args": ["-v"],
        "env": {"A": "1"},
        "labels": {"of": "me"},
        "artifacts": ["out/**"],
        "stdin": "/w==",
        "stdin_encoding": "base64",
        "limits": {"wall_ms": 500, "memory_bytes": 2**28},
    }


def test_standard_input_is_one_thing() -> None:
    with pytest.raises(StandardInputError):
        Program(source=Path("-"), stdin=Path("-")).read()


def test_a_program_without_a_name_needs_its_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(StandardInputError, match="no standard input"):
        Program(source=Path("-")).read()
    assert entrypoint_of("py", [PYTHON]) == entrypoint_of("python", [PYTHON]) == "main.py"
    assert entrypoint_of("cobol", [PYTHON]) == "main"


def test_without_a_standard_input_nothing_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.stdin", None)
    (tmp_path / "prog.xyz").touch()
    loaded = Program(source=tmp_path / "prog.xyz", reads_ours=True).read()
    with pytest.raises(UnknownLanguageError):
        loaded.submission([PYTHON])
    assert loaded.stdin == b""


def test_what_is_not_known_is_answered_with_what_is() -> None:
    assert nearest("pyhton", ["python", "perl"]) == ": did you mean python?"
    assert nearest("zzz", ["python", "perl"]) == " (there are perl, python)"
    assert known_language("py", [PYTHON]) == known_language("python", [PYTHON]) == "python"
    with pytest.raises(UnknownValueError, match="'pyton' is no language: did you mean python"):
        known_language("pyton", [PYTHON])


def test_words_for_the_commands_are_sent_where_there_are_any(tmp_path: Path) -> None:
    """An earlier service would refuse the fields."""
    source = tmp_path / "main.py"
    source.touch()
    plain = Program(source=source).read().submission([PYTHON])
    assert not {"compiler_args", "interpreter_args"} & plain.keys()
    given = Program(source=source, compiler_args=["-O2"], interpreter_args=["-O", "-b"])
    made = given.read().submission([PYTHON])
    assert made == {**plain, "compiler_args": ["-O2"], "interpreter_args": ["-O", "-b"]}
