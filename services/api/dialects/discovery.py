"""Finds the named dialects: the folder of that name in this package, if there is one.

A dialect without routes of its own gets an empty application, so that its paths are answered in its form.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec

from services.api.dependencies import ApiDependencies
from services.api.dialects.errors import fastapi_door
from services.api.dialects.mount import mount
from services.api.http.door import Dialect

DialectOf = Callable[[ApiDependencies], Dialect]
"""The function that a dialect's package exports."""


def find_dialects(names: Iterable[str]) -> list[DialectOf]:
    """The factory of each named dialect."""
    return [_find(name) for name in names]


def _find(name: str) -> DialectOf:
    assert __package__ is not None
    if find_spec(f".{name}", __package__) is None:
        return lambda _: mount(name, (), fastapi_door())
    found: DialectOf = import_module(f".{name}", __package__).dialect
    return found
