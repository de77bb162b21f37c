"""`./just`: what it asks of uv, and what it says where there is none."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from headrace.local.nats_server import free_port

ROOT = Path(__file__).parents[2]
UTILITIES = "cat", "dirname", "mkdir", "mktemp", "readlink", "rm"
RECORDS_ARGUMENTS = '#!/bin/sh\n[ "$1" != --version ] || exit 0\npwd\nprintf "<%s>" "${VIRTUAL_ENV-}" "$@"\n'
RECIPE_LINES = [
    pytest.param((), "<run><--only-group><just><just>", id="none"),
    pytest.param(("--list",), "<run><--only-group><just><just><--list>", id="list"),
    pytest.param(("demo",), "<run><--no-dev><--extra><local><headrace><demo>", id="demo"),
    pytest.param(
        ("up", "--fast"), "<run><--no-dev><--extra><local><headrace><up><--fast>", id="with an option"
    ),
    pytest.param(("test", "-k", "a or b", ""), "<run><just><test><-k><a or b><>", id="arguments as they are"),
]


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """All that PATH has: a few utilities, and neither Python nor uv."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in UTILITIES:
        found = shutil.which(name)
        assert found is not None
        (directory / name).symlink_to(found)
    return directory


@pytest.fixture
def wrapper(tmp_path: Path) -> Path:
    """A copy of it, for what it installs."""
    (tmp_path / "project").mkdir()
    return Path(shutil.copy(ROOT / "just", tmp_path / "project" / "just"))


def run(wrapper: Path, programs: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - our own words
        [wrapper, *arguments],
        env={"PATH": str(programs), "VIRTUAL_ENV": "/another/project's"},
        cwd=programs,
        capture_output=True,
        text=True,
        check=False,
    )


def put(directory: Path, name: str, script: str) -> None:
    (directory / name).write_text(script)
    (directory / name).chmod(0o755)


@pytest.mark.parametrize(("arguments", "asked"), RECIPE_LINES)
def test_a_recipe_gets_the_groups_that_it_needs(
    wrapper: Path, programs: Path, arguments: tuple[str, ...], asked: str
) -> None:
    put(programs, "uv", RECORDS_ARGUMENTS)
    done = run(wrapper, programs, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{wrapper.parent}\n<>{asked}", "")


def test_it_is_found_through_a_link(wrapper: Path, programs: Path) -> None:
    put(programs, "uv", RECORDS_ARGUMENTS)
    (programs / "linked").symlink_to(wrapper)
    done = run(programs / "linked", programs, "demo")
    assert done.stdout.startswith(f"{wrapper.parent}\n")


@pytest.mark.parametrize("shim", ["uv", "python3"])
def test_a_name_on_path_may_have_nothing_behind_it(wrapper: Path, programs: Path, shim: str) -> None:
    """As those of pyenv for a program that only another version has."""
    put(programs, shim, "#!/bin/sh\necho not in this version >&2; exit 127\n")
    refused = run(wrapper, programs, "demo")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("./just: there is no Python 3.11 or later on PATH.\n\nNeeded is ")


def test_a_python_without_pip_and_venv_is_named(wrapper: Path, programs: Path) -> None:
    put(programs, "python3.12", "#!/bin/sh\ncase $2 in *pip*) exit 1 ;; esac\n")
    refused = run(wrapper, programs, "demo")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("./just: python3.12 has neither pip nor venv.\n\nNeeded is ")
    assert os.listdir(wrapper.parent) == ["just"]  # noqa: PTH208 - names are enough


@pytest.mark.full
@pytest.mark.parametrize("to_all", [True, False], ids=["Ctrl-C", "SIGTERM"])
def test_a_stack_that_is_told_to_stop_ends_well(tmp_path: Path, to_all: bool) -> None:
    """A terminal tells every process of it, others the first alone."""
    ports = "--api-port", str(free_port()), "--notifier-port", str(free_port())
    with subprocess.Popen(  # noqa: S603 - our own words
        [ROOT / "just", "up", *ports, "--data", tmp_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert any("Ctrl-C" in line for line in process.stdout)
        if to_all:
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.terminate()
        assert process.stdout.read() == "stopping\n"
        assert process.wait() == 0
