"""Gives a running program its input: through a pipe, or through the terminal that it runs in.

Nothing here blocks. What the program does not read yet waits in memory, which is bounded by the input that a
job is given at all.
"""

import asyncio
import contextlib
import fcntl
import os
import select
import signal
import struct
import termios
from collections import deque
from collections.abc import Callable

WRITE_BYTES = 64 * 1024
SEND_SIGNAL = 0x40045436
"""TIOCSIG: a signal for the foreground processes of a terminal, from its other side (ioctl_tty(2))."""
OF_TERMINAL = frozenset({int(signal.SIGINT), int(signal.SIGQUIT)})
"""Signals that a terminal itself can send."""
ECHO_OFF_S = 0.2
"""How often to look whether a program has read what came before a secret."""
END_OF_FILE = b"\x04"
END_AGAIN_S = 0.05
ENDS_OF_LINES = frozenset(b"\n\r\x03\x04\x15\x1c")
"""The last three of four clear a line or are read with it: ^C, ^D, ^U, ^\\."""
_LOCAL_MODES = 3


class PipeInput:
    """A program's input pipe. `close` must be called."""

    def __init__(
        self, descriptor: int, *, on_activity: Callable[[], None], kill: Callable[[int], None]
    ) -> None:
        """Take over our end of the pipe. `kill` sends the program a signal."""
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._on_activity = on_activity
        self._kill = kill
        self._waiting: deque[bytes] = deque()
        self._is_writing = False
        self._is_over = False
        self._ends = False

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be written."""
        return self._is_over

    def write(self, content: bytes, *, secret: bool = False) -> None:
        """See `InputSink`."""
        self._put(content)

    def end(self) -> None:
        """See `InputSink`."""
        if not self._is_over:
            self._on_activity()
            self._ends = True
            self._flush()

    def resize(self, columns: int, rows: int) -> None:
        """A pipe has no size."""

    def signal(self, number: int) -> None:
        """See `InputSink`."""
        if not self._is_over:
            self._kill(number)

    def close(self) -> None:
        """The program has ended, or it has closed its side."""
        self._waiting.clear()
        self._stop_writing()
        if not self._is_over:
            self._is_over = True
            os.close(self._descriptor)

    def _put(self, content: bytes) -> None:
        if self._is_over or self._ends:
            return
        self._on_activity()
        self._waiting.extend(content[at : at + WRITE_BYTES] for at in range(0, len(content), WRITE_BYTES))
        self._flush()

    def _flush(self) -> None:
        """Write what the program takes now; go on when it takes more."""
        while self._waiting and not self._is_over:
            piece = self._waiting[0]
            try:
                written = os.write(self._descriptor, piece)
            except BlockingIOError:
                self._write_later()
                return
            except OSError:
                # The program has closed it: it reads nothing any more.
                self.close()
                return
            if written < len(piece):
                self._waiting[0] = piece[written:]
            else:
                self._waiting.popleft()
        self._stop_writing()
        if self._ends and not self._is_over:
            self._finish()

    def _finish(self) -> None:
        """All was written: the program reads the end of its input."""
        self.close()

    def _write_later(self) -> None:
        if not self._is_writing:
            self._is_writing = True
            self._loop.add_writer(self._descriptor, self._flush)

    def _stop_writing(self) -> None:
        if self._is_writing:
            self._is_writing = False
            self._loop.remove_writer(self._descriptor)


class TerminalInput(PipeInput):
    """The other side of a program's terminal, as its keyboard. `close` must be called."""

    def __init__(
        self, ours: int, theirs: int, *, on_activity: Callable[[], None], kill: Callable[[int], None]
    ) -> None:
        """Take over a descriptor of each side.

        The program's stays open, so that the program may close the terminal and open it again.
        """
        super().__init__(ours, on_activity=on_activity, kill=kill)
        self._theirs = theirs
        self._unread = select.poll()
        self._unread.register(theirs, select.POLLIN)
        self._line_is_begun = False
        self._echo_again: asyncio.TimerHandle | None = None
        self._end_again: asyncio.TimerHandle | None = None
        os.set_blocking(ours, False)

    def write(self, content: bytes, *, secret: bool = False) -> None:
        """See `InputSink`."""
        if not content or self._is_over or self._end_again is not None:
            return
        self._line_is_begun = content[-1] not in ENDS_OF_LINES
        if secret:
            self._put_secret(content)
        else:
            self._put(content)

    def end(self) -> None:
        """What a person does: the character that ends a file, twice where a line is begun (termios(3)).

        The input has ended for good: a program that reads lines reads its end again, as at the end of a pipe.
        """
        if not self._is_over and self._end_again is None:
            self._put(2 * END_OF_FILE if self._line_is_begun else END_OF_FILE)
            self._end_again = self._loop.call_later(END_AGAIN_S, self._repeat_end)

    def resize(self, columns: int, rows: int) -> None:
        """See `InputSink`."""
        if not self._is_over:
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def signal(self, number: int) -> None:
        """See `InputSink`: those of the keyboard go to the terminal's foreground processes."""
        if number not in OF_TERMINAL:
            super().signal(number)
        elif not self._is_over:
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._descriptor, SEND_SIGNAL, number)

    def close(self) -> None:
        """The program has ended."""
        for timer in (self._echo_again, self._end_again):
            if timer is not None:
                timer.cancel()
        if not self._is_over:
            os.close(self._theirs)
        super().close()

    def _repeat_end(self) -> None:
        """Once the program has read the end; not where it reads single keys."""
        if self._is_over:
            return
        with contextlib.suppress(OSError, termios.error):
            reads_lines = termios.tcgetattr(self._descriptor)[_LOCAL_MODES] & termios.ICANON
            if reads_lines and not self._waiting and not self._has_unread():
                os.write(self._descriptor, END_OF_FILE)
        self._end_again = self._loop.call_later(END_AGAIN_S, self._repeat_end)

    def _put_secret(self, content: bytes) -> None:
        """Keep the terminal from echoing this. A program that wants no echo keeps that."""
        had_unread = self._has_unread()
        echoed = self._echo_again is None and self._set_echo(on=False)
        self._put(content)
        if not echoed or self._is_over:
            return
        # The kernel takes bytes over a little later, and echoes them then. To find whether the program has
        # something to read, it takes them over at once, unless there was something before.
        if had_unread or self._waiting:
            self._echo_again = self._loop.call_later(ECHO_OFF_S, self._start_echo)
        else:
            self._has_unread()
            self._set_echo(on=True)

    def _has_unread(self) -> bool:
        return bool(self._unread.poll(0))

    def _start_echo(self) -> None:
        self._echo_again = None
        if self._waiting or self._has_unread():
            self._echo_again = self._loop.call_later(ECHO_OFF_S, self._start_echo)
        else:
            self._set_echo(on=True)

    def _set_echo(self, *, on: bool) -> bool:
        """Returns whether the terminal echoed before."""
        with contextlib.suppress(termios.error):
            modes = termios.tcgetattr(self._descriptor)
            before = modes[_LOCAL_MODES]
            modes[_LOCAL_MODES] = before | termios.ECHO if on else before & ~termios.ECHO
            termios.tcsetattr(self._descriptor, termios.TCSANOW, modes)
            return bool(before & termios.ECHO)
        return False
