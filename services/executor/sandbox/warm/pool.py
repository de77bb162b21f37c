"""Keeps a few cells of one kind ready, and replaces the zygote that they come from when it dies.

A cell is used once. When a run has ended the next cell is made, in the same spawner if that can be reused, so
making it takes no time from the run. Spawners are opened while fewer cells are ready than wanted, and closed
when twice as many are: between the two, a varying load opens and closes none.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from services.executor.sandbox.cgroups.interface import Groups
from services.executor.sandbox.interface import CellError, SandboxError
from services.executor.sandbox.isolation.identities import Identities, SharedIdentity
from services.executor.sandbox.warm.cells import Spawner, WarmCell, open_spawner
from services.executor.sandbox.warm.prestarted_runtime import RuntimeFactory
from services.executor.sandbox.warm.zygote import Zygote
from shared.domain.events import Limits
from shared.observability.logs import get_logger

logger = get_logger(__name__)

REST_S = 60.0
"""How long no runtime is started early after one failed to become ready; its jobs start normally meanwhile.
"""


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell that could not be made; `dead` is the zygote asked, if it has died."""

    error: CellError
    dead: Zygote | None


class Zygotes:
    """The running zygote, and its successors. `close` must be called."""

    def __init__(self, start: Callable[[], Zygote]) -> None:
        """Start the first zygote. Raises SandboxError."""
        self._start = start
        self._zygote = start()

    def living(self) -> Zygote:
        """The zygote, or a new one if it has died. Raises SandboxError."""
        if not self._zygote.alive:
            logger.error("zygote_died", why=self._zygote.stderr_tail())
            self._zygote.close()
            self._zygote = self._start()
        return self._zygote

    async def close(self) -> None:
        """End it, and with it every cell."""
        await asyncio.to_thread(self._zygote.close)


class Pool:
    """Keeps at least `size` cells of one kind ready. `begin_close` and `close` must be called."""

    def __init__(
        self,
        zygotes: Zygotes,
        groups: Groups,
        identities: Identities | SharedIdentity,
        *,
        size: int,
        limits: Limits,
        early: RuntimeFactory | None = None,
    ) -> None:
        """Start empty. `early` makes what each cell's early runtime needs; None if it has none."""
        self._zygotes = zygotes
        self._groups = groups
        self._identities = identities
        self._size = size
        self._limits = limits
        self._early = early
        self._ready: asyncio.Queue[WarmCell | Failure] = asyncio.Queue()
        self._working: set[asyncio.Task[None]] = set()
        self._coming = 0
        self._waiting = 0
        self._rests_until = 0.0

    @property
    def ready(self) -> int:
        """How many cells are ready."""
        return self._ready.qsize()

    def take_ready(self) -> WarmCell | None:
        """Take an unused cell, if there is one, and begin to make the next."""
        found: WarmCell | None = None
        while found is None and not self._ready.empty():
            taken = self._ready.get_nowait()
            if isinstance(taken, WarmCell) and taken.fresh:
                found = taken
            elif isinstance(taken, WarmCell):
                self.give_back(taken)
        self.refill()
        return found

    async def take(self, *, disk_bytes: int) -> WarmCell:
        """Take an unused cell with a disk of this size. Raises CellError if none could be made."""
        cell = await self._take()
        self.refill()
        if disk_bytes == self._limits.disk_bytes:
            return cell
        making = asyncio.ensure_future(self._make_again(cell, disk_bytes))
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            self._begin(self._dispose(making))
            raise

    async def _make_again(self, cell: WarmCell, disk_bytes: int) -> WarmCell:
        """Make another cell in the same spawner. Not to be cancelled. Raises CellError."""
        try:
            await cell.dispose()
            return await cell.spawner.make(disk_bytes=disk_bytes)
        except (SandboxError, OSError) as error:
            self._begin(self._retire(cell.spawner))
            raise CellError(f"a cell could not be made anew: {error}") from error

    async def _take(self) -> WarmCell:
        dead: Zygote | None = None
        while True:
            self._waiting += 1
            try:
                if self._ready.qsize() + self._coming < self._waiting:
                    self._make()
                taken = await self._ready.get()
            finally:
                self._waiting -= 1
            if isinstance(taken, Failure):
                if taken.dead is None or dead not in {None, taken.dead}:
                    raise taken.error
                # The failure is of a dead zygote. If its successor dies as well, it is no accident.
                dead = taken.dead
                continue
            if taken.fresh:
                return taken
            self.give_back(taken)

    def give_back(self, cell: WarmCell) -> None:
        """End a cell; when it is gone, make the next in its spawner, unless enough are ready."""
        wanted = self._lacks(2 * self._size)
        self._coming += wanted
        self._begin(self._take_back(cell, wanted=wanted))

    async def _take_back(self, cell: WarmCell, *, wanted: bool) -> None:
        await cell.dispose()
        if wanted:
            await self._make_one(cell.spawner)
        else:
            await self._retire(cell.spawner)

    def refill(self) -> None:
        """Begin to make what is missing."""
        while self._lacks(self._size):
            self._make()

    async def full(self) -> None:
        """Refill, and return when no cell is being made or closed any more."""
        self.refill()
        while self._working:
            await asyncio.wait(self._working)

    async def begin_close(self) -> None:
        """Stop making cells. No run may be in progress."""
        self._size = 0
        while self._working:
            await asyncio.wait(self._working)

    async def close(self) -> None:
        """Close every cell. The zygote first: only its end removes a cell that failed halfway."""
        while not self._ready.empty():
            cell = self._ready.get_nowait()
            if isinstance(cell, WarmCell):
                await cell.dispose()
                await cell.spawner.close()

    def _lacks(self, many: int) -> bool:
        """Whether one more must be made to have this many ready."""
        return self._ready.qsize() + self._coming < many and time.monotonic() >= self._rests_until

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    def _make(self) -> None:
        self._coming += 1
        self._begin(self._make_one(None))

    async def _make_one(self, spawner: Spawner | None) -> None:
        made: WarmCell | Failure
        zygote: Zygote | None = None
        try:
            if spawner is not None and not spawner.reset():
                self._begin(self._retire(spawner))
                spawner = None
            if spawner is None:
                zygote = self._zygotes.living()
                spawner = await open_spawner(zygote, self._groups, self._limits, self._identities)
            zygote = spawner.zygote
            made = await spawner.make(early=None if self._early is None else await self._early.ends())
        except (SandboxError, OSError) as error:
            why = CellError(f"a cell could not be made: {error}")
            made = Failure(why, dead=None if zygote is None or zygote.alive else zygote)
            if spawner is not None:
                self._begin(self._retire(spawner))
        finally:
            self._coming -= 1
        if isinstance(made, WarmCell) or self._waiting:
            self._ready.put_nowait(made)
        elif self._early is None or made.dead is not None:
            logger.warning("cell_not_made", why=str(made.error))
        else:
            self._rest(self._early, made)

    def _rest(self, early: RuntimeFactory, failure: Failure) -> None:
        """Suspend early starts of a runtime that does not start here, and log it."""
        if self._size:
            self._rests_until = time.monotonic() + REST_S
            logger.warning("runtime_not_early", runtime=early.name, why=str(failure.error), rest_s=REST_S)

    async def _retire(self, spawner: Spawner) -> None:
        try:
            await spawner.close()
        except SandboxError as error:
            logger.error("spawner_left", why=str(error))

    async def _dispose(self, making: asyncio.Future[WarmCell]) -> None:
        """Dispose of a cell whose requester was cancelled."""
        try:
            cell = await making
        except SandboxError as error:
            logger.warning("cell_not_made", why=str(error))
        else:
            await cell.dispose()
            await self._retire(cell.spawner)
