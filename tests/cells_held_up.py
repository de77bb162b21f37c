"""Lets an executor make no cell for a while, by a real limit of the kernel: no process may start in one."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from services.executor.sandbox.cgroups.hierarchies import hierarchies

UNBOUNDED = "max"


@contextlib.contextmanager
def no_new_cells(executor: int) -> Iterator[None]:
    """A fork in any cell of this process fails with EAGAIN until the end of the context."""
    bounds = _bounds(executor)
    assert bounds, "the executor has no group of processes here"
    try:
        for bound in bounds:
            bound.write_text("0")
        yield
    finally:
        for bound in bounds:
            bound.write_text(UNBOUNDED)


def _bounds(executor: int) -> list[Path]:
    """The executor's own directory holds those of its cells; with v2 it may lie beside its group."""
    found = set[Path]()
    for tree in hierarchies(Path(f"/proc/{executor}")):
        for place in (tree.own, tree.own.parent):
            found.update(place.glob(f"headrace-{executor}-*/pids.max"))
    return sorted(found)
