"""Open sandboxes, one for all tests of a module: opening a warm one takes a third of a second."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.executor.sandbox.cold.sandbox import open_cold_sandbox
from services.executor.sandbox.interface import Sandbox
from services.executor.sandbox.warm.sandbox import WarmSandbox, open_warm_sandbox
from tests.integration.sandbox.cells import KINDS

HERE = Path(__file__).parent
SHARED = frozenset({"sandbox", "warm", "cold"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test runs in the loop of the sandbox that it shares; a module may have fixtures of these names."""
    for item in items:
        if isinstance(item, pytest.Function) and item.path.is_relative_to(HERE):
            shared = SHARED.intersection(item.fixturenames) - vars(item.module).keys()
            if shared:
                item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest_asyncio.fixture(params=KINDS, scope="module", loop_scope="module")
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """Of the kind the executor opens, and of the kind it falls back to, with default settings."""
    async with KINDS[request.param]() as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def warm() -> AsyncIterator[WarmSandbox]:
    """Of the kind the executor opens."""
    async with open_warm_sandbox() as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cold() -> AsyncIterator[Sandbox]:
    """Of the kind it falls back to."""
    async with open_cold_sandbox() as opened:
        yield opened
