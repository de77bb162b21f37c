"""A projector as an object, on a real log."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import TypeAlias

import pytest

from services.projector.projector import Projector
from services.projector.view_file import hold_view
from shared.jetstream.connection import Broker
from tests.integration.projector.asking import answering

Projecting: TypeAlias = Callable[[], AbstractAsyncContextManager[Projector]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the view is."""
    return tmp_path / "view" / "view.sqlite3"


@pytest.fixture
def projecting(broker: Broker, path: Path) -> Projecting:
    """Run a projector that looks and tries again quickly, until the end of the block; it answers already."""

    @asynccontextmanager
    async def run() -> AsyncIterator[Projector]:
        projector = Projector(broker, path, sweep_s=0.01, log_check_s=0.05, retry_s=0.05)
        with hold_view(path):
            task = asyncio.create_task(projector.run())
            try:
                async with asyncio.timeout(20):
                    await answering(broker)
                yield projector
                assert not task.done(), task
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    return run
