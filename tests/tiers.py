"""The test suite in tiers: ``python -m tests.tiers small|rest|all``, and options of pytest after that.

`small` is what a newcomer and every commit runs. It leaves out what is marked ``full``, which `rest` runs;
`all` is both. None of them runs containers. What is marked ``alone`` runs after everything else, one test
at a time, because other tests would disturb it or be disturbed. ``build/durations-*.txt`` say how long each
test took.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SELECTIONS = {"small": ("not full",), "rest": ("full",), "all": ()}
BY_FILE = ("--dist", "loadfile", "--no-loadscope-reorder")
"""Tests of one file share fixtures. In order of the folders, the long ones come first: faults before unit."""
DEBUGGED = frozenset({"all"})
"""Tiers in asyncio's debug mode. Each callback keeps its stack trace then, so that tests that carry a load
become the slowest part of what they measure. `just coverage` runs the unit and contract tests in it."""
SHARED_IMPORTS = ("-p", "tests.import_shares")
WORKERS_PER_PROCESSOR = 2
"""Most tests wait: for a server, a deadline, another process."""


def passes(tier: str, arguments: Sequence[str]) -> Iterator[list[str]]:
    """The options of each run of pytest that makes up a tier."""
    names_files = any((ROOT / argument.partition("::")[0]).exists() for argument in arguments)
    workers = WORKERS_PER_PROCESSOR * len(os.sched_getaffinity(0))
    for name, only, more in (
        ("together", "not alone", ["-n", str(workers), *BY_FILE, *([] if names_files else SHARED_IMPORTS)]),
        ("alone", "alone", [] if names_files else sorted(places_alone())),
    ):
        marks = " and ".join((*SELECTIONS[tier], only))
        durations = f"build/durations-{tier}-{name}.txt"
        debug = ["--asyncio-debug"] if tier in DEBUGGED else []
        yield ["-m", marks, "-p", "tests.durations", "--durations-file", durations, *debug, *more]


def places_alone() -> Iterator[str]:
    """Modules, and folders by their conftest, that mark tests ``alone``: no other need be imported."""
    for pattern in ("test_*.py", "conftest.py"):
        for path in (ROOT / "tests").rglob(pattern):
            if "pytest.mark.alone" in path.read_text():
                yield str(path.parent if pattern == "conftest.py" else path)


def run(options: Sequence[str]) -> int:
    """Run pytest; returns its status. Ctrl-C reaches it too, and it answers with a report of what it did."""
    environment = {**os.environ}
    # Some hundred processes are started, each of which would compile all that it imports.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "pytest", "--ignore", "tests/containers", *options]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:  # noqa: S603 - our own words
        while True:
            with contextlib.suppress(KeyboardInterrupt):
                return process.wait()


def main(tier: str, arguments: Sequence[str]) -> int:
    """Run a tier; returns the first status that is a failure. One pass of the two may select nothing."""
    found = list[int]()
    for options in passes(tier, arguments):
        found.append(run([*options, *arguments]))
        if found[-1] == pytest.ExitCode.INTERRUPTED:
            break
    failed = [status for status in found if status not in {0, pytest.ExitCode.NO_TESTS_COLLECTED}]
    return failed[0] if failed else min(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
