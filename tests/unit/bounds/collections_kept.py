"""Finds what the code keeps in memory: every attribute that is a collection, by its class."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.unit.bounds.table import ROOT

SOURCES = ("services", "shared", "headrace")
MADE_BY = frozenset(
    {
        "list",
        "dict",
        "set",
        "deque",
        "Queue",
        "OrderedDict",
        "defaultdict",
        "Counter",
        "bytearray",
        "LifoQueue",
    }
)


@cache
def kept() -> frozenset[str]:
    """`Class.attribute` of each collection that an object is made with; `module.NAME` of a module's own."""
    paths = (path for source in SOURCES for path in (ROOT / source).rglob("*.py"))
    return frozenset(name for path in paths for name in _of_module(path))


def _of_module(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{name}" for name in _of_class(node))
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and _is_made(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (f"{path.stem}.{target.id}" for target in targets if isinstance(target, ast.Name))


def _of_class(node: ast.ClassDef) -> Iterator[str]:
    """Fields with a factory, and what any method assigns to `self`."""
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name) and _is_factory(part.value):
            yield part.target.id
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assign | ast.AnnAssign) and inner.value is not None:
            targets = inner.targets if isinstance(inner, ast.Assign) else [inner.target]
            for target in targets:
                if isinstance(target, ast.Attribute) and _is_made(inner.value):
                    yield target.attr


def _is_made(value: ast.expr) -> bool:
    """An empty collection, or one made by its class: what is computed is as large as what it is made of."""
    if isinstance(value, ast.List | ast.Dict | ast.Set):
        return not (value.keys if isinstance(value, ast.Dict) else value.elts)
    if not isinstance(value, ast.Call) or _name(value.func) not in MADE_BY:
        return False
    return not value.args or _name(value.func) == "defaultdict"


def _is_factory(value: ast.expr | None) -> bool:
    if not isinstance(value, ast.Call) or _name(value.func) != "field":
        return False
    return any(one.arg == "default_factory" and _name(one.value) in MADE_BY for one in value.keywords)


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
