"""How a program's end is told: its own exit, a signal, a limit, a stop; and that no trick delays it."""

import asyncio
import signal

import pytest

from services.executor.sandbox.interface import Sandbox
from shared.domain.events import Limits
from tests.hosts import needs_cgroups
from tests.integration.sandbox.cells import ATTEMPTED, MIB, Transcript, python, run, shell, stage

SOON_MS = 3_000
"""Far below the ten seconds of the wall limit that would otherwise end the program."""


async def test_an_exit_code_is_the_programs_own(sandbox: Sandbox) -> None:
    verdict = (await shell(sandbox, "exit 3")).verdict
    assert (verdict.exit_code, verdict.signal, verdict.stopped_by) == (3, None, None)


async def test_a_signal_is_told_as_a_signal(sandbox: Sandbox) -> None:
    verdict = (await python(sandbox, "import os; os.kill(os.getpid(), 11)")).verdict
    assert (verdict.exit_code, verdict.signal, verdict.stopped_by) == (None, signal.SIGSEGV, None)


async def test_a_missing_program_is_the_programs_failure(sandbox: Sandbox) -> None:
    ran = await run(sandbox, stage("no-such-program"))
    assert ran.verdict.exit_code == 127
    assert "no-such-program: not found" in ran.stderr


IGNORES_SIGNALS = """
import signal, time
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
print("attempted")
while True:
    time.sleep(3600)
"""


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(IGNORES_SIGNALS, id="ignoring every signal"),
        pytest.param("import os\nprint('attempted')\nos.kill(os.getpid(), 19)", id="stopping itself"),
        pytest.param(f"import os\nos.kill(1, 19)\n{IGNORES_SIGNALS}", id="stopping pid 1"),
    ],
)
async def test_wall_time_ends_a_program_that_waits(sandbox: Sandbox, source: str) -> None:
    ran = await python(sandbox, source, limits=Limits(wall_ms=700))
    assert ATTEMPTED in ran.stdout
    assert (ran.verdict.stopped_by, ran.verdict.signal) == ("wall_time", signal.SIGKILL)
    assert 700 <= ran.verdict.wall_ms < SOON_MS


async def test_cpu_time_ends_a_program_that_works(sandbox: Sandbox) -> None:
    ran = await python(sandbox, "print('attempted')\nwhile True: pass", limits=Limits(cpu_ms=500))
    assert ATTEMPTED in ran.stdout
    assert ran.verdict.stopped_by == "cpu_time"
    assert 500 <= ran.verdict.cpu_ms < 1000


async def test_cpu_time_counts_all_descendants(sandbox: Sandbox) -> None:
    source = """
import os
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        while True: pass
print("attempted")
os.wait()
"""
    ran = await python(sandbox, source, limits=Limits(cpu_ms=800))
    assert ATTEMPTED in ran.stdout
    assert ran.verdict.stopped_by == "cpu_time"
    assert 800 <= ran.verdict.cpu_ms < 1600


@needs_cgroups
async def test_memory_that_one_process_takes(sandbox: Sandbox) -> None:
    source = "print('attempted')\nheld = []\nwhile True: held.append(bytearray(b'x' * (1 << 20)))"
    ran = await python(sandbox, source, limits=Limits(memory_bytes=64 * MIB))
    assert ATTEMPTED in ran.stdout
    assert ran.verdict.stopped_by == "memory"
    assert ran.verdict.memory_peak_bytes is not None
    assert 60 * MIB < ran.verdict.memory_peak_bytes <= 64 * MIB


async def test_memory_that_many_processes_take_together(sandbox: Sandbox) -> None:
    source = """
import os, time
print("attempted")
for _ in range(4):
    if os.fork() == 0:
        held = bytearray(b"x" * (40 << 20))
        time.sleep(3600)
for _ in range(4): os.wait()
time.sleep(3600)
"""
    ran = await python(sandbox, source, limits=Limits(memory_bytes=100 * MIB))
    assert ATTEMPTED in ran.stdout
    assert ran.verdict.stopped_by == "memory"


@pytest.mark.parametrize(
    "fill",
    [
        pytest.param("open('/work/x', 'wb')", id="work directory"),
        pytest.param("os.fdopen(os.memfd_create('x'), 'wb')", id="memory file"),
        pytest.param("mmap.mmap(-1, 512 << 20)", id="shared memory"),
    ],
)
@needs_cgroups
async def test_memory_outside_the_heap_counts(sandbox: Sandbox, fill: str) -> None:
    loop = "for _ in range(512): place.write(bytes(1 << 20))"
    source = f"import mmap, os\nprint('attempted')\nplace = {fill}\n{loop}"
    limits = Limits(memory_bytes=64 * MIB, disk_bytes=512 * MIB)
    ran = await python(sandbox, source, limits=limits)
    assert ATTEMPTED in ran.stdout
    assert ran.verdict.stopped_by == "memory"


@pytest.mark.parametrize("descriptor", [1, 2])
async def test_a_flood_ends_at_the_output_limit(sandbox: Sandbox, descriptor: int) -> None:
    source = f"import os\nwhile True: os.write({descriptor}, b'x' * 1000)"
    ran = await python(sandbox, source, limits=Limits(output_bytes=10_000))
    verdict = ran.verdict
    assert (verdict.stopped_by, verdict.signal) == ("output_limit", signal.SIGKILL)
    assert (len(ran.stdout), len(ran.stderr)) == ((10_000, 0) if descriptor == 1 else (0, 10_000))
    read = verdict.stdout_bytes if descriptor == 1 else verdict.stderr_bytes
    assert 10_000 < read < MIB
    assert verdict.wall_ms < SOON_MS


async def test_a_flood_of_single_bytes_on_both_streams(sandbox: Sandbox) -> None:
    source = "import os\nwhile True:\n    os.write(1, b'o')\n    os.write(2, b'e')"
    ran = await python(sandbox, source, limits=Limits(output_bytes=20_000))
    assert ran.verdict.stopped_by == "output_limit"
    assert max(len(ran.stdout), len(ran.stderr)) == 20_000
    assert set(ran.stdout) == {"o"}
    assert set(ran.stderr) == {"e"}


async def test_output_as_long_as_the_limit_is_no_flood(sandbox: Sandbox) -> None:
    ran = await python(sandbox, "print('x' * 9_999)", limits=Limits(output_bytes=10_000))
    assert (ran.verdict.exit_code, ran.verdict.stopped_by, len(ran.stdout)) == (0, None, 10_000)


async def test_a_flood_that_ends_by_itself_is_still_a_flood(sandbox: Sandbox) -> None:
    ran = await python(sandbox, "print('x' * 10_000)", limits=Limits(output_bytes=10_000))
    assert (ran.verdict.stopped_by, len(ran.stdout), ran.verdict.stdout_bytes) == (
        "output_limit",
        10_000,
        10_001,
    )


async def test_a_child_that_keeps_the_pipes_does_not_hold_the_job(sandbox: Sandbox) -> None:
    source = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        os.setsid()
        time.sleep(3600)
print("attempted")
"""
    ran = await python(sandbox, source)
    assert ran.succeeded() == "attempted\n"
    assert ran.verdict.wall_ms < SOON_MS


async def test_killing_everything_within_reach_ends_only_oneself(sandbox: Sandbox) -> None:
    source = (
        "import os\nprint('attempted')\nfor pid in (1, -1, os.getppid()): os.kill(pid, 9)\nprint('alive')"
    )
    beside, ran = await asyncio.gather(shell(sandbox, "echo unharmed"), python(sandbox, source))
    assert ATTEMPTED in ran.stdout
    assert beside.succeeded() == "unharmed\n"


async def test_stop_ends_a_running_program(sandbox: Sandbox) -> None:
    stop, transcript = asyncio.Event(), Transcript()
    asked = stage("python3", "-u", "-c", IGNORES_SIGNALS)
    running = asyncio.create_task(sandbox.run(asked, output=transcript, stop=stop))
    await transcript.until(ATTEMPTED)
    stop.set()
    verdict = await running
    assert (verdict.stopped_by, verdict.signal) == ("stopped", signal.SIGKILL)


async def test_stop_before_the_start_runs_nothing(sandbox: Sandbox) -> None:
    stop, transcript = asyncio.Event(), Transcript()
    stop.set()
    verdict = await sandbox.run(stage("/bin/sh", "-c", "echo ran"), output=transcript, stop=stop)
    assert (verdict.stopped_by, verdict.exit_code) == ("stopped", None)
    assert not transcript.pieces["stdout"]


async def test_many_cells_at_once_keep_their_own_output(sandbox: Sandbox) -> None:
    rans = await asyncio.gather(*(shell(sandbox, f"echo {number}") for number in range(16)))
    assert [ran.succeeded() for ran in rans] == [f"{number}\n" for number in range(16)]


FILLS = "head -c 9000000 /dev/zero > {place}"
CHILDREN = {
    "a file's size": (FILLS.format(place="x") + "; exit $?", "disk"),
    "a signal that is passed on": ("sh -c 'kill -XFSZ $$'", "disk"),
    "a full disk": ("head -c 5000000 /dev/zero > a; cp a b; exit $?", "disk"),
    "no limit": ("sh -c 'kill -SEGV $$'", None),
    "a child that was let fail": (FILLS.format(place="x") + "; true", None),
}


@pytest.mark.parametrize("name", CHILDREN)
async def test_a_limit_that_a_child_came_to_is_the_programs(warm: Sandbox, name: str) -> None:
    """Where the disk is a cell's own."""
    script, stopped_by = CHILDREN[name]
    ran = await shell(warm, script, limits=Limits(disk_bytes=8 * MIB))
    assert ran.verdict.stopped_by == stopped_by, ran


@pytest.mark.parametrize("place", ["tmp", "dev/shm"])
async def test_a_full_place_of_fixed_size_is_told(warm: Sandbox, place: str) -> None:
    """Where a file may be longer than the place, so that no limit of a file is met first."""
    limits = Limits(disk_bytes=64 * MIB, memory_bytes=256 * MIB)
    ran = await shell(warm, f"head -c {20 * MIB} /dev/zero > /{place}/x; exit $?", limits=limits)
    assert (ran.verdict.exit_code, ran.verdict.stopped_by) == (1, "disk"), ran


async def test_the_processor_time_of_children_is_the_programs(sandbox: Sandbox) -> None:
    source = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'while True: pass'], check=True)"
    ran = await python(sandbox, source, limits=Limits(cpu_ms=500))
    assert ran.verdict.stopped_by == "cpu_time"


@needs_cgroups
async def test_the_memory_of_children_is_the_programs(sandbox: Sandbox) -> None:
    child = (
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'x = b\"x\" * (1 << 30)'], check=True)"
    )
    ran = await python(sandbox, child, limits=Limits(memory_bytes=64 * MIB))
    assert ran.verdict.stopped_by == "memory"
