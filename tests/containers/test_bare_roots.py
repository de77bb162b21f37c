"""The README's commands in a bare Debian, as an ordinary user: a clone, `./just`, and nothing else."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.containers.bare import HOME, BareSystem, Ended, make_system, publish_repository

pytestmark = pytest.mark.timeout(240)
PUBLISHED = "srv/headrace.git"
CLONE = f"{HOME}/headrace"
SUITES = {"bookworm": "3.11", "trixie": "3.13"}
"""Debian 12 and 13, and their Python."""

OWN_PROGRAMS = {
    "own.py": "import sys; print(sys.argv[1], *sys.version_info[:2], sep='.')",
    "own.js": "console.log(process.argv[2] + '.' + 6 * 7)",
}
SELECTION = "tests/integration/test_log.py", "tests/system/test_client_page.py"
NEEDED = "apt install python3 python3-venv"


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The files of one bare system a suite, with this repository to clone."""
    places = {suite: tmp_path_factory.mktemp(suite) for suite in SUITES}
    with ThreadPoolExecutor() as executor:
        list(executor.map(make_system, places.keys(), places.values()))
    for place in places.values():
        publish_repository(place / PUBLISHED)
    return places


@pytest.fixture(params=SUITES)
def suite(request: pytest.FixtureRequest) -> str:
    """Each of them."""
    name: str = request.param
    return name


@pytest.fixture
def bare(systems: Mapping[str, Path], suite: str, tmp_path: Path) -> BareSystem:
    """One system, for this test alone, with a clone of the repository and two programs in the user's home."""
    bare = BareSystem(systems[suite], tmp_path)
    assert bare.run("git", "clone", "-q", f"/{PUBLISHED}", CLONE) == Ended(0, "")
    for name, code in OWN_PROGRAMS.items():
        assert bare.run("sh", "-c", f'echo "{code}" > {name}').code == 0
    return bare


def test_all_that_is_needed_is_pip(bare: BareSystem, suite: str) -> None:
    listed = bare.run("./just", within=CLONE)
    assert listed.code == 0, listed.said
    assert " demo " in listed.said
    demonstrated = bare.run("./just", "demo", within=CLONE)
    assert demonstrated.code == 0, demonstrated.said
    assert " sum 6" in demonstrated.said
    assert "replay identical" in demonstrated.said
    assert run_own(bare, "own.py", "python") == Ended(0, f"python.{SUITES[suite]}\n")
    assert run_own(bare, "own.js", "javascript") == Ended(0, "javascript.42\n")
    assert "warning" not in (listed.said + demonstrated.said).lower()
    assert bare.run("sh", "-c", "ls .venv/bin | grep -x pytest", within=CLONE).code == 1, (
        "only what is needed"
    )

    tested = bare.run("./just", "test", *SELECTION, within=CLONE)
    assert tested.code == 0, tested.said
    assert " passed" in tested.said
    assert bare.run("git", "status", "--porcelain", within=CLONE) == Ended(0, "")


def test_or_venv(bare: BareSystem, suite: str) -> None:
    bare.remove("python3-pip", "nodejs")
    demonstrated = bare.run("./just", "demo", within=CLONE)
    assert demonstrated.code == 0, demonstrated.said
    assert "javascript is not on this machine" in demonstrated.said
    assert "replay identical" in demonstrated.said
    assert "warning" not in demonstrated.said.lower()
    assert run_own(bare, "own.py", "python") == Ended(0, f"python.{SUITES[suite]}\n")


def test_without_either_one_message_says_what_is_needed(bare: BareSystem) -> None:
    bare.remove("python3-pip", "^python3.*-venv$")
    refused = bare.run("./just", "demo", within=CLONE)
    assert refused.code == 1
    assert refused.said.startswith(
        "./just: python3 has neither pip nor venv.\n\nNeeded is Python 3.11 or later"
    )
    assert NEEDED in refused.said
    bare.remove("^python3")
    refused = bare.run("./just", "demo", within=CLONE)
    assert refused.code == 1
    assert refused.said.startswith(
        "./just: there is no Python 3.11 or later on PATH.\n\nNeeded is Python 3.11"
    )
    assert NEEDED in refused.said


def run_own(bare: BareSystem, name: str, argument: str) -> Ended:
    """What a program of the user's own does, by the command that the README shows."""
    return bare.run("sh", "-c", f". {CLONE}/.venv/bin/activate && headrace run {name} -- {argument}")
