"""Which modules the workers import before they collect them, and in which order."""

from pathlib import Path

from tests.import_shares import modules_with_tests, rotated

ROOT = Path(__file__).parents[2]


def test_every_module_with_tests_is_imported_but_those_of_containers() -> None:
    names = set(modules_with_tests())
    assert __name__ in names
    assert not [name for name in names if "containers" in name]
    assert all((ROOT / name.replace(".", "/")).with_suffix(".py").exists() for name in names)


def test_each_begins_at_another_place_and_leaves_nothing_out() -> None:
    names = ["a", "b", "c", "d", "e"]
    orders = [rotated(names, number * len(names) // 2) for number in range(2)]
    assert orders == [["a", "b", "c", "d", "e"], ["c", "d", "e", "a", "b"]]
