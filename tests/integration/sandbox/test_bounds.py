"""How much a program may take: disk, temporary places, processes, open files, and that it stays so."""

import asyncio

import pytest

from services.executor.sandbox.interface import Sandbox
from shared.domain.events import Limits
from tests.hosts import needs_cgroups
from tests.integration.sandbox.cells import ATTEMPTED, MIB, python, shell


async def test_a_full_disk_says_so_to_the_program(sandbox: Sandbox) -> None:
    source = """
import errno, os
file = open("x", "wb", buffering=0)
os.unlink("x")
print("attempted")
try:
    for written in range(64): file.write(bytes(1 << 20))
except OSError as error:
    print(errno.errorcode[error.errno], written)
"""
    ran = await python(sandbox, source, limits=Limits(disk_bytes=8 * MIB))
    assert ran.succeeded() in ("attempted\nENOSPC 7\n", "attempted\nENOSPC 8\n")


@pytest.mark.parametrize("place", ["/tmp", "/dev/shm"])  # noqa: S108 - the cell's
async def test_temporary_places_are_small(sandbox: Sandbox, place: str) -> None:
    ran = await shell(
        sandbox, f"echo attempted; head -c 100000000 /dev/zero > {place}/x; stat -c %s {place}/x"
    )
    assert ran.succeeded() == f"attempted\n{16 * MIB}\n"
    assert "No space left" in ran.stderr


async def test_a_file_longer_than_the_disk_is_refused_at_once(sandbox: Sandbox) -> None:
    source = (
        "print('attempted')\ntry: open('x', 'wb').truncate(1 << 50)\nexcept OSError as error: print(error)"
    )
    ran = await python(sandbox, source)
    assert ran.succeeded() == "attempted\n[Errno 27] File too large\n"


@needs_cgroups
async def test_processes_are_bounded(sandbox: Sandbox) -> None:
    source = """
import os, signal, time
made = 0
print("attempted")
while True:
    try:
        if os.fork() == 0: signal.pause()
    except BlockingIOError:
        break
    made += 1
print(made)
"""
    ran = await python(sandbox, source, limits=Limits(processes=20))
    # The program itself is the twentieth.
    assert ran.succeeded() == "attempted\n19\n"


async def test_a_fork_bomb_burns_only_its_own_time(sandbox: Sandbox) -> None:
    source = """
import os
print("attempted")
while True:
    try: os.fork()
    except OSError: pass
"""
    # Room for all that thirty-two interpreters write to, so that time is what ends them.
    bomb = python(sandbox, source, limits=Limits(processes=32, wall_ms=1500, memory_bytes=1024 * MIB))
    beside, ran = await asyncio.gather(shell(sandbox, "echo unharmed"), bomb)
    assert ATTEMPTED in ran.stdout
    assert ran.verdict.stopped_by in ("wall_time", "cpu_time")
    assert beside.succeeded() == "unharmed\n"
    assert (await shell(sandbox, "echo after")).succeeded() == "after\n"


async def test_open_files_are_bounded(sandbox: Sandbox) -> None:
    source = """
print("attempted")
held = []
try:
    while True: held.append(open("/dev/null"))
except OSError as error:
    print(error, len(held))
"""
    ran = await python(sandbox, source, limits=Limits(files_open=40))
    assert ran.succeeded() == "attempted\n[Errno 24] Too many open files: '/dev/null' 37\n"


async def test_limits_cannot_be_raised(sandbox: Sandbox) -> None:
    source = """
import resource
print("attempted")
for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU, resource.RLIMIT_CORE):
    try: resource.setrlimit(kind, (1 << 30, 1 << 30))
    except ValueError: print("refused")
"""
    assert (await python(sandbox, source)).succeeded().split() == [ATTEMPTED] + ["refused"] * 4
