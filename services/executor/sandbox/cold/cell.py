"""Runs one cold cell: releases it, watches it, ends it, and waits until none of its processes is left.

bubblewrap's own process, the monitor, is outside the cell; its child is pid 1 of the cell's pid namespace.
The executor holds pidfds of both before the program may start, so killing pid 1 can hit no other process and
ends the whole namespace. The cell is gone when the monitor was reaped and pid 1 is dead: the kernel lets pid
1 die last. A child that keeps a pipe open therefore delays nothing.
"""

import asyncio
import contextlib
import os
import re
import subprocess  # noqa: TID251 - the sandbox is the one place
from typing import Any

from services.executor.sandbox import process_handle
from services.executor.sandbox.cgroups.interface import CellGroup
from services.executor.sandbox.interface import Stop
from services.executor.sandbox.limit_monitor import Watch
from shared.domain.events import Limits

STATUS_BYTES_MAX = 64 * 1024
EXECUTED = re.compile(rb'"exit-code": -?\d+')


class Cell:
    """Watches one bubblewrap, whose program waits until this holds a pidfd of its pid 1."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        group: CellGroup,
        limits: Limits,
        *,
        status: int,
        release: int,
        poll_s: float,
        idle_s: float | None = None,
    ) -> None:
        """Take over the descriptors `status` (written by bubblewrap) and `release` (read by bubblewrap)."""
        self._loop = asyncio.get_running_loop()
        self._process = process
        self._group = group
        self._status = status
        self._release = release
        self._status_output = b""
        self._monitor = os.pidfd_open(process.pid)
        self._monitor_gone = False
        self._init: int | None = None
        self._init_gone = False
        self._killing = False
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._watch = Watch(group, limits, poll_s=poll_s, kill=self._kill, idle_s=idle_s)
        self._watch.begin()
        os.set_blocking(status, False)
        self._loop.add_reader(status, self._status_readable)
        self._loop.add_reader(self._monitor, self._monitor_exited)

    @property
    def returncode(self) -> int:
        """The monitor's wait status; negative if a signal killed the monitor itself. Valid once gone."""
        code = self._process.returncode
        assert isinstance(code, int)
        return code

    @property
    def executed(self) -> bool:
        """Whether the command line was executed, so that the wait status is the program's."""
        return EXECUTED.search(self._status_output) is not None

    @property
    def stop(self) -> Stop | None:
        """Why the executor killed it, if it did."""
        return self._watch.stop

    @property
    def wall_ms(self) -> int:
        """From the release of the program to its end."""
        return self._watch.wall_ms

    def touch(self) -> None:
        """The program was given input, or has printed something."""
        self._watch.touch()

    def end(self, stop: Stop) -> None:
        """Kill the cell; the first reason given stands. Nothing happens if it has ended by itself."""
        self._watch.end(stop)

    async def wait(self, stop: asyncio.Event) -> None:
        """Return when nothing of the cell is left. Cancelled: kill it, wait for that, and re-raise."""
        stopper = self._loop.create_task(stop.wait())
        stopper.add_done_callback(lambda task: None if task.cancelled() else self.end("stopped"))
        try:
            await asyncio.shield(self._gone)
        finally:
            stopper.cancel()
            self._kill()
            try:
                await wait_uncancelled(self._gone)
            finally:
                self._close()

    def _kill(self) -> None:
        """Kill the whole cell, then the monitor; deferred while pid 1 is not known, which is short."""
        self._killing = True
        if self._init is not None:
            process_handle.kill(self._init)

    def _status_readable(self) -> None:
        self._read_status()
        if self._init is None:
            self._init = process_handle.open_pidfd(self._status_output, monitor=self._process.pid)
            if self._init is not None:
                self._loop.add_reader(self._init, self._init_exited)
                self._release_program()

    def _read_status(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self._status, 4096):
                self._status_output = (self._status_output + piece)[:STATUS_BYTES_MAX]
            self._loop.remove_reader(self._status)

    def _release_program(self) -> None:
        """Let the program start, unless its end was already requested."""
        if self._killing:
            self._kill()
            return
        self._watch.begin()
        with contextlib.suppress(BrokenPipeError):  # bubblewrap failed; its exit status tells
            os.write(self._release, b"\n")

    def _monitor_exited(self) -> None:
        if self._process.poll() is None:
            return
        self._watch.mark_ended()
        self._loop.remove_reader(self._monitor)
        self._monitor_gone = True
        self._read_status()
        if self._init is None:
            # bubblewrap died before its child was held: only the group finds what is left.
            self._init_gone = True
            self._group.kill()
        self._kill()
        self._finish_if_gone()

    def _init_exited(self) -> None:
        assert self._init is not None
        self._loop.remove_reader(self._init)
        self._init_gone = True
        self._finish_if_gone()

    def _finish_if_gone(self) -> None:
        if self._monitor_gone and self._init_gone and not self._gone.done():
            self._gone.set_result(None)

    def _close(self) -> None:
        self._watch.close()
        self._loop.remove_reader(self._status)
        for descriptor in (self._status, self._release, self._monitor):
            os.close(descriptor)
        if self._init is not None:
            process_handle.reap_orphan(self._init)
            os.close(self._init)


async def wait_uncancelled(future: asyncio.Future[Any]) -> None:
    """Wait until a future is done, even if the waiting task is cancelled; then raise that cancellation."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
