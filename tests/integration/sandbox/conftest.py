"""Every test gets a sandbox of its own, of the kind the executor opens and of the kind it falls back to."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.executor.sandbox.interface import Sandbox
from tests.integration.sandbox.cells import KINDS


@pytest_asyncio.fixture(params=KINDS)
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """An open sandbox with default settings."""
    async with KINDS[request.param]() as opened:
        yield opened
