"""The warm sandbox: every stage in a cell that was made ahead of time and is never used again.

Python goes on in the interpreter that its cell was forked from; everything else is executed. Where a host
does not let its users nest namespaces, `open_sandbox` opens the cold sandbox instead and says so.
"""

import asyncio
import contextlib
import platform
from collections.abc import AsyncIterator
from functools import partial

from services.executor.sandbox import admission, order, seccomp
from services.executor.sandbox.bubblewrap import open_cold_sandbox, prove
from services.executor.sandbox.cgroups import open_groups
from services.executor.sandbox.host import Bubblewrap, bubblewrap, runtime_digest
from services.executor.sandbox.inside import wire
from services.executor.sandbox.pool import Pool
from services.executor.sandbox.root import CELL_UID, NAMESPACES, WORK, warden_arguments
from services.executor.sandbox.run import Conditions, run_stage
from services.executor.sandbox.sandbox import OutputSink, Sandbox, SandboxError, Stage, Verdict
from services.executor.sandbox.settings import SandboxSettings
from services.executor.sandbox.warden import started
from shared.events import Isolation, Limits
from shared.logs import get_logger

logger = get_logger(__name__)

READY_LIMITS = Limits()
"""What cells are made for; a job that asks for else has its cell adapted when it comes."""


class WarmSandbox:
    """Runs every stage in a cell of the pool. Made by `open_warm_sandbox`."""

    def __init__(
        self, settings: SandboxSettings, pool: Pool, conditions: Conditions, isolation: Isolation
    ) -> None:
        """Nothing happens yet; what the arguments hold open is closed by who opened it."""
        self._settings = settings
        self._pool = pool
        self._conditions = conditions
        self._isolation = isolation

    @property
    def isolation(self) -> Isolation:
        """What stands between a cell and this host."""
        return self._isolation

    async def full(self) -> None:
        """Return when as many cells are ready as there should be."""
        await self._pool.full()

    async def run(self, stage: Stage, *, output: OutputSink, stop: asyncio.Event) -> Verdict:
        """See `Sandbox.run`. Raises RejectedError for what can never run, or a product that is too long."""
        admission.check(stage, self._settings)
        cell = await self._pool.take(disk_bytes=stage.limits.disk_bytes)
        try:
            return await run_stage(cell, stage, output, stop, self._conditions)
        finally:
            await self._pool.give_back(cell)


@contextlib.asynccontextmanager
async def open_sandbox(settings: SandboxSettings | None = None) -> AsyncIterator[Sandbox]:
    """Open the best sandbox that this host can have: warm, or else cold. Raises SandboxError."""
    async with contextlib.AsyncExitStack() as stack:
        opened: Sandbox
        try:
            opened = await stack.enter_async_context(open_warm_sandbox(settings))
        except SandboxError as error:
            opened = await stack.enter_async_context(open_cold_sandbox(settings))
            logger.warning("cells_are_cold", why=str(error), seccomp=opened.isolation.seccomp)
        yield opened


@contextlib.asynccontextmanager
async def open_warm_sandbox(settings: SandboxSettings | None = None) -> AsyncIterator[WarmSandbox]:
    """Open the warm sandbox and prove by a trial that this host can make its cells. Raises SandboxError."""
    settings = settings or SandboxSettings()
    walls, arguments = _walls(settings), warden_arguments()
    with bubblewrap(settings) as found:
        async with open_groups(settings) as groups:
            start = partial(started, found, arguments, walls)
            pool = Pool(start, groups, size=settings.cells_ready, limits=READY_LIMITS)
            conditions = Conditions(
                poll_s=settings.poll_ms / 1000,
                has_cgroups=groups.version != "none",
                owner=None if found.uid is None or found.gid is None else (found.uid, found.gid),
                bounds=settings,
            )
            isolation = Isolation(
                namespaces=NAMESPACES,
                seccomp=seccomp.digest(bytes.fromhex(walls.seccomp)),
                cgroup=groups.version,
                uid=found.cell_uid,
                runtime_digest=_digest(found, arguments, walls),
            )
            sandbox = WarmSandbox(settings, pool, conditions, isolation)
            try:
                await prove(sandbox)
                yield sandbox
            finally:
                await pool.close()


def _walls(settings: SandboxSettings) -> wire.Walls:
    try:
        code = seccomp.assembled(platform.machine())
    except KeyError as error:
        raise SandboxError(f"there is no filter of system calls for {error}") from error
    return wire.Walls(
        uid=CELL_UID,
        work=WORK,
        tmp_bytes=settings.tmp_bytes,
        shared_memory_bytes=settings.shared_memory_bytes,
        inodes_max=settings.disk_inodes,
        seccomp=code.hex(),
    )


def _digest(found: Bubblewrap, arguments: list[str], walls: wire.Walls) -> str:
    ours = [f"{name}:{text!r}" for name, text in order.inside_files()]
    return runtime_digest(found.path, [*arguments, *ours, repr(walls)])
