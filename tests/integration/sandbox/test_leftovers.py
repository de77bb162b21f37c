"""After a run, however it ended, the host is as it was: no process, no cgroup, no descriptor is left."""

import asyncio
import contextlib
import dataclasses
import itertools
import os
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.executor.sandbox.cgroups.hierarchies import hierarchies
from services.executor.sandbox.interface import Sandbox, Stage
from services.executor.sandbox.settings import SandboxSettings
from services.executor.sandbox.warm.sandbox import WarmSandbox, open_sandbox, open_warm_sandbox
from shared.domain.events import Limits
from tests.hosts import needs_cgroups
from tests.integration.sandbox.cells import ATTEMPTED, KINDS, MIB, Transcript, program, run, shell, stage

REPOSITORY = Path(__file__).parents[3]

MIXTURE: tuple[Stage, ...] = (
    stage("/bin/sh", "-c", "echo well"),
    stage("/bin/sh", "-c", "exit 3", files={f"{number}.txt": b"x" for number in range(20)}),
    stage("/bin/sh", "-c", "(setsid sleep 3600 &); echo parent done"),
    stage("sleep", "3600", limits=Limits(wall_ms=60)),
    stage("/bin/sh", "-c", "while :; do :; done", limits=Limits(cpu_ms=60)),
    stage("yes", limits=Limits(output_bytes=1000)),
    stage("/bin/sh", "-c", "echo x > product", keep="product"),
    stage("no-such-program", stdin=b"x" * 100_000),
)
TEN_THOUSAND = 10_000
FOR_EVER = stage("/bin/sh", "-c", "(setsid sleep 3600 &); echo attempted; sleep 3600")


@pytest_asyncio.fixture(params=KINDS)
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """A sandbox whose cells, where we are root, run as users that no other test run has."""
    async with KINDS[request.param](own_users()) as opened:
        yield opened
    assert own_cell_groups() == []
    assert processes_of_cells() == []


def own_users() -> SandboxSettings:
    """Uids that no other process takes."""
    return SandboxSettings(uid=1_000_000 + 300 * os.getpid())


def processes_of_cells() -> list[str]:
    """The living processes of these users that are a bubblewrap or stand in a deeper pid namespace.

    Where all cells have our own uid, those of tests that run beside this one are left out: only this
    process's descendants count, and not those of an executor that tests share.
    """
    settings, found = own_users(), list[str]()
    users = range(settings.uid, settings.uid + settings.uids) if os.geteuid() == 0 else (os.getuid(),)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            lines = (process / "status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        of_a_cell = status["Name"] == "bwrap" or len(status["NSpid"].split()) > 1
        if (
            of_a_cell
            and int(status["Uid"].split()[0]) in users
            and not status["State"].startswith("Z")
            and (os.geteuid() == 0 or is_descendant(int(process.name)))
        ):
            found.append(f"{process.name} {status['Name']} {status['State']}")
    return found


def parent_of(process: int) -> int:
    """Its parent's process id; 0 if it has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def is_descendant(process: int) -> bool:
    """Whether this process has started it, or what has started it, other than a service."""
    while process and process != os.getpid():
        if is_service(process):
            return False
        process = parent_of(process)
    return bool(process)


def is_service(process: int) -> bool:
    """Whether it is one of a stack's processes."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return b"\0services." in Path(f"/proc/{process}/cmdline").read_bytes()
    return False


def own_cell_groups() -> list[Path]:
    """The cgroups of this process's cells."""
    pattern = f"headrace-{os.getpid()}-*/cell-*"
    return [cell for tree in hierarchies() for cell in tree.own.glob(pattern)]


def open_descriptors() -> Counter[str]:
    """What this process holds open, but for the listing itself: how many of each kind."""
    found = Counter[str]()
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found[re.sub(r"\d+", "", str(entry.readlink()))] += 1
    return found


async def footprint(sandbox: Sandbox) -> tuple[int, list[str], Counter[str]]:
    """Groups, processes by name, descriptors: of a warm sandbox, its cells as many as they ever are."""
    if not isinstance(sandbox, WarmSandbox):
        return len(own_cell_groups()), processes_by_name(), open_descriptors()
    most = 2 * SandboxSettings().cells_ready
    await asyncio.gather(*(shell(sandbox, ":") for _ in range(most + 4)))
    await sandbox.full()
    # A spawner, pid 1 and a program's process each; the last is forked when the cell is ready already.
    expected = ["bwrap"] * 2 + ["python3"] * (1 + 3 * most)
    async with asyncio.timeout(30):
        while processes_by_name() != expected:  # noqa: ASYNC110 - processes set no events
            await asyncio.sleep(0.05)
    return len(own_cell_groups()), expected, open_descriptors()


def processes_by_name() -> list[str]:
    """All of the sandbox's."""
    return sorted(found.split()[1] for found in processes_of_cells())


def programs() -> list[str]:
    """The processes of running programs, as those of these tests are called."""
    found = processes_of_cells()
    return [each for each in found if each.split()[1] in {"sh", "dash", "bash", "sleep", "yes"}]


@pytest.mark.full
async def test_thirty_runs_of_every_kind_leave_nothing(sandbox: Sandbox) -> None:
    await asyncio.gather(*(run(sandbox, each) for each in MIXTURE))
    before = await footprint(sandbox)
    for _ in range(4):
        await asyncio.gather(*(run(sandbox, each) for each in MIXTURE))
        assert programs() == []
    assert await footprint(sandbox) == before


@pytest.mark.full
@pytest.mark.alone
@pytest.mark.timeout(600)
async def test_ten_thousand_runs_leave_nothing() -> None:
    quick = [program("print(1)"), program("raise SystemExit(3)"), shell_stage(":"), shell_stage("kill -9 $$")]
    slower = [
        program("import subprocess; subprocess.run(['true'])"),
        program("open('/tmp/x', 'wb').write(bytes(1 << 20)); open('/dev/shm/x', 'wb').write(bytes(1 << 20))"),
        program("import threading; threading.Thread(target=print).start()"),
        shell_stage("(setsid sleep 60 &); echo x > x", artifacts=("*",)),
        stage("yes", limits=Limits(output_bytes=1000)),
    ]
    todo = iter([*slower, *quick * 4] * (TEN_THOUSAND // (len(slower) + 4 * len(quick)) + 1))
    async with open_warm_sandbox(own_users()) as sandbox:

        async def some(most: int) -> None:
            for asked in itertools.islice(todo, most):
                await run(sandbox, asked)

        await asyncio.gather(*(some(30) for _ in range(8)))
        before, mounted = await footprint(sandbox), mounts()
        held = resident_bytes()
        await asyncio.gather(*(some(TEN_THOUSAND // 8) for _ in range(8)))
        assert await footprint(sandbox) == before
        assert mounts() == mounted
        assert resident_bytes() < held + 16 * MIB


def mounts() -> str:
    """What is mounted where the executor is."""
    return Path("/proc/self/mountinfo").read_text()


def resident_bytes() -> int:
    """The memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def shell_stage(script: str, artifacts: tuple[str, ...] = ()) -> Stage:
    """A script of the shell's."""
    return stage("/bin/sh", "-c", script, artifacts=artifacts)


@needs_cgroups
async def test_a_cancelled_run_is_gone_before_the_cancellation_is_raised(sandbox: Sandbox) -> None:
    before, transcript = await footprint(sandbox), Transcript()
    running = asyncio.create_task(sandbox.run(FOR_EVER, output=transcript, stop=asyncio.Event()))
    await transcript.until(ATTEMPTED)
    assert len(programs()) >= 2
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert programs() == []
    assert await footprint(sandbox) == before


@pytest.mark.parametrize("disk_bytes", [Limits().disk_bytes, pytest.param(8 * MIB, marks=pytest.mark.full)])
async def test_a_run_may_be_cancelled_at_any_moment_and_again(sandbox: Sandbox, disk_bytes: int) -> None:
    before = await footprint(sandbox)
    asked = dataclasses.replace(FOR_EVER, limits=Limits(disk_bytes=disk_bytes))
    for turns in range(40):
        running = asyncio.create_task(sandbox.run(asked, output=Transcript(), stop=asyncio.Event()))
        for _ in range(turns):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert programs() == []
    assert await footprint(sandbox) == before


KILLED_EXECUTOR = """
import asyncio, os, signal, sys
from services.executor.sandbox.settings import SandboxSettings
from tests.integration.sandbox.cells import KINDS, Transcript
from tests.integration.sandbox.test_leftovers import FOR_EVER

async def main():
    async with KINDS[sys.argv[2]](SandboxSettings(uid=int(sys.argv[1]))) as sandbox:
        transcript = Transcript()
        running = asyncio.create_task(sandbox.run(FOR_EVER, output=transcript, stop=asyncio.Event()))
        await transcript.until("attempted")
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


# Whichever executor of this host opens a sandbox next sweeps them.
@pytest.mark.alone
@needs_cgroups
@pytest.mark.parametrize("kind", KINDS)
async def test_what_a_killed_executor_leaves_is_swept_by_the_next(kind: str) -> None:
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED_EXECUTOR, str(own_users().uid), kind, cwd=REPOSITORY
    )
    assert await killed.wait() == -9
    left = [group for tree in hierarchies() for group in tree.own.glob(f"headrace-{killed.pid}-*")]
    assert left, "the executor was killed too late to leave anything"
    async with KINDS[kind]() as sandbox:
        assert (await shell(sandbox, "echo well")).succeeded() == "well\n"
        assert not [group for group in left if group.exists()]
        if os.geteuid() == 0:
            assert processes_of_cells() == []


@needs_cgroups
async def test_the_groups_of_a_living_executor_are_left_alone(sandbox: Sandbox) -> None:
    transcript, stop = Transcript(), asyncio.Event()
    running = asyncio.create_task(sandbox.run(FOR_EVER, output=transcript, stop=stop))
    await transcript.until(ATTEMPTED)
    groups = own_cell_groups()
    async with open_sandbox() as other:
        assert (await shell(other, "echo well")).succeeded() == "well\n"
    assert groups
    assert set(groups) <= set(own_cell_groups())
    assert not running.done()
    stop.set()
    assert (await running).stopped_by == "stopped"
