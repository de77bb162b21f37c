"""A plugin of pytest's: how long each test took, with its fixtures, in a file; the slowest first."""

from collections import defaultdict
from pathlib import Path

import pytest


class Durations:
    """Adds up the phases of each test; under pytest-xdist, as the workers report them."""

    def __init__(self, path: Path) -> None:
        """`path` is written at the end."""
        self._path = path
        self._seconds = defaultdict[str, float](float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of a test is over."""
        self._seconds[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        slowest = sorted(self._seconds.items(), key=lambda item: -item[1])
        self._path.write_text("".join(f"{seconds:8.2f} s  {name}\n" for name, seconds in slowest))


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--durations-file``."""
    parser.addoption("--durations-file", type=Path, help="where to write how long each test took")


def pytest_configure(config: pytest.Config) -> None:
    """Only where the reports arrive, not in a worker."""
    path = config.getoption("--durations-file")
    if path is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Durations(path), "durations-file")
