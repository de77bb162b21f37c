"""Every clause of the pages in docs/dialects/ has a test that names it, and every named clause exists.

A test names the clauses of its dialect's page with ``@pytest.mark.row("jobs", "4.1", …)``. Those of
README.md, which hold for all, are ``"all"``.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from shared.dialects.names import DIALECTS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "dialects"
ALL = "all"
PAGES = {ALL if page.stem == "README" else page.stem: page for page in sorted(FOLDER.glob("*.md"))}


def clauses(page: Path) -> list[tuple[int, int]]:
    """The numbers of all clauses of a page, in its order: those of a chapter `## 2. …` begin with `1. `."""
    found: list[tuple[int, int]] = []
    chapter = 0
    for line in page.read_text().splitlines():
        if match := re.match(r"## (\d+)\. ", line):
            chapter = int(match[1])
        elif match := re.match(r"(\d+)\. ", line):
            found.append((chapter, int(match[1])))
    return found


@cache
def named() -> tuple[tuple[str, str, str], ...]:
    """Every test that names clauses, with the page and the number of each of them."""
    return tuple(_named())


def _named() -> Iterator[tuple[str, str, str]]:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for page, number in _rows_of(node):
                    yield f"{path.name}::{node.name}", page, number


def _rows_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, str]]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.row":
            page, *numbers = (str(ast.literal_eval(argument)) for argument in decorator.args)
            yield from ((page, number) for number in numbers)


def test_each_page_is_of_a_dialect() -> None:
    assert PAGES.keys() <= {ALL, *DIALECTS}
    assert ALL in PAGES


@pytest.mark.parametrize("page", PAGES)
def test_clauses_are_numbered_without_a_gap(page: str) -> None:
    found = clauses(PAGES[page])
    assert found[0] == (1, 1)
    for (chapter, number), following in pairwise(found):
        assert following in {(chapter, number + 1), (chapter + 1, 1)}


@pytest.mark.parametrize("page", PAGES)
def test_every_clause_has_a_test(page: str) -> None:
    tested = {number for _, of, number in named() if of == page}
    assert [clause for clause in map(_text, clauses(PAGES[page])) if clause not in tested] == []


def test_every_named_clause_exists() -> None:
    known = {(name, _text(clause)) for name, page in PAGES.items() for clause in clauses(page)}
    assert [(test, page, number) for test, page, number in named() if (page, number) not in known] == []


def _text(clause: tuple[int, int]) -> str:
    return f"{clause[0]}.{clause[1]}"
