"""Warm cells as the executor holds them, and the spawners that make them.

A spawner is a process forked from the zygote that has joined a group and makes one cell after another in it.
It joins before any job arrives: with cgroups of version 1 that takes the kernel ten milliseconds, which no
job waits for. A cell is gone when its pid 1 is dead, because the kernel lets pid 1 die last; only then may
its spawner make another.
"""

import asyncio
import os
import select
import socket
from collections.abc import Callable

from services.executor.sandbox import process_handle
from services.executor.sandbox.cgroups.choose import remove_group
from services.executor.sandbox.cgroups.interface import CellGroup, Groups
from services.executor.sandbox.cold.cell import wait_uncancelled
from services.executor.sandbox.guest import ipc, syscalls
from services.executor.sandbox.interface import SandboxError
from services.executor.sandbox.isolation.identities import Identities, Identity, SharedIdentity
from services.executor.sandbox.pipes import readable
from services.executor.sandbox.warm.job_file import close_all
from services.executor.sandbox.warm.prestarted_runtime import PrestartedRuntime
from services.executor.sandbox.warm.zygote import Zygote
from shared.domain.events import Limits

SPARE_PROCESSES = 2
"""The sandbox's own processes in a group: the spawner and pid 1."""
MAKING_S = 20.0
"""How long a spawner or a cell may take to become ready: a thousand times the usual."""


class Spawner:
    """Makes cells, one at a time. Made by `open_spawner`; `close` must be called."""

    def __init__(
        self,
        zygote: Zygote,
        known: frozenset[str],
        channel: socket.socket,
        group: CellGroup,
        limits: Limits,
        identities: Identities | SharedIdentity,
    ) -> None:
        """Take over the channel and the group, which is under `limits`."""
        self.zygote = zygote
        self.known = known
        self.group = group
        self._channel = channel
        self._ready_limits = self._limits = limits
        self._joins_by_itself = bool(group.cgroup_procs_paths)
        self._identities = identities
        self._doubtful: list[Identity | None] = []

    async def make(
        self, *, disk_bytes: int | None = None, early: PrestartedRuntime | None = None
    ) -> "WarmCell":
        """Make a cell with a disk of this size, for an early runtime if given, and wait until it is ready.

        Not to be cancelled. Takes ownership of `early` in every case. Raises SandboxError.
        """
        try:
            identity = self._identities.claim()
        except SandboxError:
            if early is not None:
                early.close()
            raise
        try:
            ours, init = await self._make(identity, disk_bytes, early)
        except BaseException:
            self._doubtful.append(identity)
            raise
        return WarmCell(self, ours, init, early, lambda: self._identities.release(identity))

    async def _make(
        self, identity: Identity | None, disk_bytes: int | None, early: PrestartedRuntime | None
    ) -> tuple[socket.socket, int]:
        """The channel of a new cell and a pidfd of its pid 1."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        try:
            try:
                size = self._ready_limits.disk_bytes if disk_bytes is None else disk_bytes
                ends = () if early is None else early.theirs
                order = ipc.encode_cell(ipc.CellOrder(size, *(identity or (0, 0))))
                syscalls.send(self._channel, order, theirs.fileno(), *ends)
            except OSError as error:
                raise SandboxError(
                    f"a spawner does not listen: {error}; {self.zygote.stderr_tail()}"
                ) from error
            finally:
                theirs.close()
                if early is not None:
                    early.close_theirs()
            init = await _first_word(ours, self.zygote)
            if init is None:
                raise SandboxError("a cell gave no hold on itself")
            if early is not None:
                await _waiting(early, init)
        except SandboxError:
            ours.close()
            if early is not None:
                early.close()
            raise
        if not self._joins_by_itself:
            self.group.join(process_handle.pid_of(init))
        return ours, init

    def apply_limits(self, limits: Limits) -> None:
        """Put the cell under these limits. Raises OSError; EBUSY if it uses more memory already."""
        wanted = (limits.memory_bytes, limits.processes)
        if wanted != (self._limits.memory_bytes, self._limits.processes) or not self._joins_by_itself:
            self.group.limit(limits, spare_processes=SPARE_PROCESSES)
            self._limits = limits

    def reset(self) -> bool:
        """Prepare for another cell; False if this spawner cannot be reused."""
        try:
            if not self.zygote.alive or not self.group.reset():
                return False
            self.apply_limits(self._ready_limits)
        except OSError:
            return False
        return True

    async def close(self) -> None:
        """Close it; its cell must be gone."""
        self._channel.close()
        if not await asyncio.to_thread(self.group.remove):
            await remove_group(self.group)
        for identity in self._doubtful:
            # A group shows when no process is left. Otherwise the end of the zygote implies it.
            if self._joins_by_itself:
                self._identities.release(identity)


class WarmCell:
    """A cell waiting for its one job. `dispose` must be called."""

    def __init__(
        self,
        spawner: Spawner,
        channel: socket.socket,
        init: int,
        early: PrestartedRuntime | None,
        release: Callable[[], None],
    ) -> None:
        """Take over the channel, `init` (the pidfd of its pid 1), and the ends of an early runtime.

        `release` is called when no process of it is left.
        """
        self._release = release
        self.early = early
        self.spawner = spawner
        self.channel = channel
        self.init = init

    @property
    def group(self) -> CellGroup:
        """The group that limits and counts it."""
        return self.spawner.group

    @property
    def alive(self) -> bool:
        """Whether its pid 1 is still running."""
        return not _can_be_read(self.init)

    @property
    def fresh(self) -> bool:
        """Whether it is unused: the zygote and pid 1 live, and no end was reported."""
        return self.spawner.zygote.alive and not _can_be_read(self.init, self.channel.fileno())

    def kill(self) -> None:
        """Kill every process in it."""
        process_handle.kill(self.init)

    async def wait_gone(self) -> None:
        """Return when none of its processes is left."""
        if self.alive:
            await readable(self.init)

    async def end(self) -> None:
        """Kill it and wait until no process is left, even if the waiting task is cancelled."""
        self.kill()
        if self.alive:
            await wait_uncancelled(asyncio.ensure_future(self.wait_gone()))

    async def dispose(self) -> None:
        """End it, and close our descriptors."""
        self.channel.close()
        if self.early is not None:
            self.early.close()
        try:
            await self.end()
            self._release()
        finally:
            os.close(self.init)


async def open_spawner(
    zygote: Zygote, groups: Groups, limits: Limits, identities: Identities | SharedIdentity
) -> Spawner:
    """Request a spawner and wait until it has joined its group. Not to be cancelled.

    Raises SandboxError, OSError.
    """
    known = await zygote.imported_modules()
    group, cgroup_procs_paths = await asyncio.to_thread(_enter_group, groups, limits)
    try:
        channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except OSError:
        close_all(*cgroup_procs_paths)
        group.remove()
        raise
    channel.setblocking(False)
    spawner = Spawner(zygote, known, channel, group, limits, identities)
    try:
        try:
            zygote.ask(theirs, cgroup_procs_paths)
        finally:
            theirs.close()
            close_all(*cgroup_procs_paths)
        await _first_word(channel, zygote)
        if not spawner.reset():
            raise SandboxError(f"a spawner was lost while it was opened: {zygote.stderr_tail()}")
    except SandboxError:
        await spawner.close()
        raise
    return spawner


def _enter_group(groups: Groups, limits: Limits) -> tuple[CellGroup, list[int]]:
    """Make a group and open the files through which its spawner joins: only the executor may open them."""
    cgroup_procs_paths: list[int] = []
    try:
        group = groups.create(limits, spare_processes=SPARE_PROCESSES)
        try:
            cgroup_procs_paths.extend(
                os.open(path, os.O_WRONLY | os.O_CLOEXEC) for path in group.cgroup_procs_paths
            )
        except OSError:
            close_all(*cgroup_procs_paths)
            group.remove()
            raise
    except OSError as error:
        raise SandboxError(f"a cgroup could not be made: {error}") from error
    return group, cgroup_procs_paths


async def _first_word(channel: socket.socket, zygote: Zygote) -> int | None:
    """Wait for a READY message and return the descriptor sent with it. Raises SandboxError."""
    try:
        async with asyncio.timeout(MAKING_S):
            await readable(channel.fileno())
        message, descriptors = syscalls.receive(channel, ipc.MESSAGE_BYTES_MAX)
    except (TimeoutError, OSError) as error:
        raise SandboxError(f"a cell did not get ready: {error!r}; {zygote.stderr_tail()}") from error
    if message != ipc.READY:
        close_all(*descriptors)
        why = message.decode(errors="replace") or f"the zygote ended: {zygote.stderr_tail()}"
        raise SandboxError(why)
    return descriptors[0] if descriptors else None


async def _waiting(early: PrestartedRuntime, init: int) -> None:
    try:
        await early.waiting()
    except SandboxError:
        process_handle.kill(init)
        await readable(init)
        os.close(init)
        raise


def _can_be_read(*descriptors: int) -> bool:
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
