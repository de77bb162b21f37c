"""The pools of one sandbox: one of general cells, and one for each prestarted runtime."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.executor.sandbox.interface import Stage
from services.executor.sandbox.warm.cells import WarmCell
from services.executor.sandbox.warm.pool import Pool
from services.executor.sandbox.warm.prestarted_runtime import Compile, RuntimeFactory
from services.executor.sandbox.warm.run import RunConfig
from services.executor.sandbox.warm.runtimes import Runtime
from shared.domain.events import Limits

READY_LIMITS = Limits()
"""The limits of general cells; a job with others has its cell's limits changed when it arrives."""


class MakePool(Protocol):
    """Makes a pool of one kind of cells, all under `limits`."""

    def __call__(self, *, size: int, limits: Limits, early: RuntimeFactory | None = None) -> Pool:
        """See `Pool`."""
        ...


@dataclass(slots=True)
class EarlyPool:
    """Cells in which a runtime waits, made from the runtime's first job on."""

    runtime: Runtime
    pool: Pool
    wanted: bool = False


@dataclass(frozen=True, slots=True)
class Pools:
    """General cells, and a pool for each prestarted runtime."""

    default_pool: Pool
    early: tuple[EarlyPool, ...]

    @property
    def all(self) -> tuple[Pool, ...]:
        """All pools; the ones that may take from others come first."""
        return (*(each.pool for each in self.early), self.default_pool)

    async def take(self, stage: Stage, *, has_cgroups: bool) -> tuple[Pool, WarmCell]:
        """Take a cell for a stage, and the pool to return it to. Raises SandboxError."""
        for early in self.early:
            if early.runtime.can_run(stage, has_cgroups=has_cgroups):
                early.wanted = True
                if cell := early.pool.take_ready():
                    return early.pool, cell
        return self.default_pool, await self.default_pool.take(disk_bytes=stage.limits.disk_bytes)

    async def full(self) -> None:
        """Return when every pool is full."""
        for early in self.early:
            if early.wanted:
                await early.pool.full()
        await self.default_pool.full()

    async def begin_close(self) -> None:
        """Stop making cells. No run may be in progress."""
        for pool in self.all:
            await pool.begin_close()

    async def close(self) -> None:
        """Close every cell."""
        for pool in self.all:
            await pool.close()


def make_pools(
    make: MakePool, runtimes: Sequence[Runtime], conditions: RunConfig, *, compiled: Compile
) -> Pools:
    """All pools, still empty. `compiled` builds what a runtime needs compiled before it can start early."""

    def early(runtime: Runtime) -> EarlyPool:
        factory = RuntimeFactory(runtime, compiled, has_cgroups=conditions.has_cgroups)
        size = conditions.bounds.early_ready
        return EarlyPool(runtime, make(size=size, limits=runtime.limits, early=factory))

    default_pool = make(size=conditions.bounds.cells_ready, limits=READY_LIMITS)
    return Pools(default_pool, tuple(map(early, runtimes)))
