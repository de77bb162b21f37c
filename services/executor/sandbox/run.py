"""One stage in a warm cell: its pipes, its job, its watch, and the verdict when nothing of it is left."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from services.executor.sandbox import order
from services.executor.sandbox.cell import settled
from services.executor.sandbox.cells import SPARE_PROCESSES, WarmCell
from services.executor.sandbox.inside import linux, wire
from services.executor.sandbox.pipes import PipeReader
from services.executor.sandbox.sandbox import (
    OutputSink,
    RejectedError,
    SandboxError,
    Stage,
    Stop,
    Verdict,
)
from services.executor.sandbox.verdict import KILLED, Status, Usage, ending
from services.executor.sandbox.watch import Watch
from shared.events import Limits

COPIED_AT_ONCE_BYTES = 256 * 1024
"""What may be copied in the event loop: a tenth of a millisecond. More is copied in a thread."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What all runs of one sandbox have in common. `owner` is who may open output pipes by name."""

    poll_s: float
    has_cgroups: bool
    owner: tuple[int, int] | None
    ready_limits: Limits


class Run:
    """Runs one stage in one cell. `close` must be called once the cell is gone."""

    def __init__(self, cell: WarmCell, stage: Stage, output: OutputSink, conditions: Conditions) -> None:
        """Open the pipes; nothing runs yet."""
        self._loop = asyncio.get_running_loop()
        self._cell = cell
        self._stage = stage
        self._conditions = conditions
        self._report: wire.Report | None = None
        self._kept: int | None = None
        self._said = ""
        self._watch = Watch(cell.group, stage.limits, poll_s=conditions.poll_s, kill=cell.kill)
        self._writing: list[int] = []
        self._stdout = self._reader(partial(output, "stdout"))
        self._stderr = self._reader(partial(output, "stderr"))
        self._loop.add_reader(cell.channel, self._receive)

    async def begin(self) -> None:
        """Give the cell its job. Raises SandboxError."""
        stage, descriptors = self._stage, list[int]()
        size = order.bytes_of(stage)
        try:
            if stage.stdin:
                descriptors.append(await _made(partial(order.stdin_file, stage.stdin), size))
            job = partial(order.job_file, stage, has_cgroups=self._conditions.has_cgroups)
            descriptors.insert(0, await _made(job, size))
            descriptors[1:1] = self._writing
            self._watch.begin()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its end tells the rest
                linux.send(self._cell.channel, str(stage.limits.disk_bytes).encode(), descriptors)
        except OSError as error:
            raise SandboxError(f"a job could not be given to its cell: {error}") from error
        finally:
            order.closed(*{*descriptors, *self._writing})
            self._writing.clear()

    async def finish(self, stop: asyncio.Event) -> Verdict:
        """Wait until nothing of the cell is left, and say how it went. Raises SandboxError, RejectedError."""
        stopper = self._loop.create_task(stop.wait())
        stopper.add_done_callback(lambda task: None if task.cancelled() else self._watch.end("stopped"))
        try:
            await self._cell.gone()
        finally:
            stopper.cancel()
        if self._report is None:
            self._receive()
        self._watch.ended()
        for reader in (self._stdout, self._stderr):
            reader.drain()
        return await self._verdict()

    def close(self) -> None:
        """Close whatever is open."""
        self._watch.close()
        self._loop.remove_reader(self._cell.channel)
        for reader in (self._stdout, self._stderr):
            reader.close()
        order.closed(*self._writing, *(() if self._kept is None else (self._kept,)))

    def _reader(self, deliver: Callable[[bytes], None]) -> PipeReader:
        reading, writing = os.pipe()
        self._writing.append(writing)
        if self._conditions.owner is not None:
            os.fchown(writing, *self._conditions.owner)
        flooded = partial(self._watch.end, "output_limit")
        return PipeReader(reading, self._stage.limits.output_bytes, deliver, flooded)

    def _receive(self) -> None:
        """Take the report, or why there is none. Pid 1 says one thing in its life after the job."""
        self._loop.remove_reader(self._cell.channel)
        message, descriptors = b"", list[int]()
        with contextlib.suppress(OSError):
            message, descriptors, _, _ = socket.recv_fds(self._cell.channel, wire.MESSAGE_BYTES_MAX, 1)
        if message.startswith(b"{"):
            self._report = wire.decode_report(message)
            self._kept = descriptors[0] if descriptors else None
            self._watch.ended()
        else:
            self._said = message.decode(errors="replace")

    async def _verdict(self) -> Verdict:
        usage = self._usage()
        status = Status(None, KILLED) if self._report is None else Status.exact(self._report.status)
        if self._report is None and self._watch.stop is None and not usage.memory_exceeded:
            raise SandboxError(f"a cell ended without a report: {self._said or 'it was killed'}")
        flooded = self._stdout.overflowed or self._stderr.overflowed
        stop = self._watch.stop or ("output_limit" if flooded else None)
        end = ending(status=status, stop=stop, usage=usage, limits=self._stage.limits)
        return Verdict(
            exit_code=end.exit_code,
            signal=end.signal,
            stopped_by=end.stopped_by,
            wall_ms=self._watch.wall_ms,
            cpu_ms=usage.cpu_ms,
            memory_peak_bytes=usage.memory_peak_bytes,
            stdout_bytes=self._stdout.bytes_read,
            stderr_bytes=self._stderr.bytes_read,
            kept=await self._product() if end.exit_code == 0 else None,
        )

    def _usage(self) -> Usage:
        """The group's count, or what the program's own wait told if the group saw less of it."""
        try:
            usage = self._cell.group.usage()
        except OSError as error:
            raise SandboxError(f"nothing counted what the cell used: {error}") from error
        waited_ms = 0 if self._report is None else self._report.cpu_ms
        return Usage(max(usage.cpu_ms, waited_ms), usage.memory_peak_bytes, usage.memory_exceeded)

    async def _product(self) -> bytes | None:
        if self._report is not None and self._report.too_long:
            raise RejectedError(f"the product is longer than {self._stage.keep_bytes_max} bytes")
        if self._kept is None:
            return None
        reading = asyncio.ensure_future(
            asyncio.to_thread(order.content_of, self._kept, self._stage.keep_bytes_max)
        )
        await settled(reading)
        return reading.result()


async def run_stage(
    cell: WarmCell, stage: Stage, output: OutputSink, stop: asyncio.Event, conditions: Conditions
) -> Verdict:
    """Run a stage in a cell to its end; the cell is left to its owner. Raises SandboxError, RejectedError."""
    if stop.is_set():
        return _never_begun("stopped")
    if not _adapted(cell, stage.limits, conditions.ready_limits):
        return _never_begun("memory")
    run = Run(cell, stage, output, conditions)
    try:
        await run.begin()
        return await run.finish(stop)
    finally:
        run.close()


def _adapted(cell: WarmCell, limits: Limits, ready: Limits) -> bool:
    """Put the cell under other limits than it was made for; False if it already uses more memory."""
    if (limits.memory_bytes, limits.processes) == (
        ready.memory_bytes,
        ready.processes,
    ) and cell.group.entrances:
        return True
    try:
        cell.group.limit(limits, spare_processes=SPARE_PROCESSES)
    except OSError as error:
        if error.errno == errno.EBUSY:
            return False
        raise SandboxError(f"the limits of a cgroup could not be set: {error}") from error
    return True


def _never_begun(stopped_by: Stop) -> Verdict:
    return Verdict(
        exit_code=None,
        signal=KILLED,
        stopped_by=stopped_by,
        wall_ms=0,
        cpu_ms=0,
        memory_peak_bytes=None,
        stdout_bytes=0,
        stderr_bytes=0,
    )


async def _made(make: Callable[[], int], size: int) -> int:
    """A descriptor, made in a thread if that takes long."""
    if size <= COPIED_AT_ONCE_BYTES:
        return make()
    making = asyncio.ensure_future(asyncio.to_thread(make))
    try:
        await settled(making)
    except asyncio.CancelledError:
        order.closed(making.result())
        raise
    return making.result()
