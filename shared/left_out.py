"""Imports a package without another that it would import only because it is installed.

nats-py imports aiohttp for a transport that Headrace does not use, and structlog imports Rich for a format
that it does not use. They are a third to a half of what the start of a service costs, and megabytes.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast


@contextmanager
def left_out(package: str) -> Iterator[None]:
    """While this lasts, `package` is not installed. Does nothing if it has been imported before."""
    if package in sys.modules:
        yield
        return
    # None in `sys.modules` makes an import of that name a ModuleNotFoundError.
    modules = cast("dict[str, object]", sys.modules)
    modules[package] = None
    try:
        yield
    finally:
        del modules[package]
