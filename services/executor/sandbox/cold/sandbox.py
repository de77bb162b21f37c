"""The cold sandbox: makes one bubblewrap a stage on demand and never reuses it.

Limits compared with the warm sandbox: it cannot tell `exit(128 + n)` from the end by signal n; it cannot
report that the disk was full (only the program sees ENOSPC); and it bounds the number of inodes only by the
memory that they take.
"""

import asyncio
import contextlib
import platform
from collections.abc import AsyncIterator

from services.executor.sandbox import stage_checks
from services.executor.sandbox.cgroups.choose import open_groups, remove_group
from services.executor.sandbox.cgroups.interface import CellGroup, Groups
from services.executor.sandbox.cold import bwrap_command
from services.executor.sandbox.cold.bwrap_process import Launcher, Started
from services.executor.sandbox.cold.cell import wait_uncancelled
from services.executor.sandbox.interface import (
    CellError,
    OutputSink,
    RejectedError,
    Reserved,
    Sandbox,
    SandboxError,
    Skipped,
    Stage,
    Verdict,
)
from services.executor.sandbox.isolation import seccomp
from services.executor.sandbox.isolation.bwrap_binary import bubblewrap, runtime_digest
from services.executor.sandbox.isolation.filesystem import NAMESPACES, root_arguments, wall_arguments
from services.executor.sandbox.isolation.host_pools import Shared
from services.executor.sandbox.isolation.identities import (
    Identities,
    Identity,
    SharedIdentity,
    open_identities,
)
from services.executor.sandbox.isolation.rlimits import raise_own
from services.executor.sandbox.pipes import PipeRoom
from services.executor.sandbox.settings import SandboxSettings
from services.executor.sandbox.verdict import KILLED, Status, Usage, ending, product_too_long
from shared.domain.events import Isolation, Limits

SPARE_PROCESSES = 2
"""The sandbox's own processes in a cell: the monitor and pid 1. A stage that keeps a product also has its
shell."""

NO_TERMINAL = "the cells of this host have no terminals"
NOT_BROUGHT_OUT = "the cells of this host cannot bring files out"
"""The reason given for every pattern: collecting files needs the warm sandbox's pid 1."""
TRIAL = Stage(name="run", argv=("/bin/sh", "-c", ":"), files=(), limits=Limits())


class ReservedGroup:
    """The group and the identity reserved for a cell that is made when it runs."""

    def __init__(
        self,
        group: CellGroup,
        identity: Identity | None,
        identities: Identities | SharedIdentity,
        stage: Stage,
        launcher: Launcher,
    ) -> None:
        """`run` or `release` removes the group and releases the identity."""
        self._group: CellGroup | None = group
        self._identity = identity
        self._identities = identities
        self._stage = stage
        self._launcher = launcher

    async def run(self, *, output: OutputSink, stop: asyncio.Event) -> Verdict:
        """See `Reserved.run`."""
        assert self._group is not None, "it is used once"
        try:
            started = self._launcher.start(self._stage, self._group, output, self._identity)
            with contextlib.closing(started):
                await started.cell.wait(stop)
                started.drain()
                return _verdict(self._stage, started, _usage(self._group))
        finally:
            await self.release()

    async def release(self) -> None:
        """See `Reserved.release`."""
        group, self._group = self._group, None
        if group is not None:
            if not group.remove():
                await wait_uncancelled(asyncio.ensure_future(remove_group(group)))
            self._identities.release(self._identity)


class ColdSandbox:
    """Runs every stage in a bubblewrap of its own. Made by `open_cold_sandbox`."""

    def __init__(
        self,
        settings: SandboxSettings,
        launcher: Launcher,
        groups: Groups,
        identities: Identities | SharedIdentity,
        isolation: Isolation,
    ) -> None:
        """Store the parts. The caller closes what it opened."""
        self._settings = settings
        self._identities = identities
        self._launcher = launcher
        self._groups = groups
        self._isolation = isolation

    @property
    def isolation(self) -> Isolation:
        """What isolates a cell from this host."""
        return self._isolation

    async def reserve(self, stage: Stage) -> Reserved:
        """See `Sandbox.reserve`. Until the stage runs, only the cell's group exists."""
        stage_checks.check(stage, self._settings)
        if stage.live is not None and stage.live.terminal is not None:
            raise RejectedError(NO_TERMINAL)
        identity = self._identities.claim()
        try:
            group = self._group(stage)
        except BaseException:
            self._identities.release(identity)
            raise
        return ReservedGroup(group, identity, self._identities, stage, self._launcher)

    async def run(self, stage: Stage, *, output: OutputSink, stop: asyncio.Event) -> Verdict:
        """See `Sandbox.run`. Raises RejectedError for a stage that can never run, or a product that is too
        long."""
        reserved = await self.reserve(stage)
        return await reserved.run(output=output, stop=stop)

    def _group(self, stage: Stage) -> CellGroup:
        spare = SPARE_PROCESSES + (stage.keep is not None)
        try:
            return self._groups.create(stage.limits, spare_processes=spare)
        except OSError as error:
            raise CellError(f"a cgroup could not be made: {error}") from error


@contextlib.asynccontextmanager
async def open_cold_sandbox(settings: SandboxSettings | None = None) -> AsyncIterator[ColdSandbox]:
    """Open the cold sandbox and run a trial that proves this host can make cells. Raises SandboxError."""
    settings = settings or SandboxSettings()
    raise_own()
    with bubblewrap(settings) as binary, open_identities(settings, cold=True) as identities:
        async with open_groups(settings) as groups:
            code = _filter(Shared(memory=groups.version == "none", uid=identities.size == 1))
            walls = [*wall_arguments(), *root_arguments(settings)]
            launcher = Launcher(
                binary,
                walls=bwrap_command.encode(walls),
                filter=code,
                lock=identities.lock,
                has_cgroups=groups.version != "none",
                poll_s=settings.poll_ms / 1000,
                pipes=PipeRoom(),
            )
            isolation = Isolation(
                namespaces=NAMESPACES,
                seccomp=seccomp.digest(code) if code else None,
                cgroup=groups.version,
                processor_shares=groups.has_shares,
                uid=identities.first_uid,
                uids=identities.size,
                runtime_digest=runtime_digest(binary.path, walls),
            )
            sandbox = ColdSandbox(settings, launcher, groups, identities, isolation)
            await prove(sandbox)
            yield sandbox


def _filter(shared: Shared) -> bytes:
    """The seccomp filter; empty on a machine type without one."""
    try:
        return seccomp.assemble(platform.machine(), shared)
    except KeyError:
        return b""


async def prove(sandbox: Sandbox) -> None:
    """Run a program that does nothing. Raises SandboxError."""
    verdict = await sandbox.run(TRIAL, output=lambda _stream, _piece: None, stop=asyncio.Event())
    if verdict.exit_code != 0:
        raise SandboxError(f"a cell that should do nothing ended otherwise: {verdict}")


def _usage(group: CellGroup) -> Usage:
    try:
        return group.usage()
    except OSError as error:
        raise SandboxError(f"nothing counted what the cell used: {error}") from error


def _verdict(stage: Stage, started: Started, usage: Usage) -> Verdict:
    cell, product = started.cell, _product(stage, started)
    flooded = started.stdout.overflowed or started.stderr.overflowed
    end = ending(
        status=Status.from_exit_code(cell.returncode),
        stop=cell.stop or ("output_limit" if flooded else None),
        usage=usage,
        limits=stage.limits,
    )
    if not cell.executed and (end.stopped_by is None or end.signal != KILLED):
        raise CellError(f"bubblewrap ended with status {cell.returncode}: {_stderr_tail(started)}")
    return Verdict(
        exit_code=end.exit_code,
        signal=end.signal,
        stopped_by=end.stopped_by,
        detail=product_too_long(stage) if stage.keep is not None and started.complaints.overflowed else None,
        wall_ms=cell.wall_ms,
        cpu_ms=usage.cpu_ms,
        memory_peak_bytes=usage.memory_peak_bytes,
        stdout_bytes=started.stdout.bytes_read,
        stderr_bytes=started.stderr.bytes_read,
        kept=product if end.exit_code == 0 else None,
        skipped=tuple(Skipped(pattern, NOT_BROUGHT_OUT) for pattern in stage.artifacts),
    )


def _product(stage: Stage, started: Started) -> bytes | None:
    """The stage's product; None if it is no regular file. Nothing else is written to that pipe then."""
    if stage.keep is None or started.complaints.overflowed:
        return None
    own_output = bytes(started.own_output)
    return (
        own_output.removeprefix(bwrap_command.KEPT_MARK)
        if own_output.startswith(bwrap_command.KEPT_MARK)
        else None
    )


def _stderr_tail(started: Started) -> str:
    return started.own_output.decode(errors="replace").strip() or "no reason given"
