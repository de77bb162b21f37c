"""Every clause of docs/protocol.md has a test that names it, and no test names a clause that is not there.

A test names its clauses with ``@pytest.mark.clause("4.3")``.
"""

import ast
import functools
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROTOCOL = ROOT / "docs" / "protocol.md"


def clauses() -> list[tuple[int, int]]:
    """The numbers of all clauses, in the order of the page."""
    found: list[tuple[int, int]] = []
    chapter = 0
    for line in PROTOCOL.read_text().splitlines():
        if match := re.match(r"## (\d+)\. ", line):
            chapter = int(match[1])
        elif match := re.match(r"(\d+)\. ", line):
            found.append((chapter, int(match[1])))
    return found


@functools.cache
def named() -> tuple[tuple[str, str], ...]:
    """Every test that names clauses, with each of them."""
    return tuple(_named())


def _named() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for clause in _clauses_of(node):
                    yield f"{path.name}::{node.name}", clause


def _clauses_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.clause":
            for argument in decorator.args:
                yield str(ast.literal_eval(argument))


def test_clauses_are_numbered_without_a_gap() -> None:
    found = clauses()
    assert found[0] == (1, 1)
    for (chapter, number), following in pairwise(found):
        assert following in {(chapter, number + 1), (chapter + 1, 1)}


def test_every_clause_has_a_test() -> None:
    tested = {clause for _, clause in named()}
    assert [clause for clause in map(_text, clauses()) if clause not in tested] == []


def test_every_named_clause_exists() -> None:
    known = set(map(_text, clauses()))
    assert [(test, clause) for test, clause in named() if clause not in known] == []


def _text(clause: tuple[int, int]) -> str:
    return f"{clause[0]}.{clause[1]}"
