"""What docs/client.md shows is what happens."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

import headrace
from headrace import AsyncClient, Client
from headrace.local.supervisor import Stack

PAGE = (Path(__file__).parents[2] / "docs" / "client.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
IN_THE_SMALL_TIER = (0, 5)
"""One of each client."""
ONLY_WITH_A_LOOP = {"interact"}
SMALL_AND_FULL = [
    pytest.param(*example, marks=() if number in IN_THE_SMALL_TIER else pytest.mark.full)
    for number, example in enumerate(EXAMPLES)
]


def test_every_example_shows_what_it_prints() -> None:
    assert len(EXAMPLES) == PAGE.count("```python") == 7


@pytest.mark.parametrize(("program", "shown"), SMALL_AND_FULL)
async def test_an_example_prints_what_is_shown(
    shared_stack: Stack, tmp_path: Path, program: str, shown: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        "-c",
        program,
        stdout=PIPE,
        stderr=PIPE,
        cwd=tmp_path,
        env={**os.environ, "HEADRACE_DATA": str(shared_stack.directory), "PYTHONASYNCIODEBUG": ""},
    )
    stdout, stderr = await process.communicate()
    assert (stdout.decode(), stderr.decode()) == (shown, "")


def test_every_method_has_its_row_and_both_clients_have_it() -> None:
    methods = {name for name in dir(AsyncClient) if not name.startswith("_")}
    blocking = {name for name in dir(Client) if not name.startswith("_")}
    assert methods - ONLY_WITH_A_LOOP == blocking
    for name in methods:
        assert f"`{name}(" in PAGE, name


def test_every_public_name_is_there() -> None:
    for name in headrace.__all__:
        assert hasattr(headrace, name), name
