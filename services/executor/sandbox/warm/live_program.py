"""The input of a program that runs in a warm cell: its pipe or its terminal, and the signals for it."""

import contextlib
import os
import signal
from collections.abc import Callable

from services.executor.sandbox.interface import LiveStdin
from services.executor.sandbox.live_stdin import PipeInput, TerminalInput
from services.executor.sandbox.pipes import input_pipe


class LiveProgram:
    """Connects one program with the source of its input. `close` must be called."""

    def __init__(self, live: LiveStdin, init: int, on_activity: Callable[[], None]) -> None:
        """`init` is a pidfd of the cell's pid 1, which stays the caller's."""
        self._live = live
        self._init = init
        self._on_activity = on_activity
        self._pipe: int | None = None
        self._input: PipeInput | None = None
        self._is_connected = False

    def open_stdin(self) -> list[int]:
        """The end of a new pipe that is to be the program's stdin; none for a terminal. Raises OSError."""
        if self._live.terminal is not None:
            return []
        theirs, self._pipe = input_pipe()
        return [theirs]

    def connect_pipe(self) -> None:
        """The program has its end of the pipe, if there is one: give it input from now on."""
        if self._pipe is not None:
            pipe, self._pipe = self._pipe, None
            self._connect(PipeInput(pipe, on_activity=self._on_activity, kill=self._send_signal))

    def connect_terminal(self, ours: int, theirs: int) -> int:
        """Take over both sides of the program's terminal and give it input from now on.

        Returns the descriptor from which its output is to be read, which then is the caller's. Raises
        OSError; nothing is taken over then.
        """
        output = os.dup(ours)
        self._connect(TerminalInput(ours, theirs, on_activity=self._on_activity, kill=self._send_signal))
        return output

    def disconnect(self) -> None:
        """The program has ended."""
        if self._is_connected:
            self._is_connected = False
            self._live.source.disconnect()

    def close(self) -> None:
        """Close what is open."""
        self.disconnect()
        if self._pipe is not None:
            os.close(self._pipe)
        if self._input is not None:
            self._input.close()

    def _connect(self, sink: PipeInput) -> None:
        self._input = sink
        self._is_connected = True
        self._live.source.connect(sink)

    def _send_signal(self, number: int) -> None:
        """Pid 1 passes it on to the program."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._init, number)
