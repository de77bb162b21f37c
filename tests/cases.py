"""Parameters of tests in tiers: a few of many alike are in the small one."""

from collections.abc import Collection, Iterable
from typing import TypeVar

import pytest
from _pytest.mark import ParameterSet

from tests.hosts import needs

T = TypeVar("T")


def cases(names: Iterable[T], small: Collection[T]) -> list[ParameterSet]:
    """Each value as a parameter, those that are not `small` for `just test-all` alone."""
    return [pytest.param(name, marks=() if name in small else pytest.mark.full) for name in names]


def languages(names: Iterable[str], small: Collection[str]) -> list[ParameterSet]:
    """The same of names of languages, where the host has them."""
    return [
        pytest.param(name, marks=[needs(name), *(() if name in small else (pytest.mark.full,))])
        for name in names
    ]
