"""Where a local stack's data are: here, further up, or where it is said."""

import os
from pathlib import Path

import pytest

from headrace.local.place import data_directory
from headrace.local.stack import DEFAULT_DIRECTORY, claim, load_secrets


@pytest.fixture
def below(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A directory two below the one with a stack, which is where we are."""
    monkeypatch.delenv("HEADRACE_DATA", raising=False)
    with claim(tmp_path / ".headrace"):
        load_secrets(tmp_path / ".headrace")
    here = tmp_path / "src" / "lib"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    return here


def test_the_nearest_above_is_found(below: Path) -> None:
    above = below.parents[1] / ".headrace"
    assert data_directory() == above
    (below.parent / ".headrace").mkdir()
    assert data_directory() == above, "one without a stack is none"
    load_secrets(below.parent / ".headrace")
    assert data_directory() == below.parent / ".headrace"
    (below / ".headrace").mkdir()
    load_secrets(below / ".headrace")
    assert data_directory() == DEFAULT_DIRECTORY


def test_what_is_said_is_taken(below: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_DATA", "elsewhere")
    assert data_directory() == Path("elsewhere")
    monkeypatch.setenv("HEADRACE_DATA", "")
    assert data_directory() == below.parents[1] / ".headrace"


def test_one_of_another_user_is_passed_over(below: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = (below.parents[1] / ".headrace").stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert data_directory() == DEFAULT_DIRECTORY


def test_git_leaves_it_alone(tmp_path: Path) -> None:
    for name in (".headrace", "other"):
        with claim(tmp_path / name):
            assert (tmp_path / name / ".gitignore").read_text() == "*\n"
    (tmp_path / ".headrace" / ".gitignore").write_text("!kept\n")
    with claim(tmp_path / ".headrace"):
        assert (tmp_path / ".headrace" / ".gitignore").read_text() == "!kept\n"


def test_a_directory_of_ones_own_is_not_hidden_from_git(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with claim(tmp_path):
        assert not (tmp_path / ".gitignore").exists()
