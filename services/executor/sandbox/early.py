"""Runtimes that start slowly, started in their cell before there is a job for it: Node.js.

The runtime's process is given the pipes of its program, and of `inside/start.js`, which waits for the job and
then lets the runtime go on to the program by itself. It starts behind the same walls, filter and limits.
"""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Sequence

from services.executor.sandbox.inside import wire
from services.executor.sandbox.order import READ_AT_START, closed
from services.executor.sandbox.pipes import fill, readable
from services.executor.sandbox.rlimits import resource_limits
from services.executor.sandbox.root import WORK
from services.executor.sandbox.sandbox import SandboxError, Stage
from shared.events import Limits

NODE_ARGV = ("node", f"{WORK}/main.js")
READ_BY_NODE = (*READ_AT_START, "NODE", "UV_", "NO_COLOR", "FORCE_COLOR")
COMPLAINT_BYTES_MAX = 1000
WAITING = b"w"
STARTING_S = 20.0
"""How long a runtime may take to start: a few hundred times what it takes."""


class Early:
    """What an early runtime holds the other ends of: its input, its outputs, its job, and the word to go.

    `close` must be called.
    """

    def __init__(self, owner: tuple[int, int] | None) -> None:
        """Make them. `owner` is who may open the output pipes by name. Raises OSError."""
        self._go, self._their_go = socket.socketpair()
        self._stdin = os.memfd_create("headrace", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self._job = os.memfd_create("headrace", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        (stdout, their_stdout), (stderr, their_stderr) = os.pipe(), os.pipe()
        self._outputs, self._theirs = [stdout, stderr], [their_stdout, their_stderr]
        if owner is not None:
            for descriptor in self._theirs:
                os.fchown(descriptor, *owner)
        os.fchmod(self._stdin, 0o444)

    @property
    def theirs(self) -> Sequence[int]:
        """What the runtime gets, as its descriptors from 0 on."""
        return (self._stdin, *self._theirs, self._their_go.fileno(), self._job)

    def sent(self) -> None:
        """The runtime has its ends: close ours of them."""
        closed(*self._theirs)
        self._theirs = []
        self._their_go.close()

    async def waiting(self) -> None:
        """Return when the runtime waits for its job. Raises SandboxError if it does not come to that."""
        try:
            async with asyncio.timeout(STARTING_S):
                await readable(self._go.fileno())
            said = self._go.recv(COMPLAINT_BYTES_MAX)
        except (TimeoutError, OSError) as error:
            raise SandboxError(f"an early runtime did not get ready: {error!r}") from error
        if said != WAITING:
            raise SandboxError(f"an early runtime did not get ready: {said.decode(errors='replace')}")

    def outputs(self) -> list[int]:
        """The reading ends of its stdout and stderr, which are the caller's from now on."""
        outputs, self._outputs = self._outputs, []
        return outputs

    def begin(self, stage: Stage) -> None:
        """Give it its job and let it go. Raises OSError."""
        head = json.dumps(
            {
                "files": [(file.path, file.executable, len(file.content)) for file in stage.files],
                "args": stage.argv[len(NODE_ARGV) :],
                "env": dict(stage.env),
            }
        ).encode()
        fill(self._stdin, stage.stdin)
        length = len(head).to_bytes(wire.LENGTH_BYTES, "little")
        fill(self._job, b"".join([length, head, *(file.content for file in stage.files)]))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its end tells the rest
            self._go.send(b"g")

    def complaint(self) -> str:
        """Why there was no program; empty if there was."""
        with contextlib.suppress(OSError):
            return self._go.recv(COMPLAINT_BYTES_MAX, socket.MSG_DONTWAIT).decode(errors="replace")
        return ""

    def close(self) -> None:
        """Close what is open; once."""
        closed(self._stdin, self._job, *self._theirs, *self._outputs)
        self._go.close()
        self._their_go.close()


def is_early(stage: Stage, ready: Limits, *, has_cgroups: bool) -> bool:
    """Whether a Node.js that was started under the limits `ready` is what this stage would have started.

    It must be exactly `node /work/main.js …`, with no variable that is read at the start and no other limits
    than a group's, which can change.
    """
    return (
        stage.argv[:2] == NODE_ARGV
        and not any(name.startswith(READ_BY_NODE) for name, _ in stage.env)
        and stage.limits.disk_bytes == ready.disk_bytes
        and resource_limits(stage.limits, has_cgroups=has_cgroups)
        == resource_limits(ready, has_cgroups=has_cgroups)
    )


def early_argv(start: str) -> list[str]:
    """The command line of a runtime that begins with the script `start`."""
    return [NODE_ARGV[0], "--require", start, NODE_ARGV[1]]
