"""Autobahn|Testsuite's fuzzing client against the notifier's server, where there is a Python 2.7 to run it.

The suite exists for Python 2.7 only, which Debian 12 has not, nor any wheel. Where a host has one
(HEADRACE_PYTHON27, or `python2.7` on PATH), the suite is installed from PyPI and run whole; where there is
none, a line on standard error says so, and `test_framing` holds the same clauses of RFC 6455 everywhere.
"""

import asyncio
import json
import os
import shutil
import sys
from asyncio.subprocess import DEVNULL, STDOUT
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

PYTHON27 = os.environ.get("HEADRACE_PYTHON27", "python2.7")
UV = os.environ.get("UV", "uv")
"""uv tells its children where it lies: `./just` may have put it where PATH does not lead."""

SUITE = "autobahntestsuite==25.10.1"
CASES = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.1.1", "9.2.1", "9.7.*", "9.8.*", "10.*"]
"""All but compression (12, 13), which is off, and those of 9 with messages above our limit of 128 KiB."""

CASES_COUNT = 261
ACCEPTED = {"OK", "NON-STRICT", "INFORMATIONAL"}


@pytest.mark.timeout(400)
async def test_every_core_case(echo_port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not await _works(PYTHON27):
        _say(capsys, "no Python 2.7 here: Autobahn|Testsuite was not run; test_framing was")
        return
    wstest = await _installed(tmp_path / "suite")
    specification = {
        "options": {"failByDrop": False},
        "outdir": str(tmp_path / "reports"),
        "servers": [{"agent": "headrace", "url": f"ws://127.0.0.1:{echo_port}"}],
        "cases": CASES,
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
    (tmp_path / "fuzzingclient.json").write_text(json.dumps(specification))
    await _run(wstest, "-m", "fuzzingclient", "-s", tmp_path / "fuzzingclient.json", directory=tmp_path)
    results = json.loads((tmp_path / "reports" / "index.json").read_text())["headrace"]
    _say(capsys, f"Autobahn|Testsuite: {dict(Counter(result['behavior'] for result in results.values()))}")
    failed = {case: result for case, result in results.items() if not _is_accepted(result)}
    assert failed == {}
    assert len(results) == CASES_COUNT


def _say(capsys: pytest.CaptureFixture[str], what: str) -> None:
    """Whether the test passes or not, whoever reads the run is told what it did."""
    with capsys.disabled():
        sys.stderr.write(f"\n{what}\n")


def _is_accepted(result: Mapping[str, str]) -> bool:
    return {result["behavior"], result["behaviorClose"]} <= ACCEPTED


async def _works(python: str) -> bool:
    """A name on PATH may be a shim with nothing behind it."""
    return shutil.which(python) is not None and await _status(python, "-c", "pass") == 0


async def _installed(directory: Path) -> Path:
    """The suite in an environment of its own. virtualenv 20.21 is the last that makes one for Python 2.7."""
    await _run(UV, "tool", "run", "--from", "virtualenv<20.22", "virtualenv", "-p", PYTHON27, directory)
    await _run(directory / "bin" / "pip", "install", "setuptools<45")
    await _run(directory / "bin" / "pip", "install", SUITE)
    return directory / "bin" / "wstest"


async def _run(*command: str | Path, directory: Path | None = None) -> None:
    assert await _status(*command, directory=directory) == 0, command


async def _status(*command: str | Path, directory: Path | None = None) -> int:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=DEVNULL, stdout=DEVNULL, stderr=STDOUT, cwd=directory
    )
    return await process.wait()
