"""Headrace as others have it: the wheel, in an environment of its own without the tree."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def build_wheel(directory: Path) -> Path:
    """The wheel of the tree as it is, built below `directory`."""
    _uv("build", "--quiet", "--wheel", "--out-dir", directory, ROOT)
    (wheel,) = directory.glob("*.whl")
    return wheel


def install(wheel: Path, directory: Path, extra: str = "") -> Path:
    """A new environment with the wheel and what it needs, at the versions of uv.lock; returns its `bin`."""
    locked = directory.with_suffix(".txt")
    _uv(
        "export",
        "--quiet",
        "--frozen",
        "--no-dev",
        "--no-emit-project",
        "--all-extras",
        "--output-file",
        locked,
    )
    _uv("venv", "--quiet", "--python", sys.executable, directory)
    wanted = f"headrace[{extra}] @ {wheel.as_uri()}" if extra else wheel
    _uv("pip", "install", "--quiet", "--python", directory / "bin/python", "--constraint", locked, wanted)
    return directory / "bin"


def environment(**more: str) -> dict[str, str]:
    """What a program of such an environment is given: nothing that leads to the tree."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    return {**kept, **more}


def _uv(*arguments: str | Path) -> None:
    # `uv run` names itself; `./just` may have it where PATH does not.
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv is not None, "run it by ./just or uv"
    subprocess.run([uv, *arguments], cwd=ROOT, check=True)  # noqa: S603 - our own words
