"""An empty view in memory, as its writing connection's thread sees it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.unit.projector.histories import empty_view


@pytest.fixture
def view() -> Iterator[sqlite3.Connection]:
    """A view with nothing in it."""
    with closing(empty_view()) as connection:
        yield connection
