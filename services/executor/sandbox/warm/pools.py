"""The pools of one sandbox: cells that become anything, and for each runtime that starts early its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.executor.sandbox.interface import Stage
from services.executor.sandbox.warm.cells import WarmCell
from services.executor.sandbox.warm.pool import Pool
from services.executor.sandbox.warm.prestarted_runtime import Compile, Starter
from services.executor.sandbox.warm.run import RunConfig
from services.executor.sandbox.warm.runtimes import Runtime
from shared.domain.events import Limits

READY_LIMITS = Limits()
"""What cells are made for; a job that asks for else has its cell adapted when it comes."""


class MakePool(Protocol):
    """Makes a pool of one kind of cells, all under `limits`."""

    def __call__(self, *, size: int, limits: Limits, early: Starter | None = None) -> Pool:
        """See `Pool`."""
        ...


@dataclass(slots=True)
class EarlyPool:
    """Cells in which a runtime waits, from the first job on that wants one."""

    runtime: Runtime
    pool: Pool
    wanted: bool = False


@dataclass(frozen=True, slots=True)
class Pools:
    """Cells that become anything, and for each runtime that starts early its own."""

    default_pool: Pool
    early: tuple[EarlyPool, ...]

    @property
    def all(self) -> tuple[Pool, ...]:
        """Those first that may take from the others."""
        return (*(each.pool for each in self.early), self.default_pool)

    async def take(self, stage: Stage, *, has_cgroups: bool) -> tuple[Pool, WarmCell]:
        """A cell for a stage, and the pool to give it back to. Raises SandboxError."""
        for early in self.early:
            if early.runtime.can_run(stage, READY_LIMITS, has_cgroups=has_cgroups):
                early.wanted = True
                if cell := early.pool.take_ready():
                    return early.pool, cell
        return self.default_pool, await self.default_pool.take(disk_bytes=stage.limits.disk_bytes)

    async def full(self) -> None:
        """Return when as many cells are ready as there should be."""
        for early in self.early:
            if early.wanted:
                await early.pool.full()
        await self.default_pool.full()

    async def begin_close(self) -> None:
        """Make no more cells. No run may be going on."""
        for pool in self.all:
            await pool.begin_close()

    async def close(self) -> None:
        """Give up every cell."""
        for pool in self.all:
            await pool.close()


def make_pools(
    make: MakePool, runtimes: Sequence[Runtime], conditions: RunConfig, *, compiled: Compile
) -> Pools:
    """All pools, empty yet. `compiled` makes what a runtime must have compiled before it can start early."""

    def early(runtime: Runtime) -> EarlyPool:
        starter = Starter(
            runtime,
            compiled,
            ready=READY_LIMITS,
            has_cgroups=conditions.has_cgroups,
        )
        size = conditions.bounds.early_ready
        return EarlyPool(runtime, make(size=size, limits=READY_LIMITS, early=starter))

    usual = make(size=conditions.bounds.cells_ready, limits=READY_LIMITS)
    return Pools(usual, tuple(map(early, runtimes)))
