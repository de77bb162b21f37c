"""Reads the tables of docs/bounds: what is bounded, by how much, by which setting, shown by which test."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "docs" / "bounds"
HEAD = "| what | bound | setting | test |"


@dataclass(frozen=True, slots=True)
class Row:
    """One bound. `names` are the words in backticks of its first cell, `tests` the node ids of its last."""

    names: tuple[str, ...]
    bound: str
    settings: tuple[str, ...]
    is_fixed: bool
    tests: tuple[str, ...]


def rows_of(page: Path) -> list[Row]:
    """All rows of a page's tables, in order."""
    return [_row(line) for line in _lines(page)]


def names_of(page: Path) -> set[str]:
    """The words in backticks of all first cells."""
    return {name for row in rows_of(page) for name in row.names}


def _lines(page: Path) -> list[str]:
    lines: list[str] = []
    inside = False
    for line in page.read_text().splitlines():
        inside = line == HEAD or (inside and line.startswith("|"))
        if inside and line != HEAD and not line.startswith("|--"):
            lines.append(line)
    return lines


def _row(line: str) -> Row:
    what, bound, setting, test = (cell.strip() for cell in line.strip().strip("|").split(" | "))
    return Row(
        names=tuple(re.findall(r"`([^`]+)`", what)),
        bound=bound,
        settings=tuple(re.findall(r"`(\w+)`", setting)),
        is_fixed=setting.startswith("fixed"),
        tests=tuple(re.findall(r"`(tests/[^`]+)`", test)),
    )
