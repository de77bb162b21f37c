"""How much a process may reserve: as much as the kernel has, or as it asks, whatever it uses of it."""

import dataclasses
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from services.executor.languages.catalogue import load_languages
from services.executor.languages.stages import Program, compile_stage, run_stage
from services.executor.sandbox.interface import CellFile, RejectedError, Sandbox
from services.executor.sandbox.isolation.rlimits import ADDRESS_SPACE_BYTES_MIN
from shared.domain.events import Limits
from tests.hosts import needs
from tests.integration.sandbox.cells import MIB, opened, python, run, stage

UNBOUND = Limits(memory_bytes=512 * MIB)
BOUND = msgspec.structs.replace(UNBOUND, address_space_bytes=256 * MIB)
RESERVED = str(300 * MIB)
"""Of which nothing is touched, so it is within the memory."""
C = load_languages()["c"]

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(
    params=[
        "warm",
        "cold",
        pytest.param("warm without cgroups", marks=pytest.mark.full),
        pytest.param("cold without cgroups", marks=pytest.mark.full),
    ],
    scope="module",
    loop_scope="module",
)
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """Every kind, with what the host gives and without cgroups."""
    async with opened(request.param) as sandbox:
        yield sandbox


PYTHON = """
import mmap, resource, sys

try:
    mmap.mmap(-1, int(sys.argv[1]), prot=0)
    print("mapped")
except OSError as error:
    print(error.errno)
try:
    bytearray(int(sys.argv[1]))
    print("had")
except MemoryError:
    print("MemoryError")
print(*resource.getrlimit(resource.RLIMIT_AS))
if len(sys.argv) > 2:
    import subprocess
    subprocess.run([sys.executable, __file__, sys.argv[1]])
    try:
        resource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40))
    except ValueError:
        print("not raised")
"""

C_SOURCE = b"""
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int count, char **words) {
    void *volatile had = malloc(strtoull(words[1], 0, 10));
    puts(had ? "had" : errno == ENOMEM ? "ENOMEM" : "another error");
    char *volatile little = malloc(1 << 20);
    if (!little)
        return 1;
    memset(little, 1, 1 << 20);
    puts("goes on");
}
"""


async def test_a_python_program_gets_a_memory_error(sandbox: Sandbox) -> None:
    ran = await python(sandbox, PYTHON, RESERVED, "more", limits=BOUND)
    bound = f"12\nMemoryError\n{256 * MIB} {256 * MIB}\n"
    assert ran.succeeded() == f"{bound}{bound}not raised\n"
    assert ran.verdict.stopped_by is None


async def test_without_the_limit_nothing_is_refused(sandbox: Sandbox) -> None:
    ran = await python(sandbox, PYTHON, RESERVED, limits=UNBOUND)
    assert ran.succeeded() == "mapped\nhad\n-1 -1\n"


async def test_an_uncaught_error_is_the_programs_own_end(sandbox: Sandbox) -> None:
    ran = await python(sandbox, f"bytearray({RESERVED})", limits=BOUND)
    assert (ran.verdict.exit_code, ran.verdict.stopped_by) == (1, None)
    assert ran.stderr.splitlines()[-1] == "MemoryError"


@needs("c")
async def test_a_c_program_gets_no_memory_and_goes_on(sandbox: Sandbox) -> None:
    program = Program((CellFile("main.c", C_SOURCE),), "main.c", BOUND, args=(RESERVED,))
    compiled = await run(sandbox, compile_stage(C, program))
    compiled.succeeded()
    for limits, had in ((BOUND, "ENOMEM"), (UNBOUND, "had")):
        bound = dataclasses.replace(program, limits=limits)
        ran = await run(sandbox, run_stage(C, bound, compiled.verdict.kept))
        assert ran.succeeded() == f"{had}\ngoes on\n"


async def test_the_least_that_may_be_asked_for_is_enough_for_an_interpreter(sandbox: Sandbox) -> None:
    limits = msgspec.structs.replace(UNBOUND, address_space_bytes=ADDRESS_SPACE_BYTES_MIN)
    assert (
        await python(sandbox, "import json; print(json.dumps([1]))", limits=limits)
    ).succeeded() == "[1]\n"
    words = ["x" * 1_000] * 500
    assert (await run(sandbox, stage("true", *words, limits=limits))).succeeded() == ""
    less = msgspec.structs.replace(limits, address_space_bytes=ADDRESS_SPACE_BYTES_MIN - 1)
    with pytest.raises(RejectedError, match="address space"):
        await run(sandbox, stage("true", limits=less))
