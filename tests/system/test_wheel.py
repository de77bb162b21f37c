"""The wheel puts one package into site-packages, whose client, command line and services work there."""

import ast
import asyncio
import re
import subprocess
import sys
import zipfile
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from pathlib import Path

import pytest

from hatch_build import rewrite
from headrace.local.supervisor import Stack
from shared.version import VERSION
from tests.installed import ROOT, build_wheel, environment, install

pytestmark = pytest.mark.full

CLIENT = (
    "import shared\n"
    "from headrace import Client, EventObject, kept_bytes\n"
    "with Client() as client:\n"
    "    job = client.run({'language': 'bash', 'code': 'echo from a wheel'})\n"
    "    print(shared.MINE, job.status, kept_bytes(job.result.stdout), EventObject.__module__[:16])\n"
)
TYPED = (
    "from headrace import Client, JobShown\n"
    "def run(client: Client) -> str | None:\n"
    "    job: JobShown = client.run({})\n"
    "    reveal_type(job.result)\n"
    "    return job.stauts\n"
)
IMPORT_EVERYTHING = (
    "import importlib, pkgutil, sys\n"
    "import headrace\n"
    "for module in pkgutil.walk_packages(headrace.__path__, 'headrace.'):\n"
    "    importlib.import_module(module.name)\n"
    "    print(module.name)\n"
    "assert not {'shared', 'services'} & {name.partition('.')[0] for name in sys.modules}\n"
)
NAMED = re.compile(r"(?<![\w.])(headrace\.)?((?:shared|services)\.[a-z_]+)")
"""A module in a string: whether its name is that of the wheel, and its two first parts in the tree."""
REWRITTEN = {
    "from shared.domain.job import Queued": "from headrace.shared.domain.job import Queued",
    "    from shared import metrics": "    from headrace.shared import metrics",
    'run(f"services.{name}", "shared.x.y")': 'run(f"headrace.services.{name}", "headrace.shared.x.y")',
    '"""Folded by `shared.domain.record`."""': '"""Folded by `headrace.shared.domain.record`."""',
    'FIX = "run python -m shared.provision"': 'FIX = "run python -m headrace.shared.provision"',
    "if shared.memory: self.services.clear()": "if shared.memory: self.services.clear()",
    'SAYS = "all is shared. Or not."': 'SAYS = "all is shared. Or not."',
    "from sharedlib import services": "from sharedlib import services",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def client_only(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(wheel, tmp_path_factory.mktemp("client") / "venv")


@pytest.fixture(scope="module")
def complete(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(wheel, tmp_path_factory.mktemp("complete") / "venv", "local")


def tracked() -> list[Path]:
    """What the repository has of the three packages."""
    listed = subprocess.run(
        ["git", "ls-files", "headrace", "shared", "services"],  # noqa: S607 - wherever it is
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for path in map(Path, listed.stdout.split()) if (ROOT / path).exists()]


def place_of(path: Path) -> Path:
    """Where the wheel has a file of the tree."""
    return path if path.parts[0] == "headrace" else Path("headrace", path)


def strings_of(source: str) -> Iterator[str]:
    """The strings that a module computes with: neither docstrings nor comments."""
    tree = ast.parse(source)
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value


def test_it_holds_one_package_with_all_of_the_tree(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    assert {name.split("/")[0] for name in held} == {"headrace", f"headrace-{VERSION}.dist-info"}
    for path in tracked():
        if path.name == "ruff.toml":
            continue
        place = place_of(path)
        assert path.suffix == ".py" or held[str(place)] == (ROOT / path).read_bytes()
        assert str(place) in held


def test_every_module_that_a_string_names_is_in_it(wheel: Path) -> None:
    """Whatever form names it; and what only looks like a module's name is not rewritten."""
    with zipfile.ZipFile(wheel) as archive:
        places = set(archive.namelist())
        sources = {name: archive.read(name).decode() for name in places if name.endswith(".py")}
    named = 0
    for file, source in sources.items():
        for found in NAMED.finditer("\n".join(strings_of(source))):
            rewritten, module = found.groups()
            path = f"headrace/{module.replace('.', '/')}"
            is_module = f"{path}.py" in places or f"{path}/__init__.py" in places
            assert is_module == bool(rewritten), (file, module)
            named += is_module
    assert named > 5


def test_nothing_of_ours_but_headrace_is_in_site_packages(client_only: Path) -> None:
    (site,) = (client_only.parent / "lib").glob("python3*/site-packages")
    assert {one.name for one in site.iterdir()}.isdisjoint({"shared", "services", "tests", "bench", "deploy"})
    assert (site / "headrace" / "py.typed").exists()


def test_the_command_line_is_there(client_only: Path, tmp_path: Path) -> None:
    said = subprocess.run(  # noqa: S603 - our own program
        [client_only / "headrace", "--version"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        check=True,
    )
    assert said.stdout == f"headrace {VERSION}\n".encode()


async def test_its_client_runs_a_program_beside_another_package_named_shared(
    shared_stack: Stack, client_only: Path, tmp_path: Path
) -> None:
    (tmp_path / "shared.py").write_text("MINE = 'mine'\n")
    (tmp_path / "program.py").write_text(CLIENT)
    process = await asyncio.create_subprocess_exec(
        client_only / "python",
        *("-W", "error", "program.py"),
        cwd=tmp_path,
        env=environment(HEADRACE_DATA=str(shared_stack.directory)),
        stdout=PIPE,
        stderr=PIPE,
    )
    stdout, stderr = await process.communicate()
    assert stderr == b""
    assert stdout == b"mine completed b'from a wheel\\n' headrace.shared.\n"


def test_its_types_are_known(client_only: Path, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(TYPED)
    found = subprocess.run(  # noqa: S603 - our own program
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--python-executable",
            client_only / "python",
            "program.py",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.search(
        r'^program\.py:4: note: Revealed type is "headrace\.shared\..*\.Result \| None"$',
        found.stdout,
        re.MULTILINE,
    )
    assert '\nprogram.py:5: error: "JobShown" has no attribute "stauts"; maybe "status"?' in found.stdout


@pytest.mark.timeout(180)
def test_every_module_can_be_imported(complete: Path, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(IMPORT_EVERYTHING)
    said = subprocess.run(  # noqa: S603 - our own program
        [complete / "python", "-W", "error", "program.py"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.returncode, said.stderr) == (0, "")
    modules = {place_of(path).with_suffix("") for path in tracked() if path.suffix == ".py"}
    names = {".".join(one.parts).removesuffix(".__init__") for one in modules} - {"headrace"}
    assert set(said.stdout.split()) == names


@pytest.mark.timeout(180)
def test_its_services_run_a_program(complete: Path, tmp_path: Path) -> None:
    """`headrace run` starts all of them where there is no stack yet."""
    (tmp_path / "program.sh").write_text("echo hello $1\n")
    said = subprocess.run(  # noqa: S603 - our own program
        [complete / "headrace", "run", "program.sh", "wheel"],
        cwd=tmp_path,
        env=environment(HEADRACE_DATA=str(tmp_path / "data")),
        capture_output=True,
        check=False,
    )
    assert (said.returncode, said.stdout) == (0, b"hello wheel\n"), said.stderr


@pytest.mark.parametrize(("tree", "wheel_has"), REWRITTEN.items())
def test_names_of_modules_are_rewritten_and_nothing_else(tree: str, wheel_has: str) -> None:
    assert rewrite(f"if True:\n    pass\n{tree}\n", "x.py") == f"if True:\n    pass\n{wheel_has}\n"


@pytest.mark.parametrize(
    "tree",
    [
        "import shared.jetstream.event_log",
        "import os; from shared.jetstream.event_log import Log",
        "import services",
    ],
)
def test_an_import_that_would_be_left_ends_the_build(tree: str) -> None:
    with pytest.raises(ValueError, match=r"^x\.py:2: write it as `from "):
        rewrite(f"\n{tree}\n", "x.py")
