"""The warm sandbox: every stage in a cell that was made ahead of time and is never used again.

Python goes on in the interpreter that its cell was forked from; everything else is executed. Where a host
does not let its users nest namespaces, `open_sandbox` opens the cold sandbox instead and says so.
"""

import asyncio
import contextlib
import platform
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

from services.executor.sandbox import admission, order, seccomp
from services.executor.sandbox.bubblewrap import open_cold_sandbox, prove
from services.executor.sandbox.cells import WarmCell
from services.executor.sandbox.cgroups import open_groups
from services.executor.sandbox.early import Early, early_argv, is_early
from services.executor.sandbox.host import Bubblewrap, bubblewrap, runtime_digest
from services.executor.sandbox.inside import wire
from services.executor.sandbox.pool import Pool, Wardens
from services.executor.sandbox.rlimits import resource_limits
from services.executor.sandbox.root import BASE_ENVIRONMENT, CELL_UID, NAMESPACES, WORK, warden_arguments
from services.executor.sandbox.run import Conditions, run_stage
from services.executor.sandbox.sandbox import OutputSink, Sandbox, SandboxError, Stage, Verdict
from services.executor.sandbox.settings import SandboxSettings
from services.executor.sandbox.warden import PLACE, started
from shared.events import Isolation, Limits
from shared.logs import get_logger

logger = get_logger(__name__)

READY_LIMITS = Limits()
"""What cells are made for; a job that asks for else has its cell adapted when it comes."""


@dataclass(slots=True)
class Pools:
    """Cells that become anything, and cells in which Node.js waits, from the first job on that wants one."""

    usual: Pool
    early: Pool
    early_wanted: bool = False

    async def take(self, stage: Stage, *, has_cgroups: bool) -> tuple[Pool, WarmCell]:
        """A cell for a stage, and the pool to give it back to. Raises SandboxError."""
        if is_early(stage, READY_LIMITS, has_cgroups=has_cgroups):
            self.early_wanted = True
            if cell := self.early.take_ready():
                return self.early, cell
        return self.usual, await self.usual.take(disk_bytes=stage.limits.disk_bytes)


class WarmSandbox:
    """Runs every stage in a cell of the pool. Made by `open_warm_sandbox`."""

    def __init__(
        self, settings: SandboxSettings, pools: Pools, conditions: Conditions, isolation: Isolation
    ) -> None:
        """Nothing happens yet; what the arguments hold open is closed by who opened it."""
        self._settings = settings
        self._pools = pools
        self._conditions = conditions
        self._isolation = isolation

    @property
    def isolation(self) -> Isolation:
        """What stands between a cell and this host."""
        return self._isolation

    @property
    def cells_ready(self) -> int:
        """How many cells wait for a job."""
        return self._pools.usual.ready + self._pools.early.ready

    async def full(self) -> None:
        """Return when as many cells are ready as there should be."""
        await self._pools.usual.full()
        if self._pools.early_wanted:
            await self._pools.early.full()

    async def run(self, stage: Stage, *, output: OutputSink, stop: asyncio.Event) -> Verdict:
        """See `Sandbox.run`. Raises RejectedError for what can never run, or a product that is too long."""
        admission.check(stage, self._settings)
        pool, cell = await self._pools.take(stage, has_cgroups=self._conditions.has_cgroups)
        try:
            return await run_stage(cell, stage, output, stop, self._conditions)
        except OSError as error:
            await cell.end()
            raise SandboxError(f"a run could not be set up: {error}") from error
        except BaseException:
            await cell.end()
            raise
        finally:
            pool.give_back(cell)


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
    arguments = warden_arguments()
    with bubblewrap(settings) as found:
        async with open_groups(settings) as groups:
            walls = _walls(settings, has_cgroups=groups.version != "none")
            wardens = Wardens(partial(started, found, arguments, walls))
            owner = None if found.uid is None or found.gid is None else (found.uid, found.gid)
            make = partial(Pool, wardens, groups, limits=READY_LIMITS)
            pools = Pools(
                usual=make(size=settings.cells_ready),
                early=make(size=settings.early_ready, early=partial(Early, owner)),
            )
            conditions = Conditions(
                poll_s=settings.poll_ms / 1000,
                has_cgroups=groups.version != "none",
                owner=owner,
                bounds=settings,
            )
            isolation = Isolation(
                namespaces=NAMESPACES,
                seccomp=seccomp.digest(bytes.fromhex(walls.seccomp)),
                cgroup=groups.version,
                uid=found.cell_uid,
                runtime_digest=_digest(found, arguments, walls),
            )
            sandbox = WarmSandbox(settings, pools, conditions, isolation)
            try:
                await prove(sandbox)
                yield sandbox
            finally:
                for pool in (pools.usual, pools.early):
                    await pool.begin_close()
                await wardens.close()
                for pool in (pools.usual, pools.early):
                    await pool.close()


def _walls(settings: SandboxSettings, *, has_cgroups: bool) -> wire.Walls:
    try:
        code = seccomp.assembled(platform.machine(), memory_is_counted=has_cgroups)
    except KeyError as error:
        raise SandboxError(f"there is no filter of system calls for {error}") from error
    return wire.Walls(
        uid=CELL_UID,
        work=WORK,
        tmp_bytes=settings.tmp_bytes,
        shared_memory_bytes=settings.shared_memory_bytes,
        inodes_max=settings.disk_inodes,
        seccomp=code.hex(),
        early=early_argv(f"{PLACE}/{order.START_SCRIPT}"),
        environment={**dict(BASE_ENVIRONMENT), "PWD": WORK},
        rlimits=resource_limits(READY_LIMITS, has_cgroups=has_cgroups),
    )


def _digest(found: Bubblewrap, arguments: list[str], walls: wire.Walls) -> str:
    ours = [f"{name}:{text!r}" for name, text in order.inside_files()]
    return runtime_digest(found.path, [*arguments, *ours, repr(walls)])
