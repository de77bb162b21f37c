"""What the tests of examples/ stand on: a stack with the settings of its README, a folder of pages served."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from headrace.local.supervisor import Stack, StackOptions, run_stack

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
README = (EXAMPLES / "README.md").read_text()
PORT = "8000"
"""Of pages, as the README has it."""


@asynccontextmanager
async def stack_for_pages(directory: Path, page_port: int, **more: str) -> AsyncIterator[Stack]:
    """A stack that pages of this port may call, with the dialects of the README. `more` are settings."""
    settings = dict(re.findall(r"\b(HEADRACE_\w+)=(\S+)", README))
    assert settings.keys() == {"HEADRACE_API_ORIGINS", "HEADRACE_NOTIFIER_ORIGINS", "HEADRACE_DIALECTS"}
    here = {name: value.replace(f":{PORT}", f":{page_port}") for name, value in settings.items()}
    async with run_stack(directory, StackOptions(environment={**here, **more})) as stack:
        yield stack


async def start(stack: Stack, *command: str | Path, stdin: int | None = None) -> Process:
    """A program of examples/ that finds this stack. asyncio tells it nothing of callbacks that were slow."""
    environment = {**os.environ, "HEADRACE_DATA": str(stack.directory), "PYTHONASYNCIODEBUG": ""}
    return await asyncio.create_subprocess_exec(
        *command, stdin=stdin, stdout=PIPE, stderr=PIPE, cwd=ROOT, env=environment
    )


@asynccontextmanager
async def served(stack: Stack, folder: Path, user: str, port: int) -> AsyncIterator[str]:
    """The address at which `serve.py` serves the folder."""
    command = EXAMPLES / "serve.py", folder, user, "--port", str(port), "--api", stack.address.api_url
    server = await start(stack, sys.executable, *command)
    assert server.stdout is not None
    try:
        yield (await server.stdout.readline()).decode().strip()
    finally:
        server.terminate()
        await server.communicate()
