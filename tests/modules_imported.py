"""Runs a command of the command line in a process of its own, and tells which modules it imported."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

PROGRAM = """
import sys
from headrace.__main__ import main
sys.argv[0] = "headrace"
try:
    main()
finally:
    print(*sorted(sys.modules), file=sys.stderr)
"""


@dataclass(frozen=True)
class Called:
    """How it ended, what it wrote, and what `sys.modules` named then."""

    code: int
    stdout: str
    modules: frozenset[str]


def called(*words: object, settings: Mapping[str, str] = MappingProxyType({})) -> Called:
    """A command, with nothing to read, and an environment of its own."""
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM, *map(str, words)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", **settings},
    )
    return Called(ended.returncode, ended.stdout, frozenset(ended.stderr.splitlines()[-1].split()))
