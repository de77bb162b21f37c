"""One writer for each view, and a new file in place of the old without anything of the old one."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.projector.database import ViewInUseError
from services.projector.view_file import beside, hold_view, remove_database, replace_view
from shared.settings import SettingsError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the view is."""
    return tmp_path / "view.sqlite3"


def make(path: Path, word: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE words (word)")
        connection.execute("INSERT INTO words VALUES (?)", (word,))


def leave_as_if_killed(path: Path, word: str) -> None:
    """A database whose last words are only in its write-ahead log, which nobody folded in."""
    living = path.with_name("living")
    with closing(sqlite3.connect(living, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("CREATE TABLE words (word)")
        for _ in range(100):
            connection.execute("INSERT INTO words VALUES (?)", (word * 100,))
        path.write_bytes(living.read_bytes())
        beside(path, "-wal").write_bytes(beside(living, "-wal").read_bytes())
    remove_database(living)


def words(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [word for (word,) in connection.execute("SELECT word FROM words")]


def names(path: Path) -> set[str]:
    return {file.name for file in path.parent.iterdir()}


def test_the_first_view_is_put_where_none_was(path: Path) -> None:
    make(beside(path, ".rebuild"), "new")
    replace_view(beside(path, ".rebuild"), path)
    assert words(path) == ["new"]
    assert names(path) == {path.name}


def test_a_killed_views_write_ahead_log_does_not_reach_the_new_one(path: Path) -> None:
    leave_as_if_killed(path, "old")
    make(beside(path, ".rebuild"), "new")
    replace_view(beside(path, ".rebuild"), path)
    assert words(path) == ["new"]
    assert names(path) == {path.name}


def test_a_killed_view_is_never_missing_while_it_is_replaced(path: Path) -> None:
    """Its write-ahead log is folded in, so that nothing but the one rename has to happen."""
    leave_as_if_killed(path, "old")
    make(beside(path, ".rebuild"), "new")
    with capture_logs() as lines:
        replace_view(beside(path, ".rebuild"), path)
    assert lines == []


def test_a_corrupt_view_goes_with_all_that_is_beside_it(path: Path) -> None:
    leave_as_if_killed(path, "old")
    for file in (path, beside(path, "-wal")):
        file.write_bytes(b"garbage" * 1_000)
    make(beside(path, ".rebuild"), "new")
    replace_view(beside(path, ".rebuild"), path)
    assert words(path) == ["new"]
    assert names(path) == {path.name}


def test_a_write_ahead_log_without_its_view_is_removed(path: Path) -> None:
    leave_as_if_killed(path, "old")
    path.unlink()
    make(beside(path, ".rebuild"), "new")
    with capture_logs() as lines:
        replace_view(beside(path, ".rebuild"), path)
    assert [line["event"] for line in lines] == ["old_view_removed"]
    assert words(path) == ["new"]
    assert names(path) == {path.name}


def test_a_view_has_one_holder(path: Path) -> None:
    with (
        hold_view(path),
        pytest.raises(ViewInUseError, match="in use by another projector or rebuild"),
        hold_view(path),
    ):
        pass


def test_a_view_that_was_let_go_can_be_held_again(path: Path) -> None:
    for _ in range(2):
        with hold_view(path):
            pass


def test_the_directory_of_a_view_is_made(tmp_path: Path) -> None:
    with hold_view(tmp_path / "some" / "where" / "view.sqlite3"):
        assert (tmp_path / "some" / "where").is_dir()


def test_a_place_where_no_view_can_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "view.sqlite3"
    with pytest.raises(SettingsError, match=r"HEADRACE_VIEW_PATH: .*cannot be kept there"), hold_view(place):
        pass
