"""What each service imports is what its extra declares, also what a function imports only when it is called.

An image holds its service's extra alone, but here everything is installed, and what only the tests need too.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from grimp import ImportGraph, build_graph

ROOT = Path(__file__).parents[2]
OURS = frozenset({"deploy", "headrace", "services", "shared"})
SERVICES = ("api", "executor", "notifier", "projector")
PROVIDER = "shared.auth.provider"
"""The client's own command line issues tokens too, but checks none of another issuer."""


@cache
def graph() -> ImportGraph:
    return build_graph("headrace", "services", "shared", include_external_packages=True, cache_dir=None)


def reached(packages: Iterable[str], within: ImportGraph) -> set[str]:
    """All that the packages import, at once or later, and what that imports."""
    found: set[str] = set()
    for package in packages:
        found |= {package} | within.find_descendants(package)
        found |= within.find_upstream_modules(package, as_package=True)
    return found


def undeclared(modules: Iterable[str], declared: set[str]) -> dict[str, set[str]]:
    """Packages that are neither ours nor Python's, without a declared distribution that has them."""
    names = {name for module in modules if (name := module.partition(".")[0]) not in OURS}
    distributions = packages_distributions()
    having = {name: set(map(normal, distributions.get(name, ()))) for name in names - sys.stdlib_module_names}
    return {name: found for name, found in having.items() if found.isdisjoint(declared)}


def declared_by(extra: str | None = None) -> set[str]:
    """The distributions that everybody gets, and those of an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]

    def closed(requirements: list[str]) -> set[str]:
        found: set[str] = set()
        for requirement in requirements:
            name, more = re.findall(r"^([\w.-]+)(?:\[([\w,-]+)\])?", requirement)[0]
            if name == project["name"]:
                found |= {each for one in more.split(",") for each in closed(extras[one])}
            else:
                found.add(normal(name))
        return found

    return closed(project["dependencies"]) | (closed(extras[extra]) if extra else set())


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_nothing_that_its_extra_does_not_declare(service: str) -> None:
    # `shared.provision` is started from the images too.
    modules = reached([f"services.{service}", "shared.provision"], graph())
    assert (PROVIDER in modules) == (service in {"api", "notifier"}), "what functions import is not seen"
    assert undeclared(modules, declared_by(service)) == {}


def test_a_client_imports_nothing_that_is_not_declared_for_everybody() -> None:
    without = build_graph("headrace", "shared", include_external_packages=True, cache_dir=None)
    without.remove_module(PROVIDER)
    assert undeclared(reached(["headrace"], without), declared_by()) == {}


def test_everything_together_is_what_one_machine_needs() -> None:
    assert undeclared(graph().modules, declared_by("local")) == {}


def test_a_package_of_the_tests_alone_would_be_found() -> None:
    assert undeclared(
        {"httpx", "hypothesis.core", "asyncio", "shared.jetstream.event_log"}, declared_by("local")
    ).keys() == {
        "httpx",
        "hypothesis",
    }


GOOD = "def later() -> None:\n    import json.tool\n    from . import other\n    from shared import streams\n"
BAD = {
    "at once": "import gone\n",
    "in a function": "def later() -> None:\n    import gone\n",
    "in a function of what a function imports": "def later() -> None:\n    from shared import broken\n",
    "beside it": "def later() -> None:\n    from .gone import anything\n",
    "of another service": "def later() -> None:\n    from services.other import settings\n",
}


def built(place: Path, module: str) -> subprocess.CompletedProcess[str]:
    """The last step of a build, of an image with one module in its service."""
    shutil.copytree(ROOT / "deploy/inside", place / "deploy")
    files = {
        "services/__init__.py": "",
        "services/ours/__init__.py": "",
        "services/ours/__main__.py": "import asyncio\nraise RuntimeError('started')\n",
        "services/ours/module.py": module,
        "services/ours/other.py": "",
        "shared/__init__.py": "",
        "shared/provision.py": "",
        "shared/broken.py": "async def later() -> None:\n    import gone\n",
    }
    for path, text in files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "deploy.imports", "services.ours"],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_build_of_an_image_ends_well_where_all_is_there(tmp_path: Path) -> None:
    done = built(tmp_path, GOOD)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("module", BAD.values(), ids=BAD.keys())
def test_the_build_of_an_image_ends_at_what_is_not_there(tmp_path: Path, module: str) -> None:
    done = built(tmp_path, module)
    assert done.returncode != 0
    assert "ModuleNotFoundError" in done.stderr
