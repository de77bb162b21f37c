"""A host that lends us no cgroup: the facts say so, rlimits bound each process, and a watchdog the whole."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.executor.sandbox.interface import Sandbox
from services.executor.sandbox.settings import SandboxSettings
from shared.domain.events import Limits
from tests.hosts import needs_node
from tests.integration.sandbox.cells import ATTEMPTED, KINDS, MIB, python, run, shell, stage


@pytest_asyncio.fixture(params=KINDS)
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """A sandbox that is told to do without."""
    async with KINDS[request.param](SandboxSettings(cgroup="none")) as opened:
        yield opened


async def test_the_facts_say_so(sandbox: Sandbox) -> None:
    assert sandbox.isolation.cgroup == "none"
    ran = await shell(sandbox, "echo well")
    assert ran.succeeded() == "well\n"
    assert ran.verdict.memory_peak_bytes is None


async def test_cpu_time_of_all_descendants(sandbox: Sandbox) -> None:
    source = """
import os
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        while True: pass
print("attempted")
"""
    ran = await python(sandbox, source + "os.wait()", limits=Limits(cpu_ms=500))
    assert ATTEMPTED in ran.stdout
    assert ran.verdict.stopped_by == "cpu_time"
    assert 500 <= ran.verdict.cpu_ms < 1500


async def test_memory_of_one_process_is_refused_by_the_kernel(sandbox: Sandbox) -> None:
    source = "print('attempted')\ntry: bytearray(200 << 20)\nexcept MemoryError: print('refused')"
    ran = await python(sandbox, source, limits=Limits(memory_bytes=100 * MIB))
    assert ran.succeeded() == "attempted\nrefused\n"


async def test_memory_of_all_together_is_watched(sandbox: Sandbox) -> None:
    source = """
import os, time
print("attempted")
for _ in range(4):
    if os.fork() == 0:
        held = bytearray(b"x" * (40 << 20))
        time.sleep(3600)
time.sleep(3600)
"""
    ran = await python(sandbox, source, limits=Limits(memory_bytes=100 * MIB))
    assert ATTEMPTED in ran.stdout
    assert ran.verdict.stopped_by == "memory"


async def test_processes_are_bounded(sandbox: Sandbox) -> None:
    source = """
import os, signal
print("attempted")
try:
    while True:
        if os.fork() == 0: signal.pause()
except BlockingIOError: print("refused")
"""
    ran = await python(sandbox, source, limits=Limits(processes=20))
    assert ran.succeeded() == "attempted\nrefused\n"


@needs_node
async def test_a_runtime_that_reserves_much_memory_starts(sandbox: Sandbox) -> None:
    ran = await run(sandbox, stage("node", "-e", "console.log(6 * 7)", limits=Limits(memory_bytes=512 * MIB)))
    assert ran.succeeded() == "42\n"
