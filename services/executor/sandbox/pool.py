"""A few cells that are always ready, and the warden that makes them: replaced when it dies.

A cell is taken once. The next is made when a run has ended, so that the making takes nothing from the run.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from services.executor.sandbox.cells import WarmCell, make_cell
from services.executor.sandbox.groups import Groups
from services.executor.sandbox.sandbox import SandboxError
from services.executor.sandbox.warden import Warden
from shared.events import Limits
from shared.logs import get_logger

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell that could not be made; `dead` is the warden that was asked, if it has died."""

    error: SandboxError
    dead: Warden | None


class Pool:
    """Keeps `size` cells ready under `limits`. `close` must be called."""

    def __init__(self, start: Callable[[], Warden], groups: Groups, *, size: int, limits: Limits) -> None:
        """Start the warden. Raises SandboxError."""
        self._start = start
        self._groups = groups
        self._size = size
        self._limits = limits
        self._warden = start()
        self._ready: asyncio.Queue[WarmCell | Failure] = asyncio.Queue()
        self._making: set[asyncio.Task[None]] = set()
        self._waiting = 0

    async def take(self) -> WarmCell:
        """A cell that nobody has had. Raises SandboxError if none could be made."""
        dead: Warden | None = None
        while True:
            self._waiting += 1
            try:
                if self._ready.qsize() + len(self._making) < self._waiting:
                    self._make()
                taken = await self._ready.get()
            finally:
                self._waiting -= 1
            if isinstance(taken, Failure):
                if taken.dead is None or dead not in {None, taken.dead}:
                    raise taken.error
                # It tells of a warden that is no more. If its successor dies as well, it is no accident.
                dead = taken.dead
                continue
            if taken.alive:
                return taken
            await taken.dispose()

    def refill(self) -> None:
        """Begin to make what is missing."""
        while self._ready.qsize() + len(self._making) < self._size:
            self._make()

    async def full(self) -> None:
        """Fill up, and return when nothing is being made any more."""
        self.refill()
        while self._making:
            await asyncio.wait(self._making)

    async def close(self) -> None:
        """Give up every cell and the warden. No run may be going on."""
        while self._making:
            await asyncio.wait(self._making)
        # First the warden: nobody but it has a hold on a cell that failed halfway.
        await asyncio.to_thread(self._warden.close)
        while not self._ready.empty():
            cell = self._ready.get_nowait()
            if isinstance(cell, WarmCell):
                await cell.dispose()

    def _make(self) -> None:
        task = asyncio.create_task(self._make_one())
        self._making.add(task)
        task.add_done_callback(self._making.discard)

    async def _make_one(self) -> None:
        made: WarmCell | Failure
        warden: Warden | None = None
        try:
            warden = self._living()
            made = await make_cell(warden, self._groups, self._limits)
        except SandboxError as error:
            made = Failure(error, dead=None if warden is None or warden.alive else warden)
        self._ready.put_nowait(made)

    def _living(self) -> Warden:
        """The warden, or its successor."""
        if not self._warden.alive:
            logger.error("warden_died", why=self._warden.complaint())
            self._warden.close()
            self._warden = self._start()
        return self._warden
