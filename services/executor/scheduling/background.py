"""Work that goes on beside the scheduler's own: begun without being waited for, and never lost sight of."""

import asyncio
from collections.abc import Awaitable


class Background:
    """Tasks under way. One that raises is a bug: `watch` raises it, so that it ends the service."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None] | None = None

    def begin(self, work: Awaitable[None]) -> None:
        """Begin it; the end is seen to."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_ended)

    async def wait(self, *, timeout_s: float | None = None) -> None:
        """Wait until all that is under way now has ended, or the time is up."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)

    async def watch(self) -> None:
        """Wait for ever; raise what a task raises from now on."""
        self._failed = asyncio.get_running_loop().create_future()
        await self._failed

    def _on_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)
