"""The warm sandbox: runs every stage in a cell made ahead of time and never reused.

Python continues in the interpreter that its cell was forked from, and slow runtimes are already started
there; everything else is executed. Where a host does not let its users nest namespaces, `open_sandbox` opens
the cold sandbox instead and logs it.
"""

import asyncio
import contextlib
import platform
from collections.abc import AsyncIterator, Sequence
from functools import partial

import msgspec

from services.executor.sandbox import stage_checks
from services.executor.sandbox.cgroups.choose import open_groups
from services.executor.sandbox.cold.sandbox import open_cold_sandbox, prove
from services.executor.sandbox.guest import ipc
from services.executor.sandbox.interface import (
    CellError,
    OutputSink,
    Reserved,
    Sandbox,
    SandboxError,
    Stage,
    Verdict,
)
from services.executor.sandbox.isolation import seccomp
from services.executor.sandbox.isolation.bwrap_binary import Bubblewrap, bubblewrap, runtime_digest
from services.executor.sandbox.isolation.filesystem import CELL_UID, DATA, NAMESPACES, WORK, zygote_arguments
from services.executor.sandbox.isolation.host_pools import Shared
from services.executor.sandbox.isolation.identities import open_identities
from services.executor.sandbox.isolation.rlimits import raise_own
from services.executor.sandbox.pipes import PipeRoom
from services.executor.sandbox.settings import SandboxSettings
from services.executor.sandbox.warm import job_file
from services.executor.sandbox.warm.cells import WarmCell
from services.executor.sandbox.warm.pool import Pool, Zygotes
from services.executor.sandbox.warm.pools import MakePool, make_pools
from services.executor.sandbox.warm.run import RunConfig, run_stage
from services.executor.sandbox.warm.runtimes import Runtime, runtimes
from services.executor.sandbox.warm.zygote import start_zygote
from shared.domain.events import Isolation
from shared.observability.logs import get_logger

logger = get_logger(__name__)


class ReservedCell:
    """A cell taken from its pool for one stage."""

    def __init__(self, pool: Pool, cell: WarmCell, stage: Stage, conditions: RunConfig) -> None:
        """`run` or `release` returns the cell to its pool."""
        self._pool: Pool | None = pool
        self._cell = cell
        self._stage = stage
        self._conditions = conditions

    async def run(self, *, output: OutputSink, stop: asyncio.Event) -> Verdict:
        """See `Reserved.run`."""
        try:
            return await run_stage(self._cell, self._stage, output, stop, self._conditions)
        except OSError as error:
            await self._cell.end()
            raise CellError(f"a run could not be set up: {error}") from error
        except BaseException:
            await self._cell.end()
            raise
        finally:
            await self.release()

    async def release(self) -> None:
        """See `Reserved.release`."""
        if self._pool is not None:
            self._pool.give_back(self._cell)
            self._pool = None


class WarmSandbox:
    """Runs every stage in a cell of the pool. Made by `open_warm_sandbox`."""

    def __init__(
        self, make: MakePool, early: Sequence[Runtime], conditions: RunConfig, isolation: Isolation
    ) -> None:
        """Store the parts. The caller closes what it opened."""
        self._pools = make_pools(make, early, conditions, compiled=self._compile)
        self._conditions = conditions
        self._isolation = isolation
        self._closing = asyncio.Event()

    @property
    def isolation(self) -> Isolation:
        """What isolates a cell from this host."""
        return self._isolation

    @property
    def cells_ready(self) -> int:
        """How many cells are ready for a job."""
        return sum(pool.ready for pool in self._pools.all)

    async def full(self) -> None:
        """Return when every pool is full."""
        await self._pools.full()

    async def reserve(self, stage: Stage) -> Reserved:
        """See `Sandbox.reserve`."""
        stage_checks.check(stage, self._conditions.bounds)
        pool, cell = await self._pools.take(stage, has_cgroups=self._conditions.has_cgroups)
        return ReservedCell(pool, cell, stage, self._conditions)

    async def run(self, stage: Stage, *, output: OutputSink, stop: asyncio.Event) -> Verdict:
        """See `Sandbox.run`. Raises RejectedError for a stage that can never run, or a product that is too
        long."""
        reserved = await self.reserve(stage)
        return await reserved.run(output=output, stop=stop)

    async def begin_close(self) -> None:
        """Stop making cells. No run may be in progress."""
        self._closing.set()
        await self._pools.begin_close()

    async def close(self) -> None:
        """Close every cell; their zygote must have ended."""
        await self._pools.close()

    async def _compile(self, stage: Stage) -> bytes:
        """The product of a stage of ours. Raises SandboxError if there is none, RejectedError."""
        stage_output = bytearray()
        verdict = await self.run(
            stage, output=lambda _stream, piece: stage_output.extend(piece), stop=self._closing
        )
        if verdict.kept is None:
            why = stage_output.decode(errors="replace").strip()
            raise SandboxError(f"{stage.argv[0]} made no {stage.keep}: {why}; {verdict}")
        return verdict.kept


@contextlib.asynccontextmanager
async def open_sandbox(settings: SandboxSettings | None = None) -> AsyncIterator[Sandbox]:
    """Open the best sandbox that this host supports: warm, if need be with one uid, or else cold.

    Raises SandboxError.
    """
    settings = settings or SandboxSettings()
    async with contextlib.AsyncExitStack() as stack:
        opened: Sandbox
        try:
            try:
                opened = await stack.enter_async_context(open_warm_sandbox(settings))
            except SandboxError:
                one_uid = msgspec.structs.replace(settings, uids=1)
                opened = await stack.enter_async_context(open_warm_sandbox(one_uid))
        except SandboxError as error:
            opened = await stack.enter_async_context(open_cold_sandbox(settings))
            logger.warning("cells_are_cold", why=str(error), seccomp=opened.isolation.seccomp)
        yield opened


@contextlib.asynccontextmanager
async def open_warm_sandbox(
    settings: SandboxSettings | None = None, *, early: Sequence[Runtime] | None = None
) -> AsyncIterator[WarmSandbox]:
    """Open the warm sandbox and run a trial that proves this host can make its cells. Raises SandboxError.

    `early` are the runtimes to start early; by default all.
    """
    settings = settings or SandboxSettings()
    raise_own()
    early = runtimes() if early is None else early
    arguments = zygote_arguments()
    with bubblewrap(settings) as found, open_identities(settings) as identities:
        async with open_groups(settings) as groups:
            shared = Shared(memory=groups.version == "none", uid=identities.size == 1)
            walls = _walls(settings, shared)
            zygotes = Zygotes(partial(start_zygote, found, arguments, walls, identities))
            conditions = RunConfig(
                poll_s=settings.poll_ms / 1000,
                has_cgroups=groups.version != "none",
                bounds=settings,
                pipes=PipeRoom(),
            )
            isolation = Isolation(
                namespaces=NAMESPACES,
                seccomp=seccomp.digest(bytes.fromhex(walls.seccomp)),
                cgroup=groups.version,
                processor_shares=groups.has_shares,
                uid=identities.first_uid,
                uids=identities.size,
                runtime_digest=_digest(found, arguments, walls, early),
            )
            sandbox = WarmSandbox(partial(Pool, zygotes, groups, identities), early, conditions, isolation)
            try:
                await prove(sandbox)
                yield sandbox
            finally:
                await sandbox.begin_close()
                await zygotes.close()
                await sandbox.close()


def _walls(settings: SandboxSettings, shared: Shared) -> ipc.IsolationConfig:
    try:
        code = seccomp.assemble(platform.machine(), shared)
    except KeyError as error:
        raise SandboxError(f"there is no filter of system calls for {error}") from error
    return ipc.IsolationConfig(
        uid=CELL_UID,
        work=WORK,
        data=DATA,
        tmp_bytes=settings.tmp_bytes,
        shared_memory_bytes=settings.shared_memory_bytes,
        inodes_max=settings.disk_inodes,
        seccomp=code.hex(),
    )


def _digest(
    found: Bubblewrap, arguments: list[str], walls: ipc.IsolationConfig, early: Sequence[Runtime]
) -> str:
    ours = [f"{name}:{text!r}" for name, text in job_file.guest_files()]
    return runtime_digest(found.path, [*arguments, *ours, repr(walls), *map(repr, early)])
