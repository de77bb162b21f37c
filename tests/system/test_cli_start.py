"""What `headrace run` and its like do not import: each tenth of a second is one before the program runs."""

from pathlib import Path

import pytest

from headrace.local.supervisor import Stack
from tests.cases import cases
from tests.modules_imported import Called, called

NOT_OF_A_CLIENT = frozenset(
    {
        "cryptography",
        "fastapi",
        "jwt",
        "nats",
        "prometheus_client",
        "pydantic",
        "pygments",
        "rich",
        "services",
    }
    | {"starlette", "structlog", "uvicorn", "uvloop"}
)


def call(stack: Stack, *words: object) -> Called:
    return called(*words, settings={"HEADRACE_DATA": str(stack.directory)})


@pytest.mark.full
async def test_a_program_is_run_without_what_a_client_does_not_need(
    shared_stack: Stack, tmp_path: Path
) -> None:
    program = tmp_path / "hello.py"
    program.write_text("print('hello')")
    ran = call(shared_stack, "run", program)
    assert (ran.code, ran.stdout) == (0, "hello\n")
    assert "headrace.client.subscription" in ran.modules
    assert ran.modules.isdisjoint(NOT_OF_A_CLIENT)


@pytest.mark.full
@pytest.mark.parametrize("command", cases(["ls", "languages", "status", "token"], {"ls"}))
async def test_what_is_asked_by_a_program_is_answered_without_it_too(
    shared_stack: Stack, command: str
) -> None:
    said = call(shared_stack, command)
    assert said.code == 0
    assert said.stdout
    assert said.modules.isdisjoint(NOT_OF_A_CLIENT)
