"""What is refused before it runs, and what is the sandbox's own failure and never the program's."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.executor.sandbox.interface import CellFile, RejectedError, Sandbox, SandboxError, Stage
from services.executor.sandbox.isolation import bwrap_binary
from services.executor.sandbox.warm.sandbox import open_sandbox
from shared.domain.events import Limits
from tests.hosts import needs_cgroups
from tests.integration.sandbox.cells import MIB, run, shell, stage


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "a/../../x", "a//b", "", ".", "a/.", "x\0y", "x" * 256, "a/" * 2500 + "b"]
)
async def test_a_path_that_is_not_within_the_work_directory(sandbox: Sandbox, path: str) -> None:
    with pytest.raises(RejectedError):
        await run(sandbox, stage("true", files={path: b""}))
    with pytest.raises(RejectedError):
        await run(sandbox, stage("true", keep=path))


@pytest.mark.parametrize("paths", [("a", "a"), ("a", "a/b"), ("a/b/c", "a/b")])
async def test_files_in_each_others_way(sandbox: Sandbox, paths: tuple[str, ...]) -> None:
    files = tuple(CellFile(path, b"") for path in paths)
    with pytest.raises(RejectedError):
        await run(sandbox, Stage(name="run", argv=("true",), files=files, limits=Limits()))


async def test_files_that_do_not_fit(sandbox: Sandbox) -> None:
    with pytest.raises(RejectedError, match="do not fit"):
        await run(sandbox, stage("true", files={"x": bytes(MIB + 1)}, limits=Limits(disk_bytes=MIB)))
    with pytest.raises(RejectedError, match="more than"):
        await run(sandbox, stage("true", files={str(number): b"" for number in range(1000)}))


@pytest.mark.parametrize("words", [(), ("-c",), ("true", "\0"), ("true", "\ud800"), ("true", "x" * 131_072)])
async def test_words_that_no_program_can_be_given(sandbox: Sandbox, words: tuple[str, ...]) -> None:
    with pytest.raises(RejectedError):
        await run(sandbox, stage(*words))


async def test_words_that_are_too_long_together(sandbox: Sandbox) -> None:
    with pytest.raises(RejectedError, match="together"):
        await run(sandbox, stage("true", *("x" * 100_000 for _ in range(30))))


@pytest.mark.parametrize("name", ["", "A=B", "1A", "A B", "A\0", "$(id)", "BASH_FUNC_x%%"])
async def test_names_that_are_none_of_a_variable(sandbox: Sandbox, name: str) -> None:
    with pytest.raises(RejectedError, match="name"):
        await run(sandbox, stage("true", env={name: "x"}))


@pytest.mark.parametrize("limits", [Limits(wall_ms=0), Limits(disk_bytes=0), Limits(processes=0)])
async def test_limits_under_which_nothing_runs(sandbox: Sandbox, limits: Limits) -> None:
    with pytest.raises(RejectedError):
        await run(sandbox, stage("true", limits=limits))


HOSTILE = ("", " ", "--", "-c", "; touch /work/x", "$(id)", "`id`", "'\"\\", "a\nb", "*", "--bind", "é\udcff")


async def test_hostile_words_arrive_as_they_are(sandbox: Sandbox) -> None:
    source = "import os, sys\nfor word in sys.argv[1:]: print(ascii(word))\nprint(os.listdir())"
    ran = await run(sandbox, stage("python3", "-c", source, *HOSTILE))
    assert ran.succeeded().splitlines() == [*map(ascii, HOSTILE), "[]"]


async def test_hostile_values_arrive_as_they_are(sandbox: Sandbox) -> None:
    given = {f"V{number}": word for number, word in enumerate(HOSTILE)} | {
        "IFS": "x",
        "PS4": "$(id)",
        "UID": "0",
    }
    source = "import os\nfor name in sorted(os.environ): print(name, ascii(os.environ[name]))"
    ran = await run(sandbox, stage("python3", "-c", source, env=given))
    expected = {f"{name} {value!a}" for name, value in given.items() if name != "UID"}
    assert expected <= set(ran.succeeded().splitlines())


async def test_a_library_named_by_the_user_is_loaded_by_his_program_only(sandbox: Sandbox) -> None:
    ran = await run(sandbox, stage("true", env={"LD_PRELOAD": "/work/no-such-library.so"}))
    ran.succeeded()
    assert ran.stderr.count("cannot be preloaded") == 1


@needs_cgroups
async def test_a_memory_limit_too_small_for_the_cell_itself(sandbox: Sandbox) -> None:
    ran = await shell(sandbox, "echo ran", limits=Limits(memory_bytes=64 * 1024))
    assert (ran.verdict.stopped_by, ran.stdout) == ("memory", "")


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A directory within any user's reach; those of pytest are their owner's alone."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("echo 'bwrap: No permissions to create a new namespace' >&2; exit 1", "No permissions to create"),
        ("kill -9 $$", "status -9"),
        ("exit 0", "status 0"),
        ("exit 137", "status 137"),
    ],
)
async def test_a_bubblewrap_that_fails_is_no_failure_of_the_program(
    reachable: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    """Nor is it waited for: the sandbox fails when bubblewrap ends, long before the time for its start."""
    monkeypatch.setattr("services.executor.sandbox.warm.zygote.STARTING_S", 1000.0)
    found = reachable / "bwrap"
    found.write_text(f"#!/bin/sh\n{text}\n")
    found.chmod(0o755)
    monkeypatch.setattr(bwrap_binary, "_find", lambda: found)
    with pytest.raises(SandboxError, match=message):
        async with open_sandbox():
            pass


async def test_without_bubblewrap_the_sandbox_does_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bwrap_binary, "WHEEL_BINARY", Path("no_such_package/bwrap"))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxError, match="bubblewrap is missing"):
        async with open_sandbox():
            pass
