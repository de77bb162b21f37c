"""A program in a Java machine that was started before its job against one that was not: nobody can tell.

The reference is the cold sandbox, which starts one for the same command line.
"""

import dataclasses
import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from services.executor.languages.catalogue import load_languages
from services.executor.languages.stages import Program, compile_stage, run_stage
from services.executor.sandbox.cold.sandbox import open_cold_sandbox
from services.executor.sandbox.interface import CellFile, GivenStdin, Sandbox, Stage
from services.executor.sandbox.settings import SandboxSettings
from services.executor.sandbox.warm.runtimes import java
from services.executor.sandbox.warm.sandbox import WarmSandbox, open_warm_sandbox
from shared.domain.events import Limits
from tests.hosts import needs, needs_cgroups
from tests.integration.sandbox.cells import MIB, Ran, run
from tests.integration.sandbox.programs import tools_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs("java"), needs_cgroups]

JAVA = load_languages()["java"]

PROGRAM = Path(__file__).with_name("Main.java")
TABLE = re.findall(r'case "([a-z].*)":', PROGRAM.read_text())
"""What the program can be asked to do; the names that begin with `-` are for the other tests."""


async def compiled(sandbox: Sandbox, program: Program) -> bytes:
    """What the catalogue's compiler makes of it."""
    stage = compile_stage(JAVA, program, await tools_of(sandbox, JAVA))
    ran = await run(sandbox, stage)
    assert ran.verdict.kept is not None, ran.stderr
    return ran.verdict.kept


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened() -> AsyncIterator[WarmSandbox]:
    """A warm sandbox for all tests."""
    async with open_warm_sandbox() as sandbox:
        yield sandbox


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def product(opened: WarmSandbox) -> bytes:
    """The program, compiled."""
    files = (CellFile("Main.java", PROGRAM.read_bytes()),)
    return await compiled(opened, Program(files, "Main.java", JAVA.default_limits))


@pytest_asyncio.fixture(loop_scope="module")
async def warm(opened: WarmSandbox, product: bytes) -> WarmSandbox:
    """Where machines start early, some of them ready."""
    (await run(opened, asked(product, "arguments"))).succeeded()
    await opened.full()
    return opened


def asked(product: bytes, name: str, limits: Limits = JAVA.default_limits) -> Stage:
    """What the program is to do, as the catalogue runs it."""
    others = (CellFile("data/a.txt", b"abc"), CellFile("run.sh", b"", executable=True))
    given = f"{name}\nfirst second\nthird é\n".encode()
    return run_stage(JAVA, Program(others, "Main.java", limits, stdin=GivenStdin(given)), product)


async def both(warm: WarmSandbox, stage: Stage) -> tuple[Ran, Ran]:
    """The same program in an early machine and in one of its own."""
    async with open_cold_sandbox() as cold:
        return await run(warm, stage), await run(cold, stage)


@pytest.mark.full
@pytest.mark.parametrize("name", TABLE)
async def test_nobody_can_tell(warm: WarmSandbox, product: bytes, name: str) -> None:
    early, started = await both(warm, asked(product, name))
    assert (early.stdout, early.stderr) == (started.stdout, started.stderr)
    assert (early.verdict.exit_code, early.verdict.signal, early.verdict.stopped_by) == (
        started.verdict.exit_code,
        started.verdict.signal,
        started.verdict.stopped_by,
    )


@pytest.mark.full
async def test_the_machine_of_the_table_is_an_early_one(warm: WarmSandbox, product: bytes) -> None:
    early, started = await both(warm, asked(product, "-was early"))
    assert (early.succeeded(), started.succeeded()) == ("true\n", "false\n")


@pytest.mark.full
async def test_a_main_class_in_a_package_that_is_called_otherwise(warm: WarmSandbox) -> None:
    text = b"package a.b; class Other { public static void main(String[] args) { int[] none = null;"
    text += b' System.out.println(Other.class.getResource("Other.class")); none[0]++; } }'
    program = Program((CellFile("a/b/Some.java", text),), "a/b/Some.java", JAVA.default_limits)
    early, started = await both(warm, run_stage(JAVA, program, await compiled(warm, program)))
    assert early.stdout == started.stdout == "jar:file:/work/program.jar!/a/b/Other.class\n"
    assert early.stderr == started.stderr
    assert "at a.b.Other.main(Some.java:1)" in early.stderr
    assert early.verdict.exit_code == started.verdict.exit_code == 1


@pytest.mark.parametrize("wrong", [b"", b"no jar"])
@pytest.mark.full
async def test_what_is_no_jar(warm: WarmSandbox, wrong: bytes) -> None:
    early, started = await both(warm, run_stage(JAVA, Program((), "", JAVA.default_limits), wrong))
    assert early.verdict.exit_code == started.verdict.exit_code == 1
    assert "/work/program.jar" in early.stderr


async def test_every_run_has_a_machine_of_its_own(warm: WarmSandbox, product: bytes) -> None:
    said = []
    for _ in range(4):
        said.append((await run(warm, asked(product, "-alone"))).succeeded().split())
        await warm.full()
    assert [words[:4] for words in said] == [["1", "2", "null", "true"]] * 4
    assert len({words[4] for words in said}) == 4


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"limits": JAVA.limits.applied_to(Limits(files_open=100))}, id="limits"),
        pytest.param({"limits": Limits(memory_bytes=600 * MIB)}, id="memory"),
        pytest.param({"limits": JAVA.limits.applied_to(Limits(address_space_bytes=2**35))}, id="addresses"),
        pytest.param({"args": ("a",)}, id="arguments"),
        pytest.param({"env": (("NAME", "value"),)}, id="variables"),
    ],
)
@pytest.mark.full
async def test_what_an_early_machine_cannot_be_is_started(
    warm: WarmSandbox, product: bytes, changes: dict[str, object]
) -> None:
    program = Program((), "Main.java", JAVA.default_limits, stdin=GivenStdin(b"-was early\n"))
    stage = run_stage(JAVA, dataclasses.replace(program, **changes), product)  # type: ignore[arg-type]
    assert (await run(warm, stage)).succeeded() == "false\n"


@pytest.mark.full
async def test_a_signal_that_the_machine_answers(warm: WarmSandbox, product: bytes) -> None:
    ran = await run(warm, asked(product, "-signalled"))
    assert (ran.verdict.exit_code, ran.verdict.signal, ran.stdout) == (143, None, "true\n")


@pytest.mark.full
async def test_its_start_is_not_the_programs_time(warm: WarmSandbox, product: bytes) -> None:
    early, started = await both(warm, asked(product, "arguments"))
    assert early.verdict.cpu_ms < started.verdict.cpu_ms / 2


async def test_an_early_machine_stands_under_its_limits(warm: WarmSandbox, product: bytes) -> None:
    limits = JAVA.limits.applied_to(Limits(wall_ms=400))
    ran = await run(warm, asked(product, "-for ever", limits))
    assert (ran.verdict.stopped_by, ran.stdout) == ("wall_time", "attempted\n")
    assert 400 <= ran.verdict.wall_ms < 1400


@pytest.mark.full
async def test_memory_beside_the_heap_is_limited(warm: WarmSandbox, product: bytes) -> None:
    early, started = await both(warm, asked(product, "-both kinds of memory"))
    assert early.verdict.stopped_by == started.verdict.stopped_by == "memory"
    assert early.stdout == started.stdout == "attempted\n"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("echo no machine >&2; exit 1", id="ends"),
        pytest.param("echo no machine; printf w >&3; read job <&3", id="prints before its job"),
    ],
)
@pytest.mark.full
async def test_a_runtime_that_does_not_start_early_is_left_alone(product: bytes, script: str) -> None:
    failing = dataclasses.replace(java(), argv=("sh", "-c", script))
    with capture_logs() as lines:
        async with open_warm_sandbox(SandboxSettings(early_ready=1), early=(failing,)) as sandbox:
            for _ in range(3):
                ran = await run(sandbox, asked(product, "-was early"))
                assert ran.succeeded() == "false\n"
                await sandbox.full()
    told = [line for line in lines if line["log_level"] == "warning"]
    assert [(line["event"], line["runtime"]) for line in told] == [("runtime_not_early", "java")]
    assert "no machine" in told[0]["why"]


@pytest.mark.full
async def test_a_file_of_ours_that_does_not_compile(product: bytes) -> None:
    made = java().made
    assert made is not None
    wrong = dataclasses.replace(made.stage, files=(CellFile("Start.java", b"no Java"),))
    failing = dataclasses.replace(java(), made=dataclasses.replace(made, stage=wrong))
    with capture_logs() as lines:
        async with open_warm_sandbox(SandboxSettings(early_ready=1), early=(failing,)) as sandbox:
            for _ in range(2):
                assert (await run(sandbox, asked(product, "-was early"))).succeeded() == "false\n"
                await sandbox.full()
    told = [line for line in lines if line["log_level"] == "warning"]
    assert [line["event"] for line in told] == ["runtime_not_early"]
    assert "Start.java:1" in told[0]["why"]


@pytest.mark.full
async def test_without_a_cgroup_a_machine_is_early_under_the_languages_own_limits(product: bytes) -> None:
    async with open_warm_sandbox(SandboxSettings(cgroup="none")) as sandbox:
        for early in ("false", "true"):
            assert (await run(sandbox, asked(product, "-was early"))).succeeded() == f"{early}\n"
            await sandbox.full()
        others = msgspec.structs.replace(JAVA.default_limits, processes=JAVA.default_limits.processes + 1)
        assert (await run(sandbox, asked(product, "-was early", others))).succeeded() == "false\n"
