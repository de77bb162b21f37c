"""Starts slow runtimes in their cell before there is a job for them.

The runtime's process gets the pipes of its program, and loads a file of ours first (`guest/start.js`,
`guest/Start.java`). That file waits for the job, writes its files, and then lets the runtime run the program
by itself. All of it starts under the same isolation, filter and limits. `runtimes` lists the runtimes.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Sequence

from services.executor.sandbox.guest import ipc
from services.executor.sandbox.interface import CellFile, RejectedError, SandboxError, Stage
from services.executor.sandbox.pipes import fill, memory_file, output_pipe, readable
from services.executor.sandbox.warm.job_file import close_all
from services.executor.sandbox.warm.runtimes import Runtime

Compile = Callable[[Stage], Awaitable[bytes]]
"""Runs a stage and returns its product. Raises SandboxError, RejectedError."""
COMPLAINT_BYTES_MAX = 1000
WAITING = b"w"
STARTING_S = 20.0
"""How long a runtime may take to start: a few hundred times the usual."""


class PrestartedRuntime:
    """The executor's ends of an early runtime: its input, its outputs, its job, and the start signal.

    `close` must be called.
    """

    def __init__(self, runtime: Runtime, order: bytes) -> None:
        """Make the pipes. `order` is the start order. Raises OSError."""
        self._runtime = runtime
        self._outputs, self._theirs = list[int](), list[int]()
        with contextlib.ExitStack() as made:
            self._go, self._their_go = map(made.enter_context, socket.socketpair())
            self._order = memory_file(order)
            made.callback(os.close, self._order)
            self._stdin, self._job = (_empty_file(made) for _ in range(2))
            for _ in range(2):
                ours, theirs = output_pipe()
                made.callback(close_all, ours, theirs)
                self._outputs.append(ours)
                self._theirs.append(theirs)
            os.fchmod(self._stdin, 0o444)
            made.pop_all()

    @property
    def theirs(self) -> Sequence[int]:
        """The runtime's descriptors from 0 on, and the start order."""
        return (self._stdin, *self._theirs, self._their_go.fileno(), self._job, self._order)

    def close_theirs(self) -> None:
        """The runtime has its ends: close our copies."""
        close_all(*self._theirs)
        self._theirs = []
        self._their_go.close()

    async def waiting(self) -> None:
        """Return when the runtime waits for its job. Raises SandboxError if it does not reach that point."""
        try:
            async with asyncio.timeout(STARTING_S):
                await readable(self._go.fileno())
            message = self._go.recv(COMPLAINT_BYTES_MAX)
        except (TimeoutError, OSError) as error:
            raise SandboxError(f"an early runtime did not get ready: {error!r}") from error
        if message != WAITING:
            raise SandboxError(f"an early runtime did not get ready: {self._why(message)}")
        if printed := self._why(b""):
            raise SandboxError(f"an early runtime printed what no program did: {printed}")

    def outputs(self) -> list[int]:
        """The reading ends of its stdout and stderr, which then belong to the caller."""
        outputs, self._outputs = self._outputs, []
        return outputs

    def begin(self, stage: Stage) -> None:
        """Send the job and the start signal. Raises OSError."""
        head = _head(stage, stage.argv[len(self._runtime.default_argv) :])
        fill(self._stdin, stage.given)
        length = len(head).to_bytes(ipc.LENGTH_BYTES, "little")
        fill(self._job, b"".join([length, head, *(file.content for file in stage.files)]))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its end gives the reason
            self._go.send(b"g")

    def stderr_tail(self) -> str:
        """Why the program did not start; empty if it did."""
        with contextlib.suppress(OSError):
            return self._go.recv(COMPLAINT_BYTES_MAX, socket.MSG_DONTWAIT).decode(errors="replace")
        return ""

    def close(self) -> None:
        """Close what is open. Call it once."""
        close_all(self._stdin, self._job, self._order, *self._theirs, *self._outputs)
        self._go.close()
        self._their_go.close()

    def _why(self, message: bytes) -> str:
        """Its error message and its output."""
        for output in self._outputs:
            os.set_blocking(output, False)
            with contextlib.suppress(BlockingIOError):
                message += os.read(output, COMPLAINT_BYTES_MAX)
        return message.decode(errors="replace").strip()


class RuntimeFactory:
    """Makes the ends of early runtimes. Whatever must be compiled is compiled before the first."""

    def __init__(
        self,
        runtime: Runtime,
        compiled: Compile,
        *,
        has_cgroups: bool,
    ) -> None:
        """Store the parts."""
        self._runtime = runtime
        self._compiled = compiled
        self._has_cgroups = has_cgroups
        self._made: tuple[CellFile, ...] | None = None
        self._making = asyncio.Lock()

    @property
    def name(self) -> str:
        """The runtime's name."""
        return self._runtime.name

    async def ends(self) -> PrestartedRuntime:
        """The ends of a runtime to be started. Raises SandboxError, OSError."""
        async with self._making:
            if self._made is None:
                self._made = await self._files()
        order = self._runtime.start(self._made, has_cgroups=self._has_cgroups)
        return PrestartedRuntime(self._runtime, order)

    async def _files(self) -> tuple[CellFile, ...]:
        made = self._runtime.made
        if made is None:
            return ()
        try:
            return (CellFile(made.path, await self._compiled(made.stage)),)
        except RejectedError as error:
            raise SandboxError(str(error)) from error


def _empty_file(made: contextlib.ExitStack) -> int:
    descriptor = os.memfd_create("headrace", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    made.callback(os.close, descriptor)
    return descriptor


def _head(stage: Stage, args: Sequence[str]) -> bytes:
    """A job as the guest's files read it: words separated by zero bytes, each list preceded by its length."""
    words = [str(len(stage.files))]
    for file in stage.files:
        words += [file.path, "x" if file.executable else "", str(len(file.content))]
    words += [str(len(args)), *args, str(len(stage.env))]
    for variable in stage.env:
        words += variable
    return "\0".join(words).encode("utf-8", "surrogateescape")
