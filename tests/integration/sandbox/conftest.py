"""Every test gets a sandbox of its own, as the executor opens it."""

from collections.abc import AsyncIterator

import pytest_asyncio

from services.executor.sandbox.bubblewrap import ColdSandbox, open_sandbox


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[ColdSandbox]:
    """An open sandbox with default settings."""
    async with open_sandbox() as opened:
        yield opened
