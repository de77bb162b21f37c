"""The executor's side of a zygote: starts it under isolation and requests spawners from it.

When its process ends, for any reason, the kernel ends its pid namespace and with it every cell.
"""

import asyncio
import contextlib
import os
import select
import socket
import subprocess  # noqa: TID251 - the sandbox is the one place
from collections.abc import Sequence

from services.executor.sandbox import process_handle
from services.executor.sandbox.guest import ipc, syscalls
from services.executor.sandbox.interface import SandboxError
from services.executor.sandbox.isolation.bwrap_binary import Bubblewrap
from services.executor.sandbox.isolation.filesystem import MADE_IN_ETC, PLACE, WORK
from services.executor.sandbox.isolation.identities import Identities, SharedIdentity
from services.executor.sandbox.isolation.user_namespace import UserNamespace
from services.executor.sandbox.pipes import memory_file, readable
from services.executor.sandbox.warm import job_file

CHANNEL = "ZYGOTE_CHANNEL"
COMPLAINT_BYTES_MAX = 16 * 1024
INFO_BYTES_MAX = 4096
STARTING_S = 20.0
"""How long a zygote may take for its imports: a hundred times the usual."""
ENDING_S = 5.0
"""How long a zygote may take to end by itself; it has nothing else to do then."""


class Zygote:
    """One running zygote. Made by `started`; `close` must be called."""

    def __init__(
        self, process: subprocess.Popen[bytes], channel: socket.socket, complaints: int, info_fd: int
    ) -> None:
        """Take over these resources; bubblewrap names its child on `info_fd`."""
        self._process = process
        self._channel = channel
        self._complaints = complaints
        self._info_fd = info_fd
        self._init: int | None = None
        self._stderr_text = "it gave no reason"
        self._closed = False
        self._known: frozenset[str] = frozenset()
        self._asking = asyncio.Lock()

    @property
    def alive(self) -> bool:
        """Whether it is still running."""
        return self._process.poll() is None

    async def imported_modules(self) -> frozenset[str]:
        """The top-level names of its imported modules; waits for them. Raises SandboxError."""
        async with self._asking:
            if not self._known:
                try:
                    async with asyncio.timeout(STARTING_S):
                        await readable(self._channel.fileno())
                    message = self._channel.recv(ipc.MESSAGE_BYTES_MAX)
                except (TimeoutError, OSError) as error:
                    raise SandboxError(
                        f"the zygote did not start: {error!r}; {self.stderr_tail()}"
                    ) from error
                if not message:
                    raise SandboxError(f"the zygote ended: {self.stderr_tail()}")
                self._known = frozenset(message.decode().split())
                self._hold()
            return self._known

    def ask(self, channel: socket.socket, cgroup_procs_paths: Sequence[int]) -> None:
        """Request a spawner on `channel` that joins by `cgroup_procs_paths`. Raises SandboxError."""
        try:
            syscalls.send(self._channel, ipc.SPAWNER, channel.fileno(), *cgroup_procs_paths)
        except OSError as error:
            raise SandboxError(f"the zygote does not listen: {error}; {self.stderr_tail()}") from error

    def stderr_tail(self) -> str:
        """Its error output, which should be empty."""
        with contextlib.suppress(BlockingIOError):
            if not self._closed and (text := os.read(self._complaints, COMPLAINT_BYTES_MAX)):
                self._stderr_text = text.decode(errors="replace").strip()
        return self._stderr_text

    def close(self) -> None:
        """End it and every cell, and wait for that: a blocking call of some milliseconds.

        It ends when its channel is closed, and bubblewrap with it, possibly before the last cell has gone.
        """
        self._hold()
        self._channel.close()
        try:
            self._process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._init is not None:
            process_handle.kill(self._init)
            process_handle.wait(self._init)
            process_handle.reap_orphan(self._init)
            os.close(self._init)
        os.close(self._info_fd)
        self.stderr_tail()
        self._closed = True
        os.close(self._complaints)

    def init_pid(self) -> int:
        """Its pid 1 as numbered here; waits until bubblewrap names it or ends. Raises OSError."""
        select.select([self._info_fd], (), (), STARTING_S)
        self._hold()
        if self._init is None:
            raise OSError("bubblewrap did not start")
        return process_handle.pid_of(self._init)

    def _hold(self) -> None:
        """Open a pidfd of its pid 1 while it lives, so that its end can be awaited."""
        if self._init is None:
            with contextlib.suppress(BlockingIOError):
                self._init = process_handle.open_pidfd(
                    os.read(self._info_fd, INFO_BYTES_MAX) + b"\n", monitor=self._process.pid
                )


def start_zygote(
    bubblewrap: Bubblewrap,
    arguments: Sequence[str],
    walls: ipc.IsolationConfig,
    identities: Identities | SharedIdentity,
) -> Zygote:
    """Start a zygote whose cells have these identities. Raises SandboxError."""
    with contextlib.ExitStack() as gate:
        return _start(bubblewrap, arguments, walls, gate, identities)


def _start(
    bubblewrap: Bubblewrap,
    arguments: Sequence[str],
    walls: ipc.IsolationConfig,
    gate: contextlib.ExitStack,
    identities: Identities | SharedIdentity,
) -> Zygote:
    with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
        channel, their_channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.callback(channel.close)
        theirs.callback(their_channel.close)
        complaints, their_output = os.pipe()
        ours.callback(os.close, complaints)
        theirs.callback(os.close, their_output)
        info_fd, their_info_fd = os.pipe()
        ours.callback(os.close, info_fd)
        theirs.callback(os.close, their_info_fd)
        namespace = UserNamespace(identities, gate, theirs)
        files: list[int] = []
        words = [
            *arguments,
            "--info-fd",
            str(their_info_fd),
            "--setenv",
            CHANNEL,
            str(their_channel.fileno()),
        ]
        words += namespace.arguments
        for name, value in (
            *job_file.ZYGOTE_ENVIRONMENT.items(),
            ("PYTHONPATH", PLACE),
            ("LD_BIND_NOW", "1"),
        ):
            words += ["--setenv", name, value]
        placed = [
            *MADE_IN_ETC,
            *((f"{PLACE}/{name}", text.decode()) for name, text in job_file.guest_files()),
        ]
        for path, text in placed:
            files.append(memory_file(text.encode()))
            theirs.callback(os.close, files[-1])
            words += ["--perms", "0444", "--file", str(files[-1]), path]
        words += ["--remount-ro", "/", "--chdir", "/"]
        try:
            process = subprocess.Popen(  # noqa: S603 - no shell and no word of a stranger's
                ["bwrap", *words, "--", "python3", f"{WORK}/main.py"],  # noqa: S607 - looked up inside
                executable=bubblewrap.path,
                stdin=subprocess.DEVNULL,
                # Pipes, as a program has: Python creates its streams when the interpreter starts.
                stdout=their_output,
                stderr=their_output,
                pass_fds=(their_channel.fileno(), their_info_fd, *namespace.passed, *files),
                user=bubblewrap.uid,
                group=bubblewrap.gid,
                extra_groups=None if bubblewrap.uid is None else (),
                env={},
                cwd="/",
                umask=0o022,
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxError(f"bubblewrap could not be started: {error}") from error
        os.set_blocking(complaints, False)
        os.set_blocking(info_fd, False)
        ours.pop_all()
        channel.setblocking(False)
        channel.send(ipc.encode_walls(walls))
    # Only now is bubblewrap the last to hold its ends: where it ends at once, waiting for its word ends too.
    zygote = Zygote(process, channel, complaints, info_fd)
    if namespace.is_gated:
        _admit(zygote, namespace)
    return zygote


def _admit(zygote: Zygote, namespace: UserNamespace) -> None:
    """Write a zygote's id maps for its cells: a blocking call of milliseconds. Raises SandboxError."""
    try:
        namespace.open(zygote.init_pid())
    except (OSError, subprocess.SubprocessError) as error:
        zygote.close()
        raise SandboxError(f"a zygote was given no uids: {error}; {zygote.stderr_tail()}") from error
