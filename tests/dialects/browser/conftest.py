"""One browser for all tests of this folder, and the pages that it shows."""

from collections.abc import AsyncIterator

import pytest_asyncio

from headrace.local.supervisor import Stack
from tests.dialects.browser.chromium import Chromium, Tab, running_chromium
from tests.dialects.browser.pages import ports_of, served_pages


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(dialect_stack: Stack) -> AsyncIterator[Chromium]:
    """It finds the stack and the pages where `pages.py` says."""
    address = dialect_stack.address
    async with (
        served_pages(address.dialects["executions"]) as port,
        running_chromium(ports_of(address, port)) as running,
    ):
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def tab(chromium: Chromium) -> AsyncIterator[Tab]:
    """A tab of the test's own."""
    async with chromium.tab() as opened:
        yield opened
