"""What only warm cells promise: exact statuses, denied system calls, one use each, a zygote that may die."""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.executor.sandbox.interface import Sandbox, SandboxError
from services.executor.sandbox.isolation import seccomp
from services.executor.sandbox.settings import SandboxSettings
from services.executor.sandbox.warm.sandbox import WarmSandbox, open_sandbox, open_warm_sandbox
from shared.domain.events import Limits
from tests.cases import cases
from tests.hosts import needs_cc
from tests.integration.sandbox.cells import ATTEMPTED, MIB, Transcript, program, python, run, shell, stage
from tests.integration.sandbox.test_leftovers import REPOSITORY, footprint, own_users


@pytest_asyncio.fixture
async def warm() -> AsyncIterator[WarmSandbox]:
    """A warm sandbox whose cells, where we are root, run as a user that no other test run has."""
    async with open_warm_sandbox(own_users()) as opened:
        yield opened


@pytest.mark.parametrize("code", cases([0, 1, 127, 128, 129, 137, 139, 192, 255], {1, 137, 255}))
async def test_every_exit_code_is_told_as_it_is(warm: Sandbox, code: int) -> None:
    for ran in (await shell(warm, f"exit {code}"), await python(warm, f"raise SystemExit({code})")):
        assert (ran.verdict.exit_code, ran.verdict.signal) == (code, None)


@pytest.mark.parametrize(
    "number",
    cases([signal.SIGSEGV, signal.SIGTERM, signal.SIGKILL, signal.SIGABRT], {signal.SIGSEGV, signal.SIGKILL}),
)
async def test_every_signal_is_told_as_it_is(warm: Sandbox, number: int) -> None:
    source = f"import os; os.kill(os.getpid(), {number})"
    for ran in (await shell(warm, f"kill -{number} $$"), await python(warm, source)):
        assert (ran.verdict.exit_code, ran.verdict.signal) == (None, number)


DENIED = """
import ctypes, errno, socket
libc = ctypes.CDLL(None, use_errno=True)
print("attempted")
def tried(name, *arguments):
    ctypes.set_errno(0)
    if libc.syscall(*map(ctypes.c_long, arguments)) >= 0: print(name, "done")
    else: print(name, errno.errorcode[ctypes.get_errno()])
for number in NUMBERS: tried(number, number, 0, 0, 0, 0, 0)
for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000, 0x80):
    tried("unshare", UNSHARE, flag)
    tried("clone", CLONE, flag | 17, 0, 0, 0, 0)
tried("prlimit", PRLIMIT, 1, 0, 0, 0)
tried("ioctl", IOCTL, 0, 0x5412, 0)
for family in (15, 16, 17, 38, 40, 44):
    try: socket.socket(family, socket.SOCK_RAW)
    except OSError as error: print("socket", errno.errorcode[error.errno])
    else: print("socket", "done")
for number in UNKNOWN: tried("unknown", number, 0, 0)
held = open("/etc/passwd")
for number in DONE_ALREADY: tried("already", number, -1, 0, 0, 0)
for advice in (20, 21): tried("madvise", MADVISE, 1, 0, advice)
for advice in (12, 25): tried("madvise", MADVISE, 0, 0, advice)
for flags in (8, 128, 1 << 31, 1 << 32 | 8): tried("preadv2", PREADV2, held.fileno(), 0, 0, 0, 0, flags)
for flags in (8, 128): tried("pwritev2", PWRITEV2, held.fileno(), 0, 0, 0, 0, flags)
tried("flock", FLOCK, held.fileno(), 2)
tried("flock", FLOCK, held.fileno(), 2 | 4)
tried("fcntl", FCNTL, held.fileno(), 1024, 0)
tried("fcntl", FCNTL, held.fileno(), 1026, 1)
"""


async def test_system_calls_that_are_denied(warm: Sandbox) -> None:
    column = seccomp.MACHINES[os.uname().machine].column
    numbers = [call[column] for call in seccomp.DENIED.values() if call[column] is not None]
    unknown = [call[column] for call in seccomp.UNKNOWN.values() if call[column] is not None]
    already = [call[column] for call in seccomp.DONE_ALREADY.values()]
    names = (
        *("UNSHARE", "CLONE", "PRLIMIT", "IOCTL", "FLOCK", "FCNTL"),
        *("MADVISE", "PREADV2", "PWRITEV2"),
    )
    known = "".join(f"{name} = {getattr(seccomp, name)[column]}\n" for name in names)
    source = f"NUMBERS = {numbers}\nUNKNOWN = {unknown}\nDONE_ALREADY = {already}\n{known}"
    lines = (await python(warm, source + DENIED)).succeeded().splitlines()
    assert lines.pop(0) == ATTEMPTED
    found = Counter(line.split()[1] for line in lines)
    refused = len(numbers) + 16 + 2 + 6 + 2
    assert found == {
        "EPERM": refused,
        "ENOSYS": len(unknown),
        "ENOTSUP": 4 + 2 + 2,
        "done": len(already) + 2,
        "EINVAL": 2,
    }


@needs_cc
async def test_the_32_bit_entry_kills(warm: Sandbox) -> None:
    source = b'#include <unistd.h>\nint main(void) { write(1, "attempted", 9); int r;'
    source += b'__asm__ volatile("int $0x80" : "=a"(r) : "a"(20)); return 0; }'
    if os.uname().machine != "x86_64":
        pytest.skip("there is such an entry on x86-64 only")
    script = "gcc x.c -o x && exec ./x"
    ran = await run(warm, stage("/bin/sh", "-c", script, files={"x.c": source}))
    assert ran.stdout == ATTEMPTED
    assert ran.verdict.signal in (signal.SIGSYS, signal.SIGSEGV)


async def test_what_programs_need_is_allowed(warm: Sandbox) -> None:
    source = """
import concurrent.futures as c, multiprocessing, os, pty, socket, subprocess, threading
if __name__ == "__main__":
    with c.ThreadPoolExecutor(4) as pool: print(sum(pool.map(abs, range(10))))
    with c.ProcessPoolExecutor(2) as pool: print(sum(pool.map(abs, range(10))))
    print(subprocess.check_output(["echo", "child"]).decode().strip())
    print(multiprocessing.Queue(1).empty())
    here, there = os.openpty(); os.write(there, b"x"); print(os.read(here, 1))
    a, b = socket.socketpair(); a.send(b"y"); print(b.recv(1))
"""
    assert (await python(warm, source)).succeeded().split() == ["45", "45", "child", "True", "b'x'", "b'y'"]


FORGING = """
import ctypes, json, os, signal, socket
libc = ctypes.CDLL(None, use_errno=True)
print("attempted")
report = json.dumps({"status": 0, "cpu_ms": 0, "kept": False, "too_long": False}).encode()
for place in ("/proc/1/fd", "/proc/1/map_files", "/proc/1/task/1/fd"):
    try: print("listed", os.listdir(place))
    except OSError: pass
for place in ("/proc/1/mem", "/proc/1/environ", "/proc/1/maps", "/proc/1/oom_score_adj"):
    try: print("opened", open(place, "r+b"))
    except OSError: pass
for descriptor in range(3, 300):
    try: print("written", os.write(descriptor, report))
    except OSError: pass
for request in (16, 0x4206):
    if libc.ptrace(request, 1, 0, 0) == 0: print("traced")
for number in (1, 2, 3, 15, 19, 9, 10, 12): os.kill(1, number)
raise SystemExit(9)
"""


async def test_a_report_cannot_be_forged(warm: Sandbox) -> None:
    ran = await python(warm, FORGING)
    assert (ran.stdout, ran.verdict.exit_code) == ("attempted\n", 9)


def own_mounts() -> str:
    """What is mounted where the executor is."""
    return Path("/proc/self/mountinfo").read_text()


def own_namespace() -> str:
    """The executor's pid namespace."""
    return str(Path("/proc/self/ns/pid").readlink())


async def test_a_cell_is_used_once(warm: Sandbox) -> None:
    source = "import os\nprint(os.readlink('/proc/self/ns/pid'), os.path.exists('x'))\nopen('x', 'w')"
    said = [(await python(warm, source)).succeeded().split() for _ in range(8)]
    assert [exists for _, exists in said] == ["False"] * 8
    assert own_namespace() not in {namespace for namespace, _ in said}


async def test_two_cells_at_once_share_nothing(warm: Sandbox) -> None:
    source = """
import json, os, signal
for place in ("/work", "/tmp", "/dev/shm"): open(place + "/mine", "x").close()
master, slave = os.openpty()
seen = {name: os.readlink("/proc/self/ns/" + name) for name in ("user", "pid", "mnt", "net", "ipc", "uts")}
print(json.dumps([seen, os.ttyname(slave), sorted(os.listdir("/dev/pts"))]), flush=True)
print("attempted", flush=True)
signal.pause()
"""
    stop, transcripts = asyncio.Event(), [Transcript(), Transcript()]
    running = [
        asyncio.create_task(warm.run(program(source), output=transcript, stop=stop))
        for transcript in transcripts
    ]
    for transcript in transcripts:
        await transcript.until(ATTEMPTED)
    first, second = (json.loads(each.pieces["stdout"].splitlines()[0]) for each in transcripts)
    stop.set()
    await asyncio.gather(*running)
    assert not {*first[0].values()} & {*second[0].values()}
    assert first[1:] == second[1:] == ["/dev/pts/0", ["0", "ptmx"]]


@pytest.mark.parametrize("place", cases(["/work", "/tmp", "/dev/shm"], {"/tmp"}))  # noqa: S108 - the cell's
async def test_inodes_are_bounded(warm: Sandbox, place: str) -> None:
    source = f"""
import errno
print("attempted")
try:
    for number in range(200_000): open(f"{place}/{{number}}", "x").close()
except OSError as error: print(errno.errorcode[error.errno], number > 4000, number < 4100)
"""
    assert (await python(warm, source)).succeeded() == "attempted\nENOSPC True True\n"


async def test_a_larger_disk_holds_more_and_still_ends(warm: Sandbox) -> None:
    script = "echo attempted; head -c 200000000 /dev/zero > x; stat -c %s x"
    ran = await shell(warm, script, limits=Limits(disk_bytes=96 * MIB, memory_bytes=512 * MIB))
    assert ran.stdout in (f"attempted\n{96 * MIB}\n", f"attempted\n{96 * MIB - 4096}\n")


async def test_a_dead_zygote_fails_its_runs_and_is_replaced(warm: WarmSandbox) -> None:
    transcript = Transcript()
    source = "import signal\nprint('attempted')\nsignal.pause()"
    running = asyncio.create_task(warm.run(program(source), output=transcript, stop=asyncio.Event()))
    await transcript.until(ATTEMPTED)
    warm._pools.default_pool._zygotes._zygote._process.kill()  # noqa: SLF001 - there is no other way to hurt it
    with pytest.raises(SandboxError, match="without a report"):
        await running
    assert (await python(warm, "print('well')")).succeeded() == "well\n"


@pytest.mark.full
async def test_three_hundred_runs_leave_nothing(warm: WarmSandbox) -> None:
    asked = program("print(1)")
    await asyncio.gather(*(run(warm, asked) for _ in range(20)))
    mounts, before = own_mounts(), await footprint(warm)
    for _ in range(30):
        for ran in await asyncio.gather(*(run(warm, asked) for _ in range(10))):
            ran.succeeded()
    assert await footprint(warm) == before
    assert own_mounts() == mounts


WITHOUT_DESCRIPTORS = """
import asyncio, os, resource
from services.executor.sandbox.interface import SandboxError
from services.executor.sandbox.warm.sandbox import open_warm_sandbox
from tests.integration.sandbox.cells import Transcript, program, python
async def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with open_warm_sandbox() as warm:
        for spare in range(5):  # two pipes and a file for the job would take five
            await warm.full()
            lowest = os.dup(0)
            os.close(lowest)
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + spare, hard))
            try: await warm.run(program("print('x')"), output=Transcript(), stop=asyncio.Event())
            except SandboxError: print("refused")
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            print((await python(warm, "print('well')")).succeeded(), end="")
asyncio.run(main())
"""


async def test_a_lack_of_descriptors_fails_the_run_and_nothing_else() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WITHOUT_DESCRIPTORS), cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    lines = [line for line in said.splitlines() if line in (b"refused", b"well")]  # among what is logged
    assert (process.returncode, lines) == (0, [b"refused", b"well"] * 5)


async def test_a_host_without_nested_namespaces_gets_cold_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "services.executor.sandbox.warm.sandbox.zygote_arguments",
        lambda: ["--ro-bind", "/", "/", "--disable-userns"],
    )
    async with open_sandbox(SandboxSettings(uids=1)) as opened:
        assert not isinstance(opened, WarmSandbox)
        assert opened.isolation.seccomp is not None
        assert (await shell(opened, "echo well")).succeeded() == "well\n"
