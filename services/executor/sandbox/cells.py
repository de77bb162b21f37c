"""A warm cell as the executor holds it: its channel, its pid 1 and its group, from the asking to the end.

The cell joins its group by itself, before any job arrives: where cgroups are of version 1 that takes the
kernel ten milliseconds, which nobody waits for. The cell is gone when its pid 1 is dead, which the kernel
makes the last of its namespaces to die.
"""

import asyncio
import contextlib
import os
import select
import socket
from pathlib import Path

from services.executor.sandbox.cell import settled
from services.executor.sandbox.cgroups import removed
from services.executor.sandbox.groups import CellGroup, Groups
from services.executor.sandbox.inside import wire
from services.executor.sandbox.order import closed
from services.executor.sandbox.sandbox import SandboxError
from services.executor.sandbox.warden import Warden, killed
from shared.events import Limits

SPARE_PROCESSES = 1
"""Our own in a warm cell: pid 1."""
MAKING_S = 20.0
"""How long a cell may take to get ready: a thousand times what it takes."""


class WarmCell:
    """A cell that waits for its one job. `dispose` must be called."""

    def __init__(self, channel: socket.socket, init: int, group: CellGroup) -> None:
        """Take over all of them; `init` holds its pid 1."""
        self.channel = channel
        self.group = group
        self._init = init

    @property
    def alive(self) -> bool:
        """Whether its pid 1 has not ended."""
        poll = select.poll()
        poll.register(self._init, select.POLLIN)
        return not poll.poll(0)

    def kill(self) -> None:
        """End all that is in it."""
        killed(self._init)

    async def gone(self) -> None:
        """Return when nothing of its processes is left."""
        loop = asyncio.get_running_loop()
        if self.alive:
            ended: asyncio.Future[None] = loop.create_future()
            loop.add_reader(self._init, _resolve, ended)
            try:
                await ended
            finally:
                loop.remove_reader(self._init)

    async def dispose(self) -> None:
        """End it and wait until nothing of it is left, whoever cancels us meanwhile."""
        await settled(asyncio.ensure_future(self._dispose()))

    async def _dispose(self) -> None:
        self.kill()
        self.channel.close()
        await self.gone()
        os.close(self._init)
        if not await asyncio.to_thread(self.group.remove):
            await removed(self.group)


async def make_cell(warden: Warden, groups: Groups, limits: Limits) -> WarmCell:
    """Ask for a cell and wait until it is ready. Not to be cancelled. Raises SandboxError."""
    group, entrances = await asyncio.to_thread(_entered, groups, limits)
    channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel.setblocking(False)
    try:
        try:
            warden.ask(theirs, entrances)
        finally:
            theirs.close()
            closed(*entrances)
        init = await _ready(channel, warden)
    except SandboxError:
        channel.close()
        if not group.remove():
            await removed(group)
        raise
    if not group.entrances:
        group.join(_pid(init))
    return WarmCell(channel, init, group)


def _entered(groups: Groups, limits: Limits) -> tuple[CellGroup, list[int]]:
    """Make a group and open the files by which its cell is to join, as only the executor may."""
    entrances: list[int] = []
    try:
        group = groups.create(limits, spare_processes=SPARE_PROCESSES)
        try:
            entrances.extend(os.open(path, os.O_WRONLY | os.O_CLOEXEC) for path in group.entrances)
        except OSError:
            closed(*entrances)
            group.remove()
            raise
    except OSError as error:
        raise SandboxError(f"a cgroup could not be made: {error}") from error
    return group, entrances


async def _ready(channel: socket.socket, warden: Warden) -> int:
    loop = asyncio.get_running_loop()
    readable: asyncio.Future[None] = loop.create_future()
    loop.add_reader(channel, _resolve, readable)
    try:
        async with asyncio.timeout(MAKING_S):
            await readable
        message, descriptors, _, _ = socket.recv_fds(channel, wire.MESSAGE_BYTES_MAX, 1)
    except (TimeoutError, OSError) as error:
        raise SandboxError(f"a cell did not get ready: {error!r}; {warden.complaint()}") from error
    finally:
        loop.remove_reader(channel)
    if message != wire.READY or len(descriptors) != 1:
        closed(*descriptors)
        why = message.decode(errors="replace") or f"the warden ended: {warden.complaint()}"
        raise SandboxError(f"a cell could not be made: {why}")
    os.set_inheritable(descriptors[0], False)
    return descriptors[0]


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _pid(descriptor: int) -> int:
    """Who it holds, as seen from here (proc(5), fdinfo of a pidfd)."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines():
            if line.startswith("Pid:"):
                return int(line.removeprefix("Pid:"))
    raise SandboxError("a cell's process has no number here")
