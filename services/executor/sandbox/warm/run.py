"""Runs one stage in a warm cell: pipes, job, limit monitor, and the verdict after its last process ended."""

import asyncio
import contextlib
import errno
import glob
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from services.executor.sandbox.cold.cell import wait_uncancelled
from services.executor.sandbox.guest import collect, ipc, syscalls
from services.executor.sandbox.interface import (
    CellError,
    CellFile,
    GivenStdin,
    OutputSink,
    SandboxError,
    Stage,
    Verdict,
)
from services.executor.sandbox.limit_monitor import Watch
from services.executor.sandbox.pipes import LIVE_BYTES_PER_S, Pace, PipeReader, PipeRoom, output_pipe
from services.executor.sandbox.settings import SandboxSettings
from services.executor.sandbox.verdict import KILLED, Status, Usage, ending, never_begun, product_too_long
from services.executor.sandbox.warm import job_file
from services.executor.sandbox.warm.cells import WarmCell
from services.executor.sandbox.warm.collected_files import CollectedFiles, collect_files, request_of
from services.executor.sandbox.warm.live_program import LiveProgram
from shared.domain.events import Limits

COPIED_AT_ONCE_BYTES = 256 * 1024
"""Most bytes copied in the event loop: a tenth of a millisecond. More are copied in a thread."""


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What all runs of one sandbox have in common. `bounds` limits the files that are collected."""

    poll_s: float
    has_cgroups: bool
    bounds: SandboxSettings
    pipes: PipeRoom


class Run:
    """Runs one stage in one cell. `close` must be called once the cell is gone."""

    def __init__(self, cell: WarmCell, stage: Stage, output: OutputSink, conditions: RunConfig) -> None:
        """Open the pipes; nothing runs yet."""
        self._loop = asyncio.get_running_loop()
        self._cell = cell
        self._stage = stage
        self._conditions = conditions
        self._report: ipc.Report | None = None
        self._error_text = ""
        self._brought = CollectedFiles()
        self._run_end: asyncio.Future[None] = self._loop.create_future()
        live = stage.live
        self._watch = Watch(
            cell.group,
            stage.limits,
            poll_s=conditions.poll_s,
            kill=cell.kill,
            idle_s=None if live is None else live.idle_s,
        )
        self._live = None if live is None else LiveProgram(live, cell.init, self._watch.touch)
        self._writing: list[int] = []
        self._output = output
        stdout, stderr = self._pipes() if cell.early is None else cell.early.outputs()
        self._stdout = self._reader(stdout, partial(output, "stdout"))
        self._stderr = self._reader(stderr, partial(output, "stderr"))
        self._loop.add_reader(cell.channel.fileno(), self._receive)

    async def begin(self) -> None:
        """Send the cell its job. Raises CellError."""
        give = self._give if self._cell.early is None else partial(self._cell.early.begin, self._stage)
        try:
            if self._live is not None:
                self._writing += self._live.open_stdin()
            self._cell.group.begin()
            self._watch.begin()
            await _call(give, job_file.bytes_of(self._stage))
            if self._live is not None:
                self._live.connect_pipe()
        except OSError as error:
            raise CellError(f"a job could not be given to its cell: {error}") from error
        finally:
            job_file.close_all(*self._writing)
            self._writing.clear()

    def _give(self) -> None:
        stage, descriptors = self._stage, list[int]()
        known, has_cgroups = self._cell.spawner.known, self._conditions.has_cgroups
        try:
            descriptors.append(job_file.job_file(stage, known=known, has_cgroups=has_cgroups))
            if isinstance(stage.stdin, GivenStdin) and not stage.stdin.is_empty:
                descriptors.append(job_file.stdin_file(stage.stdin))
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its end gives the reason
                job, *source = descriptors
                syscalls.send(self._cell.channel, ipc.JOB, job, *self._writing, *source)
        finally:
            job_file.close_all(*descriptors)

    async def finish(self, stop: asyncio.Event) -> Verdict:
        """Wait until the program has ended, collect the requested files, and end the cell.

        Raises SandboxError.
        """
        stopper = self._loop.create_task(stop.wait())
        stopper.add_done_callback(lambda task: None if task.cancelled() else self._watch.end("stopped"))
        try:
            await self._run_end
            if self._report is not None and (patterns := self._collected_patterns(self._report)):
                self._brought = await collect_files(
                    self._cell.channel, request_of(self._stage, patterns, self._conditions.bounds)
                )
        finally:
            stopper.cancel()
            if self._live is not None:
                self._live.disconnect()
        if self._report is None or not self._report.alone:
            self._cell.kill()
            await self._cell.wait_gone()
        for reader in (self._stdout, self._stderr):
            reader.drain()
        return await self._verdict()

    def close(self) -> None:
        """Close whatever is open."""
        self._watch.close()
        if self._live is not None:
            self._live.close()
        self._loop.remove_reader(self._cell.channel.fileno())
        for reader in (self._stdout, self._stderr):
            reader.close()
        job_file.close_all(*self._writing)
        self._brought.close()

    def _pipes(self) -> list[int]:
        """The reading ends of two new pipes."""
        reading: list[int] = []
        try:
            for _ in range(2):
                ours, theirs = output_pipe()
                reading.append(ours)
                self._writing.append(theirs)
        except OSError:
            job_file.close_all(*reading, *self._writing)
            raise
        return reading

    def _reader(self, descriptor: int, deliver: Callable[[bytes], None]) -> PipeReader:
        flooded = partial(self._watch.end, "output_limit")
        if self._live is not None:
            return PipeReader(
                descriptor,
                self._stage.output_bytes,
                partial(self._deliver_live, deliver),
                flooded,
                pace=Pace(LIVE_BYTES_PER_S),
            )
        room = self._conditions.pipes if self._stage.keep is None else None
        return PipeReader(descriptor, self._stage.limits.output_bytes, deliver, flooded, room)

    def _deliver_live(self, deliver: Callable[[bytes], None], piece: bytes) -> None:
        self._watch.touch()
        deliver(piece)

    def _receive(self) -> None:
        """Receive the report, or an error text; empty if every process holding the other end is dead.

        Before it, the terminal in which a program runs is received: it replaces the pipe of its output.
        """
        message, descriptors = b"", list[int]()
        with contextlib.suppress(OSError):
            message, descriptors = syscalls.receive(self._cell.channel, ipc.MESSAGE_BYTES_MAX)
        if message == ipc.TERMINAL and self._live is not None and len(descriptors) == ipc.SIDES:
            try:
                output = self._live.connect_terminal(*descriptors)
            except OSError as error:
                message = f"its terminal could not be connected: {error}".encode()
            else:
                self._stdout.close()
                self._stdout = self._reader(output, partial(self._output, "stdout"))
                return
        job_file.close_all(*descriptors)
        self._loop.remove_reader(self._cell.channel.fileno())
        if message.startswith(ipc.REPORT) and not self._error_text:
            self._report = ipc.decode_report(message)
        else:
            self._error_text = message.decode(errors="replace")
        self._on_ended()

    def _on_ended(self) -> None:
        self._watch.mark_ended()
        if not self._run_end.done():
            self._run_end.set_result(None)

    def _collected_patterns(self, report: ipc.Report) -> list[str]:
        """The patterns to collect; none after a program that was stopped."""
        if self._watch.stop is not None:
            return []
        if self._stage.keep is not None:
            return [glob.escape(self._stage.keep)] if report.status == 0 else []
        return list(self._stage.artifacts)

    async def _verdict(self) -> Verdict:
        usage = self._usage()
        if self._cell.early is not None and (stderr_tail := self._cell.early.stderr_tail()):
            raise SandboxError(f"an early runtime could not begin: {stderr_tail}")
        report = self._report
        status = Status(None, KILLED) if report is None else Status.exact(report.status)
        if report is None and self._watch.stop is None and not usage.memory_exceeded:
            raise SandboxError(f"a cell ended without a report: {self._error_text or 'it was killed'}")
        flooded = self._stdout.overflowed or self._stderr.overflowed
        stop = self._watch.stop or ("output_limit" if flooded else None)
        end = ending(
            status=status,
            stop=stop,
            usage=usage,
            limits=self._stage.limits,
            disk_full=report is not None and report.disk_full,
        )
        contents = await self._brought.contents()
        too_long = self._product_is_too_long()
        return Verdict(
            exit_code=end.exit_code,
            signal=end.signal,
            stopped_by=end.stopped_by or ("output_limit" if too_long else None),
            detail=product_too_long(self._stage) if too_long else None,
            wall_ms=self._watch.wall_ms,
            cpu_ms=usage.cpu_ms,
            memory_peak_bytes=usage.memory_peak_bytes,
            stdout_bytes=self._stdout.bytes_read,
            stderr_bytes=self._stderr.bytes_read,
            kept=self._product(contents) if end.exit_code == 0 else None,
            artifacts=() if self._stage.keep is not None else tuple(contents),
            skipped=() if self._stage.keep is not None else tuple(self._brought.skipped),
        )

    def _usage(self) -> Usage:
        """The group's usage, or the processor time of the program's own wait if that is larger."""
        try:
            usage = self._cell.group.usage()
        except OSError as error:
            raise SandboxError(f"nothing counted what the cell used: {error}") from error
        # Pid 1's count includes what a process used before it had a job.
        waited_ms = 0 if self._report is None or self._conditions.has_cgroups else self._report.cpu_ms
        cpu_ms = max(usage.cpu_ms, waited_ms)
        return Usage(cpu_ms, usage.memory_peak_bytes, usage.memory_exceeded)

    def _product_is_too_long(self) -> bool:
        return self._stage.keep is not None and any(
            skipped.reason == collect.TOO_LONG for skipped in self._brought.skipped
        )

    def _product(self, contents: Sequence[CellFile]) -> bytes | None:
        return contents[0].content if self._stage.keep is not None and contents else None


async def run_stage(
    cell: WarmCell, stage: Stage, output: OutputSink, stop: asyncio.Event, conditions: RunConfig
) -> Verdict:
    """Run a stage in a cell to its end; the caller keeps the cell. Raises SandboxError."""
    if stop.is_set():
        return never_begun("stopped")
    if not _apply_limits(cell, stage.limits):
        return never_begun("memory")
    run = Run(cell, stage, output, conditions)
    try:
        await run.begin()
        return await run.finish(stop)
    finally:
        run.close()


def _apply_limits(cell: WarmCell, limits: Limits) -> bool:
    """Apply the stage's limits to the cell; False if it already uses more memory."""
    try:
        cell.spawner.apply_limits(limits)
    except OSError as error:
        if error.errno == errno.EBUSY:
            return False
        raise CellError(f"the limits of a cgroup could not be set: {error}") from error
    return True


async def _call(work: Callable[[], None], size: int) -> None:
    """Call it; in a thread if this many bytes take long."""
    if size <= COPIED_AT_ONCE_BYTES:
        work()
    else:
        await wait_uncancelled(working := asyncio.ensure_future(asyncio.to_thread(work)))
        working.result()
