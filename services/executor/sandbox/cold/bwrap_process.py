"""Starts bubblewrap for one stage and connects its pipes.

bubblewrap waits twice. It reads its isolation arguments from a gate that opens after it has joined its
cgroup, so nothing is charged elsewhere. Its program then waits until the executor holds a pidfd of the cell's
pid 1. If the executor dies while the gate is shut, bubblewrap gets no root to execute anything from.
"""

import contextlib
import errno
import os
import resource
import subprocess  # noqa: TID251 - the sandbox is the one place
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from services.executor.sandbox.cgroups.interface import CellGroup
from services.executor.sandbox.cold import bwrap_command
from services.executor.sandbox.cold.cell import Cell
from services.executor.sandbox.cold.named_pipe import LivePipe
from services.executor.sandbox.interface import CellError, OutputSink, RejectedError, Stage
from services.executor.sandbox.isolation.bwrap_binary import Bubblewrap
from services.executor.sandbox.isolation.identities import Identity
from services.executor.sandbox.pipes import (
    LIVE_BYTES_PER_S,
    Pace,
    PipeReader,
    PipeRoom,
    memory_file,
    output_pipe,
)
from shared.domain.enumerations import StreamName

COMPLAINT_BYTES_MAX = 16 * 1024


@dataclass(frozen=True, slots=True)
class Started:
    """One running cell and the readers of its pipes. `own_output` collects bubblewrap's own descriptor 2."""

    cell: Cell
    stdout: PipeReader
    stderr: PipeReader
    complaints: PipeReader
    own_output: bytearray
    stdin: LivePipe | None = None

    def drain(self) -> None:
        """Read what is left in the pipes of a cell that is gone."""
        for reader in (self.stdout, self.stderr, self.complaints):
            reader.drain()

    def close(self) -> None:
        """Close the pipes. Call it once."""
        for reader in (self.stdout, self.stderr, self.complaints):
            reader.close()
        if self.stdin is not None:
            self.stdin.close()


class Pipe(NamedTuple):
    """Both ends of a pipe."""

    reading: int
    writing: int


class Pipes(NamedTuple):
    """All pipes of one bubblewrap: three for output, one for its status, and the two that make it wait."""

    stdout: Pipe
    stderr: Pipe
    complaints: Pipe
    status: Pipe
    gate: Pipe
    release: Pipe


@dataclass(frozen=True, slots=True)
class Launcher:
    """What all cells of one sandbox have in common. `walls` are the arguments sent through the gate, `filter`
    is the seccomp filter's code, and `lock` is the file whose locks claim the cells' uids, if they have any.
    """

    bubblewrap: Bubblewrap
    walls: bytes
    filter: bytes
    lock: int | None
    has_cgroups: bool
    poll_s: float
    pipes: PipeRoom

    def start(self, stage: Stage, group: CellGroup, output: OutputSink, identity: Identity | None) -> Started:
        """Start a stage's cell in `group`, as `identity` if any. Raises CellError, RejectedError."""
        with contextlib.ExitStack() as ours:
            try:
                stdin = None if stage.live is None else LivePipe(stage.live.source)
                if stdin is not None:
                    ours.callback(stdin.close)
                pipes, process = self._spawn(stage, ours, self.bubblewrap.started_as(identity), stdin)
                try:
                    group.join(process.pid)
                    self._limit(process.pid, stage)
                    started = self._connect(pipes, process, stage, group, output, stdin)
                except BaseException:
                    process.kill()  # it is still alone, before the gate
                    process.wait()
                    raise
            except OSError as error:
                raise _explain(error) from error
            with contextlib.suppress(BrokenPipeError):  # bubblewrap failed; its exit status tells
                os.write(pipes.gate.writing, self.walls)
            os.close(pipes.gate.writing)
            ours.pop_all()
            return started

    def _limit(self, pid: int, stage: Stage) -> None:
        """Set the limits that no shell can. Without CAP_SYS_RESOURCE, root cannot set them for another uid.

        The kernel counts these limits per uid only, so no other cell is affected then.
        """
        with contextlib.suppress(PermissionError):
            for kind, soft, hard in bwrap_command.outer_limits(stage, has_cgroups=self.has_cgroups):
                resource.prlimit(pid, kind, (soft, hard))

    def _spawn(
        self, stage: Stage, ours: contextlib.ExitStack, bubblewrap: Bubblewrap, stdin: LivePipe | None
    ) -> tuple[Pipes, subprocess.Popen[bytes]]:
        """Start bubblewrap before the shut gate. Our pipe ends go to `ours`."""
        with contextlib.ExitStack() as theirs:
            pipes = Pipes(
                *(_left_to(ours, theirs, *output_pipe()) for _ in ("stdout", "stderr")),
                *(_pipe(reader=ours, writer=theirs) for _ in ("complaints", "status")),
                *(_pipe(reader=theirs, writer=ours) for _ in ("gate", "release")),
            )
            files = [_place_file(theirs, content) for _, _, content in bwrap_command.placed_files(stage)]
            arguments = bwrap_command.stage_arguments(
                stage,
                files,
                status=pipes.status.writing,
                release=pipes.release.reading,
                live_stdin=None if stdin is None else str(stdin.path),
            )
            kept = [_place_file(theirs, self.filter)] if self.filter else []
            arguments += [word for descriptor in kept for word in ("--seccomp", str(descriptor))]
            if self.lock is not None:
                arguments += ["--sync-fd", str(self.lock)]
                kept.append(self.lock)
            part = _place_file(theirs, bwrap_command.encode(arguments))
            process = subprocess.Popen(  # noqa: S603 - no shell, and a stranger's words stay behind `--`
                bwrap_command.command_line(stage, (pipes.gate.reading, part), has_cgroups=self.has_cgroups),
                executable=bubblewrap.path,
                # Out of order on purpose: see `bwrap_command`.
                stdin=pipes.stdout.writing,
                stdout=pipes.stderr.writing,
                stderr=pipes.complaints.writing,
                pass_fds=(
                    pipes.gate.reading,
                    pipes.status.writing,
                    pipes.release.reading,
                    part,
                    *files,
                    *kept,
                ),
                user=bubblewrap.uid,
                group=bubblewrap.gid,
                extra_groups=None if bubblewrap.uid is None else (),
                env={},
                cwd="/",
                umask=0o022,
                start_new_session=True,
            )
            return pipes, process

    def _connect(
        self,
        pipes: Pipes,
        process: subprocess.Popen[bytes],
        stage: Stage,
        group: CellGroup,
        output: OutputSink,
        stdin: LivePipe | None,
    ) -> Started:
        live = stage.live
        cell = Cell(
            process,
            group,
            stage.limits,
            status=pipes.status.reading,
            release=pipes.release.writing,
            poll_s=self.poll_s,
            idle_s=None if live is None else live.idle_s,
        )
        own_output = bytearray()
        own_output_max = (
            COMPLAINT_BYTES_MAX if stage.keep is None else stage.keep_bytes_max + len(bwrap_command.KEPT_MARK)
        )
        flooded = partial(cell.end, "output_limit")
        room = self.pipes if stage.keep is None and live is None else None

        def deliver(stream: StreamName, piece: bytes) -> None:
            cell.touch()
            output(stream, piece)

        def reader(stream: StreamName, descriptor: int) -> PipeReader:
            pace = None if live is None else Pace(LIVE_BYTES_PER_S)
            return PipeReader(descriptor, stage.output_bytes, partial(deliver, stream), flooded, room, pace)

        if stdin is not None:
            stdin.connect(on_activity=cell.touch)
        return Started(
            cell,
            stdout=reader("stdout", pipes.stdout.reading),
            stderr=reader("stderr", pipes.stderr.reading),
            complaints=PipeReader(pipes.complaints.reading, own_output_max, own_output.extend, flooded),
            own_output=own_output,
            stdin=stdin,
        )


def _pipe(*, reader: contextlib.ExitStack, writer: contextlib.ExitStack) -> Pipe:
    return _left_to(reader, writer, *os.pipe())


def _left_to(reader: contextlib.ExitStack, writer: contextlib.ExitStack, reading: int, writing: int) -> Pipe:
    reader.callback(os.close, reading)
    writer.callback(os.close, writing)
    return Pipe(reading, writing)


def _place_file(stack: contextlib.ExitStack, content: bytes) -> int:
    descriptor = memory_file(content)
    stack.callback(os.close, descriptor)
    return descriptor


def _explain(error: OSError) -> CellError | RejectedError:
    if error.errno == errno.E2BIG:
        return RejectedError("arguments and environment are too long for this host")
    return CellError(f"a cell could not be started: {error}")
