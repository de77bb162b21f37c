"""What a program has printed is kept up to the bound, however it ends and however fast it wrote."""

import contextlib
import os
from collections.abc import Iterator
from fcntl import F_GETPIPE_SZ, fcntl
from pathlib import Path

import pytest

from services.executor.sandbox.interface import Sandbox
from services.executor.sandbox.pipes import PIPE_BYTES, PipeRoom, output_pipe
from services.executor.sandbox.warm.sandbox import open_warm_sandbox
from shared.domain.events import Limits
from tests.hosts import needs_node
from tests.integration.sandbox.cells import MIB, run, shell, stage

KEPT = Limits().output_bytes
LIMITS = Limits(memory_bytes=512 * MIB)
ENDS = {
    "exit": "process.exit(0)",
    "exit code": "process.exit(7)",
    "uncaught": "throw new Error('x')",
    "rejected": "Promise.reject(new Error('x'))",
    "signal": "process.kill(process.pid, 'SIGKILL')",
    "aborted": "process.abort()",
    "last line": "",
}
WRITES = {
    "at once": "process.{stream}.write('x'.repeat({size}));",
    "by the line": "for (let n = 0; n < {size}; n += 100) process.{stream}.write('x'.repeat(99) + '\\n');",
}


@needs_node
@pytest.mark.parametrize(
    ("stream", "how"),
    [
        ("stdout", "by the line"),
        pytest.param("stdout", "at once", marks=pytest.mark.full),
        pytest.param("stderr", "by the line", marks=pytest.mark.full),
        pytest.param("stderr", "at once", marks=pytest.mark.full),
    ],
)
async def test_what_node_wrote_before_its_end_is_kept(sandbox: Sandbox, stream: str, how: str) -> None:
    size = KEPT // 100 * 100 - 5_000
    for name, end in ENDS.items():
        source = WRITES[how].format(stream=stream, size=size) + end
        ran = await run(sandbox, stage("node", "-e", source, limits=LIMITS))
        told = getattr(ran, stream)
        assert told.count("x") + told.count("\n") >= size, name
        assert ran.verdict.stopped_by is None, name


@needs_node
async def test_the_same_of_a_node_that_was_started_before_its_job() -> None:
    source = f"process.stdout.write('x'.repeat({KEPT})); process.exit(0)"
    program = stage("node", "/work/main.js", files={"main.js": source.encode()}, limits=LIMITS)
    async with open_warm_sandbox() as warm:
        for _ in range(2):
            ran = await run(warm, program)
            ran.succeeded()
            assert len(ran.stdout) == KEPT
            await warm.full()


@needs_node
async def test_one_byte_more_than_is_kept_is_told(sandbox: Sandbox) -> None:
    source = f"process.stdout.write('x'.repeat({KEPT + 1})); process.exit(0)"
    ran = await run(sandbox, stage("node", "-e", source, limits=LIMITS))
    assert ran.verdict.stopped_by == "output_limit"
    assert len(ran.stdout) == KEPT


async def test_what_was_written_before_a_limit_is_kept(sandbox: Sandbox) -> None:
    ran = await shell(sandbox, "head -c 200000 /dev/zero; sleep 60", limits=Limits(wall_ms=700))
    assert ran.verdict.stopped_by == "wall_time"
    assert ran.verdict.stdout_bytes == 200_000


@contextlib.contextmanager
def pipes(count: int) -> Iterator[list[int]]:
    """The reading ends of so many new pipes."""
    with contextlib.ExitStack() as opened:
        ends = [output_pipe() for _ in range(count)]
        for descriptor in (one for end in ends for one in end):
            opened.callback(os.close, descriptor)
        yield [ours for ours, _ in ends]


def test_the_wide_pipes_take_no_more_than_half_of_what_a_uid_is_granted(tmp_path: Path) -> None:
    (tmp_path / "pipe-max-size").write_text("1048576\n")
    (tmp_path / "pipe-user-pages-soft").write_text("512\n")
    room = PipeRoom(tmp_path)
    with pipes(4) as (first, second, third, fourth):
        taken = room.widen(first, KEPT)
        assert taken == fcntl(first, F_GETPIPE_SZ) == 2 * KEPT
        assert room.widen(second, 4 * KEPT) == 0
        assert fcntl(second, F_GETPIPE_SZ) == PIPE_BYTES
        assert room.widen(third, KEPT) == 2 * KEPT
        assert room.widen(fourth, KEPT) == 0
        room.give_back(taken)
        assert room.widen(fourth, KEPT) == 2 * KEPT


def test_a_host_that_says_nothing_of_pipes_has_narrow_ones(tmp_path: Path) -> None:
    with pipes(1) as (only,):
        assert PipeRoom(tmp_path).widen(only, KEPT) == 0
