"""The echo server as a process, listening."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator

import pytest_asyncio

from headrace.local.nats_server import free_port


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def echo_port() -> AsyncIterator[int]:
    """Where it listens."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.conformance.echo", str(port), stderr=PIPE
    )
    assert process.stderr is not None
    async for line in process.stderr:
        if b'"listening"' in line:
            break
    draining = asyncio.create_task(process.stderr.read())
    yield port
    process.kill()
    await process.wait()
    await draining
