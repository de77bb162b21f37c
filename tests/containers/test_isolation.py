"""What the executor's container needs to make cells, what it gets, and that it refuses to start with less."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from services.executor.host_report import Facts
from services.executor.languages.catalogue import load_languages
from services.executor.minimum_isolation import NAMESPACES
from shared.domain.events import Isolation
from tests.containers.stack import DEPLOY, Stack
from tests.security.attacks import ATTACKS, Attack
from tests.security.planted import VARIABLE, secret

PROFILE = DEPLOY / "seccomp-executor.json"
ADDED = json.loads(PROFILE.read_text())["syscalls"][-1]["names"]
"""What our profile allows besides the engine's default."""
CLOCKED = frozenset(
    {"07_cpu_of_a_child.py", "07_cpu_of_eight_children.py", "24_long_name.c", "02_coming_and_going.py"}
)
"""Judged by the processor's clock: in the sandbox's own tests, which have the machine for themselves."""
SLOWER = "a neighbour "
"""How a fault begins that is of speed: the same."""


def test_doctor_tells_what_the_container_got(stack: Stack) -> None:
    facts = msgspec.json.decode(stack.compose("exec", "-T", "executor", "headrace", "doctor"), type=Facts)
    assert facts.refusal is None
    assert facts.minimum == "namespaces,uid,seccomp"
    assert facts.isolation is not None
    assert frozenset(facts.isolation.namespaces) >= NAMESPACES
    assert facts.isolation.uid == 10_004
    assert facts.isolation.seccomp is not None
    # An engine gives an unprivileged container no control groups of its own: docs/containers.md.
    assert facts.isolation.cgroup == "none"
    assert facts.languages.keys() == load_languages().keys()
    assert all(facts.languages.values()), facts.languages


async def test_each_attempt_tells_the_same_of_itself(stack: Stack) -> None:
    facts = msgspec.json.decode(stack.compose("exec", "-T", "executor", "headrace", "doctor"), type=Facts)
    async with stack.client("alice") as client:
        job = await client.run({"language": "python", "code": "print(1)"})
        [running] = [event for event in await client.history(job.job_id) if event.type == "job.running.v1"]
    assert msgspec.convert(running.data["isolation"], Isolation) == facts.isolation


async def test_a_program_talks_in_a_terminal_of_its_cell(stack: Stack) -> None:
    program = "import os; print('got', input('name: '), os.isatty(0), os.get_terminal_size().columns)"
    asked = {"language": "python", "code": program, "terminal": {"columns": 101, "rows": 7}}
    async with asyncio.timeout(60), stack.client("alice") as client, client.interact(asked) as conversation:
        await conversation.send("zoë\n")
        printed = b"".join([piece async for piece in conversation.output()])
        job = await conversation.result()
    assert printed.decode() == "name: zoë\r\ngot zoë True 101\r\n"
    assert job.status == "completed"


def executor_with(stack: Stack, directory: Path, *options: str) -> list[str]:
    """The compose words that begin a command of an executor whose security options are these alone."""
    override = directory / "override.yaml"
    lines = "".join(f"      - {option}\n" for option in ("no-new-privileges:true", *options))
    override.write_text(f"services:\n  executor:\n    security_opt: !override\n{lines}")
    return ["-f", str(override), "run", "--rm", "-T", "--no-deps", "executor"]


def test_the_executor_refuses_to_start_with_the_engines_own_seccomp_profile(
    stack: Stack, tmp_path: Path
) -> None:
    said = stack.refused(*executor_with(stack, tmp_path, "systempaths=unconfined"))
    assert "No permissions to creat" in said
    assert "service_failed" in said


def test_the_executor_refuses_to_start_where_proc_is_masked(stack: Stack, tmp_path: Path) -> None:
    said = stack.refused(*executor_with(stack, tmp_path, f"seccomp:{PROFILE}"))
    assert "Can't mount proc" in said
    assert "service_failed" in said


@pytest.mark.parametrize("call", ADDED)
def test_each_system_call_that_the_profile_adds_is_needed(stack: Stack, tmp_path: Path, call: str) -> None:
    profile = json.loads(PROFILE.read_text())
    profile["syscalls"][-1]["names"] = [name for name in ADDED if name != call]
    less = tmp_path / "less.json"
    less.write_text(json.dumps(profile))
    said = stack.refused(*executor_with(stack, tmp_path, "systempaths=unconfined", f"seccomp:{less}"))
    assert "service_failed" in said


@pytest.mark.parametrize("demand", ["cgroup", "namespaces,uid,seccomp,cgroup"])
def test_the_executor_refuses_to_start_with_less_than_it_is_told_to_demand(stack: Stack, demand: str) -> None:
    words = ["run", "--rm", "-T", "--no-deps", "--env", f"HEADRACE_MINIMUM_ISOLATION={demand}", "executor"]
    assert "this host does not give cgroup, which the settings demand" in stack.refused(*words)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def attacked(stack: Stack) -> AsyncIterator[asyncio.subprocess.Process]:
    """A sandbox in a container like the executor's own, that attacks itself when told to."""
    tests = Path(__file__).parents[1]
    command = [
        *stack.docker_compose_command(),
        *("run", "--rm", "-T", "--no-deps", "--volume", f"{tests}:/opt/headrace/tests:ro"),
        *("--env", f"{VARIABLE}={secret()}", "--env", "TMPDIR=/dev/shm"),
        *("executor", "python", "-m", "tests.security.in_a_sandbox"),
    ]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=DEPLOY, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**23
    )
    yield process
    assert process.stdin is not None
    process.stdin.close()
    async with asyncio.timeout(60):
        assert await process.wait() == 0


CORE = [each for each in ATTACKS if not each.needs_count and each.program not in CLOCKED]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("attack", CORE, ids=[each.program for each in CORE])
async def test_cells_in_the_container_withstand_it(
    attacked: asyncio.subprocess.Process, attack: Attack
) -> None:
    assert attacked.stdin is not None
    assert attacked.stdout is not None
    attacked.stdin.write(f"{attack.program}\n".encode())
    answer = await attacked.stdout.readline()
    assert answer, "the sandbox ended"
    faults = [fault for fault in json.loads(answer) if not fault.startswith((SLOWER, "outcome:", "said:"))]
    assert not faults, answer.decode()
