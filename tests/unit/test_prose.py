"""The check of words for people: what it counts, and that what a file has may only fall."""

from pathlib import Path

import pytest

from tests import prose

PYTHON = '''"""An executor, who began a job,
ends it."""
who = nobody = 1  # whoever
print(f"{who} is somebody", nobody)
'''


def test_docstrings_comments_and_texts_are_read_and_names_are_not() -> None:
    assert sorted(prose.words_of("x.py", PYTHON)) == ["somebody", "who", "whoever"]
    assert prose.words_of("x.md", "Nobody knows\nwho.") == ["Nobody", "who"]


@pytest.mark.parametrize(
    "right", ["A user who asks", "users, who ask", "the operator whom it tells", "whose", "whole", "wholly"]
)
def test_people_may_be_meant(right: str) -> None:
    assert prose.words_of("x.md", right) == []


def test_a_word_after_another_word_is_not_hidden_by_it() -> None:
    assert prose.words_of("x.md", "the executor who, with a user who asks, begins") == ["who"]


def test_a_count_may_neither_rise_nor_stay_in_the_baseline_when_it_falls() -> None:
    assert prose.complaints({"a": 2, "b": 1}, {"a": 2, "b": 1}) == []
    assert prose.complaints({"a": 3, "new": 1}, {"a": 2}) == [
        "a: 3 of who, nobody, … where 2 were: name the part that acts",
        "new: 1 of who, nobody, … where 0 were: name the part that acts",
    ]
    assert prose.complaints({"a": 1}, {"a": 2, "gone": 1}) == [
        "a: 1 of who, nobody, … where 2 were: python -m tests.prose --write",
        "gone: 0 of who, nobody, … where 1 were: python -m tests.prose --write",
    ]


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, int]:
    """Counts to be changed by the test, and a baseline of its own."""
    found = {"old/place.py": 2}
    monkeypatch.setattr(prose, "counts", lambda: found)
    monkeypatch.setattr(prose, "BASELINE", tmp_path / "baseline.txt")
    prose.BASELINE.write_text("2 old/place.py\n")
    return found


def test_a_file_that_moves_takes_its_count_along(repository: dict[str, int]) -> None:
    repository["new/place.py"] = repository.pop("old/place.py")
    said = prose.main()
    assert said is not None
    assert "new/place.py: 2" in said
    assert prose.main("--write") is None
    assert prose.BASELINE.read_text() == "2 new/place.py\n"
    assert prose.main() is None


def test_a_larger_total_is_never_written(repository: dict[str, int]) -> None:
    repository["another.md"] = 1
    said = prose.main("--write")
    assert said is not None
    assert said.startswith("the total would rise:\nanother.md: 1")
    assert prose.BASELINE.read_text() == "2 old/place.py\n"
