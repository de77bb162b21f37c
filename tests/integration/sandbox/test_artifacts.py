"""Files that are brought out of a cell: which, how many, and never by following anything."""

import pytest

from services.executor.sandbox.cold.sandbox import NOT_BROUGHT_OUT
from services.executor.sandbox.interface import Sandbox, Skipped
from services.executor.sandbox.settings import SandboxSettings
from services.executor.sandbox.warm.sandbox import WarmSandbox
from shared.domain.events import Limits
from tests.integration.sandbox.cells import ATTEMPTED, MIB, Ran, run, stage


async def bringing(sandbox: Sandbox, script: str, *patterns: str, limits: Limits | None = None) -> Ran:
    return await run(sandbox, stage("/bin/sh", "-c", script, artifacts=patterns, limits=limits))


def brought(ran: Ran) -> dict[str, bytes]:
    return {file.path: file.content for file in ran.verdict.artifacts}


def skipped(ran: Ran) -> dict[str, str]:
    return {each.path: each.reason for each in ran.verdict.skipped}


TREE = "mkdir -p a/b/c .d; for f in x.txt a/x.txt a/b/x.txt a/b/c/y.bin .d/x.txt; do printf $f > $f; done"


@pytest.mark.parametrize(
    ("patterns", "paths"),
    [
        (["*.txt"], ["x.txt"]),
        (["a/*"], ["a/x.txt"]),
        (["**/*.txt"], [".d/x.txt", "a/b/x.txt", "a/x.txt", "x.txt"]),
        (["a/**"], ["a/b/c/y.bin", "a/b/x.txt", "a/x.txt"]),
        (["a/**/y.*"], ["a/b/c/y.bin"]),
        (["**/b/**/?.bin"], ["a/b/c/y.bin"]),
        (["[xy].txt"], ["x.txt"]),
        (["**"], [".d/x.txt", "a/b/c/y.bin", "a/b/x.txt", "a/x.txt", "x.txt"]),
        (["a", "nothing", "x.txt/y"], []),
        (["x.txt", "*.txt", "x.*"], ["x.txt"]),
    ],
)
async def test_patterns(warm: WarmSandbox, patterns: list[str], paths: list[str]) -> None:
    ran = await bringing(warm, TREE, *patterns)
    assert brought(ran) == {path: path.encode() for path in paths}
    assert list(brought(ran)) == paths
    assert ran.verdict.skipped == ()


async def test_files_of_a_program_that_failed_come_out_too(warm: WarmSandbox) -> None:
    ran = await bringing(warm, "printf half > half; kill -SEGV $$", "*")
    assert (ran.verdict.signal, brought(ran)) == (11, {"half": b"half"})


async def test_files_of_a_program_that_was_stopped_do_not(warm: WarmSandbox) -> None:
    ran = await bringing(warm, "echo x > x; echo attempted; sleep 60", "*", limits=Limits(wall_ms=300))
    assert (ran.verdict.stopped_by, ran.stdout, brought(ran)) == ("wall_time", "attempted\n", {})


HOSTILE = """
ln -s /etc/passwd link; ln -s /proc/self/environ environ; ln -s /dev/zero zero; mkfifo fifo; ln -s / root
ln -s . here; mkdir dir; ln -s ../../etc dir/etc; echo secret > closed; chmod 000 closed
mkdir shut; echo x > shut/x; chmod 000 shut; echo fine > fine; ln fine again; echo attempted
"""


async def test_nothing_is_followed(warm: WarmSandbox) -> None:
    ran = await bringing(warm, HOSTILE, "**")
    assert ran.succeeded() == "attempted\n"
    assert brought(ran) == {"fine": b"fine\n", "again": b"fine\n"}
    links = ("link", "environ", "zero", "root", "here", "dir/etc")
    expected = dict.fromkeys(links, "a symbolic link")
    expected |= {"fifo": "not a regular file", "closed": "not readable", "shut": "not readable"}
    assert skipped(ran) == expected


async def test_a_file_that_is_swapped_for_a_link_all_the_time_is_the_file_or_nothing(
    warm: WarmSandbox,
) -> None:
    swap = "while :; do rm -f f; echo fine > f; rm -f f; ln -s /etc/passwd f; done"
    ran = await bringing(warm, f"(setsid sh -c '{swap}' &) ; sleep 0.2; echo attempted", "f")
    assert ran.succeeded() == f"{ATTEMPTED}\n"
    assert brought(ran).get("f", b"fine\n") in (b"fine\n", b"")


async def test_a_sparse_giant_is_refused_unread(warm: WarmSandbox) -> None:
    ran = await bringing(warm, "truncate -s 50M giant; echo x > small; echo attempted", "*")
    assert ran.succeeded() == "attempted\n"
    assert (brought(ran), skipped(ran)) == ({"small": b"x\n"}, {"giant": "too large"})


async def test_files_are_bounded_in_number_and_in_bytes_together(warm: WarmSandbox) -> None:
    most = SandboxSettings().artifacts_max
    script = "i=100; while [ $i -lt 300 ]; do echo x > $i; i=$((i + 1)); done"
    ran = await bringing(warm, script, "*")
    assert len(brought(ran)) == most
    assert set(skipped(ran).values()) == {f"beyond the first {most} files"}
    script = "for f in a b c; do head -c 12M /dev/zero > $f; done"
    ran = await bringing(warm, script, "*", limits=Limits(disk_bytes=64 * MIB))
    assert (set(brought(ran)), skipped(ran)) == ({"a", "b"}, {"c": "too large"})


@pytest.mark.full
async def test_a_deep_tree_is_walked_to_a_depth_and_no_further(warm: WarmSandbox) -> None:
    deepest = SandboxSettings().artifacts_depth_max
    script = (
        "i=0; while [ $i -lt 1000 ]; do mkdir a && cd a && echo x > f; i=$((i + 1)); done; echo attempted"
    )
    ran = await bringing(warm, script, "**", limits=Limits(wall_ms=60_000, cpu_ms=60_000))
    assert ran.stdout == "attempted\n"
    assert len(brought(ran)) == deepest
    assert skipped(ran) == {"/".join(["a"] * (deepest + 1)): "too deep"}


async def test_names_that_are_no_text_are_skipped(warm: WarmSandbox) -> None:
    ran = await bringing(warm, "echo x > $(printf 'a\\377b'); echo x > 'a\nb'; echo x > ü", "*")
    assert skipped(ran) == {"a\\udcffb": "its name is not UTF-8"}
    assert set(brought(ran)) == {"a\nb", "ü"}


async def test_a_cold_cell_says_that_it_brings_nothing_out(cold: Sandbox) -> None:
    ran = await bringing(cold, "echo x > x", "*")
    assert ran.verdict.skipped == (Skipped("*", NOT_BROUGHT_OUT),)
