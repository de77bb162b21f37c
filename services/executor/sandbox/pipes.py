"""Input and output of a cell: sealed memory files in, bounded pipes out.

Nothing here opens a path. Readers run in the event loop and read a bounded amount per turn, so output of one
cell neither grows the executor's memory nor starves its other cells.
"""

import asyncio
import errno
import fcntl
import os
import resource
from collections.abc import Callable
from pathlib import Path

READ_BYTES_MAX = 64 * 1024
PIPE_BYTES = 64 * 1024
"""Default size of a pipe."""
LIVE_BYTES_PER_S = 1024 * 1024
"""How fast the output of an interactive program is read: faster than people do."""
SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def memory_file(content: bytes) -> int:
    """Return a descriptor, at its start, of an anonymous file that can never change again."""
    descriptor = os.memfd_create("headrace", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        fill(descriptor, content)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def fill(descriptor: int, content: bytes) -> None:
    """Write an empty anonymous file, seal it against changes, and seek to its start. Raises OSError."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)


def output_pipe() -> tuple[int, int]:
    """Both ends of a program's output pipe, which the program may open by name (/dev/stdout).

    Any uid may open it: only a process that holds a pipe can name it. Raises OSError.
    """
    ours, theirs = os.pipe()
    try:
        os.fchmod(theirs, 0o666)
    except OSError:
        os.close(ours)
        os.close(theirs)
        raise
    return ours, theirs


class PipeRoom:
    """Enlarges the pipes of programs' outputs, and tracks the total.

    A runtime that writes without waiting loses at its exit what its pipe has no room for (Node.js does). So
    the pipe gets twice the size kept, because short writes leave pages half empty. The kernel's allowance for
    one uid without capabilities (pipe(7), pipe-user-pages-soft) covers all its pipes, and new pipes beyond it
    are small. Half of it is used here, which leaves as much for the programs' own pipes.
    """

    def __init__(self, kernel: Path = Path("/proc/sys/fs")) -> None:
        """Read the kernel's allowance."""
        self._one_bytes_max = _number(kernel / "pipe-max-size", PIPE_BYTES)
        pages = _number(kernel / "pipe-user-pages-soft", 0)
        self._left_bytes = pages * resource.getpagesize() // 2 if pages else None

    def widen(self, descriptor: int, kept_bytes: int) -> int:
        """Enlarge a pipe to hold this many bytes, if possible; returns the amount to pass to `give_back`."""
        wanted = min(2 * kept_bytes, self._one_bytes_max)
        if wanted <= PIPE_BYTES or (self._left_bytes is not None and wanted > self._left_bytes):
            return 0
        try:
            taken = fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, wanted)
        except OSError:
            # Another process of this uid has used up the allowance.
            return 0
        if self._left_bytes is not None:
            self._left_bytes -= taken
        return taken

    def give_back(self, taken: int) -> None:
        """Return the amount of a closed pipe."""
        if self._left_bytes is not None:
            self._left_bytes += taken


def input_pipe() -> tuple[int, int]:
    """Both ends of a program's input pipe: the program's, which it may open by name to read, and ours."""
    theirs, ours = os.pipe()
    try:
        os.fchmod(theirs, 0o444)
        os.set_blocking(ours, False)
    except OSError:
        os.close(ours)
        os.close(theirs)
        raise
    return theirs, ours


class Pace:
    """How fast a stream may be read: its writer waits meanwhile."""

    def __init__(self, bytes_per_s: int) -> None:
        """Let a second's worth through at once."""
        self._bytes_per_s = bytes_per_s
        self._clock = asyncio.get_running_loop().time
        self._until_s = self._clock()

    def pause_s(self, read: int) -> float:
        """For how long to read nothing after so many bytes; 0.0 for not at all."""
        now = self._clock()
        self._until_s = max(self._until_s, now) + read / self._bytes_per_s
        return max(0.0, self._until_s - now - 1.0)


class PipeReader:
    """Delivers at most `bytes_max` bytes of a pipe or a terminal; on one byte more it calls `overflow` and
    stops.

    The pipe stays open after an overflow, so that the writer gets SIGKILL instead of a broken pipe.
    """

    def __init__(
        self,
        descriptor: int,
        bytes_max: int,
        deliver: Callable[[bytes], None],
        overflow: Callable[[], None],
        room: PipeRoom | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Take over `descriptor`, the pipe's reading end; `room` enlarges the pipe, `pace` slows it down."""
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._bytes_max = bytes_max
        self._deliver = deliver
        self._overflow = overflow
        self._loop = asyncio.get_running_loop()
        self._reading = True
        self._room = room
        self._taken = 0 if room is None else room.widen(descriptor, bytes_max)
        self._pace = pace
        self._paused: asyncio.TimerHandle | None = None
        self.bytes_read = 0
        self._loop.add_reader(descriptor, self._read_in_turn)

    @property
    def overflowed(self) -> bool:
        """Whether more arrived than was delivered."""
        return self.bytes_read > self._bytes_max

    def drain(self) -> None:
        """Read what is left; call it when no process can write any more."""
        while self._reading and self._read_once():
            pass

    def close(self) -> None:
        """Close the pipe. Call it once."""
        self._stop()
        os.close(self._descriptor)
        if self._room is not None:
            self._room.give_back(self._taken)

    def _stop(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._descriptor)
        if self._paused is not None:
            self._paused.cancel()

    def _read_in_turn(self) -> None:
        before = self.bytes_read
        self._read_once()
        if self._pace is None or not self._reading:
            return
        if pause_s := self._pace.pause_s(self.bytes_read - before):
            self._loop.remove_reader(self._descriptor)
            self._paused = self._loop.call_later(pause_s, self._go_on)

    def _go_on(self) -> None:
        if self._reading:
            self._loop.add_reader(self._descriptor, self._read_in_turn)

    def _read_once(self) -> bool:
        try:
            piece = os.read(self._descriptor, READ_BYTES_MAX)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            # No process has the terminal open any more.
            piece = b""
        if not piece:
            self._stop()
            return False
        room = self._bytes_max - self.bytes_read
        self.bytes_read += len(piece)
        if room > 0:
            self._deliver(piece[:room])
        if self.overflowed:
            self._stop()
            self._overflow()
        return True


async def readable(descriptor: int) -> None:
    """Return when data or the end can be read. Only one task may wait for a descriptor."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, _resolve, future)
    try:
        await future
    finally:
        loop.remove_reader(descriptor)


def _number(path: Path, otherwise: int) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return otherwise


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
