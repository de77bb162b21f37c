"""What a test needs of its host. CI has all of it and fails on a skip; elsewhere its absence is no fault."""

import asyncio
import shutil
from pathlib import Path

import pytest

from services.executor.sandbox.cgroups.choose import open_groups
from services.executor.sandbox.settings import SandboxSettings

_SYSTEM = "/usr/local/bin:/usr/bin:/bin"


def has(program: str) -> bool:
    """Whether a program is where cells can see it."""
    return shutil.which(program, path=_SYSTEM) is not None


LANGUAGES = {
    "python": has("python3"),
    "javascript": has("node"),
    "typescript": has("tsc") and has("node"),
    "bash": has("bash"),
    "c": has("cc"),
    "c++": has("c++"),
    "java": has("javac"),
    "rust": has("rustc"),
    "go": has("go"),
    "ruby": has("ruby"),
    "php": has("php"),
    "perl": has("perl"),
    "lua": has("lua5.4"),
    "sqlite": has("sqlite3"),
}
"""Every language of the catalogue, and whether this host has it."""

OFFERED = frozenset(name for name, present in LANGUAGES.items() if present)

needs_node = pytest.mark.skipif(not has("node"), reason="node is not installed")
needs_npm = pytest.mark.skipif(not (has("npm") and has("node")), reason="npm is not installed")
needs_chromium = pytest.mark.skipif(not has("chromium"), reason="chromium is not installed")
needs_cc = pytest.mark.skipif(not has("cc"), reason="no C compiler is installed")


def _has_numpy() -> bool:
    """Whether the interpreter that cells see has it; ours may have another."""
    places = Path("/usr/lib/python3/dist-packages"), *Path("/usr/local/lib").glob("python3*/dist-packages")
    return any((place / "numpy").is_dir() for place in places)


needs_numpy = pytest.mark.skipif(not _has_numpy(), reason="the system's python3 has no numpy")


async def _cgroups() -> str:
    async with open_groups(SandboxSettings()) as groups:
        return groups.version


needs_cgroups = pytest.mark.skipif(
    asyncio.run(_cgroups()) == "none", reason="no cgroup hierarchy is ours to use"
)


def needs(language: str) -> pytest.MarkDecorator:
    """Skip where the host lacks a language of the catalogue."""
    return pytest.mark.skipif(not LANGUAGES[language], reason=f"{language} is not installed")
