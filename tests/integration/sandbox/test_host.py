"""Where bubblewrap comes from, and the copy for a user that cannot reach it."""

import os
import stat
from pathlib import Path

import pytest

from services.executor.sandbox import orphan_names
from services.executor.sandbox.isolation import bwrap_binary
from services.executor.sandbox.isolation.filesystem import NAMESPACES, root_arguments
from services.executor.sandbox.settings import SandboxSettings
from services.executor.sandbox.warm.sandbox import open_sandbox
from tests.integration.sandbox.cells import shell

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts bubblewrap as somebody else")


async def test_the_facts_of_an_open_sandbox() -> None:
    async with open_sandbox() as first, open_sandbox(SandboxSettings(tmp_bytes=1 << 20)) as second:
        assert first.isolation.namespaces == NAMESPACES
        assert first.isolation.seccomp is not None
        assert first.isolation.uid not in (0, None)
        assert first.isolation.runtime_digest is not None
        assert first.isolation.runtime_digest.startswith("sha256:")
        assert first.isolation.runtime_digest != second.isolation.runtime_digest


@needs_root
async def test_a_binary_out_of_reach_is_copied_and_the_copy_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bwrap_binary, "_within_reach", lambda _binary: False)
    with bwrap_binary.bubblewrap(SandboxSettings()) as found:
        directory = found.path.parents[2]
        assert directory.name.startswith(orphan_names.own_name(bwrap_binary.COPY_PREFIX))
        for path in (directory, *directory.rglob("*")):
            assert path.stat().st_mode & stat.S_IROTH
            assert not path.stat().st_mode & stat.S_IWOTH
    assert not directory.exists()
    async with open_sandbox() as sandbox:
        assert (await shell(sandbox, "echo well")).succeeded() == "well\n"


@needs_root
def test_copies_of_dead_executors_are_removed_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bwrap_binary, "_within_reach", lambda _binary: False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead, alive, foreign = (
        tmp_path / name
        for name in (
            f"{bwrap_binary.COPY_PREFIX}-4194305-7.x",
            f"{orphan_names.own_name(bwrap_binary.COPY_PREFIX)}.x",
            f"{bwrap_binary.COPY_PREFIX}-4194305-8.x",
        )
    )
    for directory in (dead, alive, foreign):
        (directory / "inner").mkdir(parents=True)
    os.chown(foreign, 60_934, 60_934)
    with bwrap_binary.bubblewrap(SandboxSettings()):
        assert [directory.exists() for directory in (dead, alive, foreign)] == [False, True, True]


def test_reach_is_judged_by_every_directory_on_the_way(tmp_path: Path) -> None:
    binary = tmp_path / "bwrap"
    binary.touch(mode=0o755)
    tmp_path.chmod(0o700)
    assert not bwrap_binary._within_reach(binary)  # noqa: SLF001 - a judgement with no other door


@pytest.mark.parametrize("merged", [True, False])
def test_the_root_repeats_the_hosts_layout(tmp_path: Path, merged: bool) -> None:
    if merged:
        (tmp_path / "bin").symlink_to("usr/bin")
    else:
        (tmp_path / "bin").mkdir()
    words = root_arguments(SandboxSettings(), tmp_path)
    expected = ["--symlink", "usr/bin", "/bin"] if merged else ["--ro-bind", "/bin", "/bin"]
    assert any(words[at : at + 3] == expected for at in range(len(words)))
    assert "/sbin" not in words
