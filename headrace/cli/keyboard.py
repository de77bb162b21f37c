"""The terminal of this command: its keys as they are pressed, its size, and its modes, always restored."""

import asyncio
import os
import signal
import sys
import termios
import tty
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from headrace.client.input_calls import PIECE_BYTES_MAX

ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""Signals that end this command; the terminal is restored first."""
SIZE_MAX = 1_000
USUAL_SIZE = (80, 24)
"""Columns and rows of a terminal that tells none."""


def our_input() -> int | None:
    """The descriptor of standard input; None if there is none."""
    return None if sys.stdin is None else sys.stdin.fileno()


def is_on_terminal() -> bool:
    """Whether both standard input and standard output are terminals."""
    streams = (sys.stdin, sys.stdout)
    return all(stream is not None and stream.isatty() for stream in streams)


def window_size(descriptor: int) -> tuple[int, int]:
    """Columns and rows of a terminal, within what a job's terminal may have."""
    try:
        columns, rows = os.get_terminal_size(descriptor)
    except OSError:
        columns, rows = 0, 0
    return min(columns or USUAL_SIZE[0], SIZE_MAX), min(rows or USUAL_SIZE[1], SIZE_MAX)


@contextmanager
def raw_mode(descriptor: int) -> Iterator[None]:
    """Every key is a byte that is read at once, and none is echoed.

    The modes are restored at the end, also before a signal ends this process. Main thread only.
    """
    before = termios.tcgetattr(descriptor)

    def restore() -> None:
        # The terminal may be gone.
        with suppress(termios.error), _output_allowed():
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)

    def end(number: int, frame: FrameType | None) -> None:
        restore()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def go_on(number: int, frame: FrameType | None) -> None:
        # The shell has restored its own modes while this process was stopped.
        tty.setraw(descriptor, termios.TCSADRAIN)

    kept = {number: signal.signal(number, end) for number in ENDING}
    kept[signal.SIGCONT] = signal.signal(signal.SIGCONT, go_on)
    try:
        # Keys that are pressed already are not lost.
        tty.setraw(descriptor, termios.TCSADRAIN)
        yield
    finally:
        restore()
        for number, handler in kept.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


@contextmanager
def _output_allowed() -> Iterator[None]:
    """A process in the background may change the modes too."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


async def pieces_of(descriptor: int) -> AsyncGenerator[bytes, None]:
    """What is written to a terminal or a pipe, as it comes, until its end; or a file in pieces."""
    while True:
        await _readable(descriptor)
        try:
            piece = os.read(descriptor, PIECE_BYTES_MAX)
        except OSError:
            # EIO: the terminal is gone.
            return
        if not piece:
            return
        yield piece


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(descriptor, ready.set)
    except PermissionError:
        # A regular file can always be read.
        return
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
