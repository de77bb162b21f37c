"""A cold cell's standard input that comes while its program runs: what is bound into a cell must have a path.

Nothing of a program's is in the directory of the named pipe, which only the executor can change.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from services.executor.sandbox.interface import InputSource
from services.executor.sandbox.live_stdin import PipeInput

LOOK_S = 0.005
WAKE_S = 0.05


class LivePipe:
    """A named pipe in a directory of its own. `close` must be called."""

    def __init__(self, source: InputSource) -> None:
        """Make it; `source` is what will be written. Raises OSError."""
        self._source = source
        self._input: PipeInput | None = None
        self._looking: asyncio.TimerHandle | None = None
        self._directory = Path(tempfile.mkdtemp(prefix="headrace-"))
        self.path = self._directory / "stdin"
        try:
            # Cells have other uids, and none of them may list or write.
            self._directory.chmod(0o711)
            os.mkfifo(self.path)
            self.path.chmod(0o444)
        except OSError:
            shutil.rmtree(self._directory, ignore_errors=True)
            raise

    def connect(self, *, on_activity: Callable[[], None]) -> None:
        """Write from the moment on at which the program has it open: it waits for that too (fifo(7))."""
        try:
            descriptor = self._open()
        except OSError:
            again = lambda: self.connect(on_activity=on_activity)  # noqa: E731 - a name would say no more
            self._looking = asyncio.get_running_loop().call_later(LOOK_S, again)
            return
        self._input = PipeInput(descriptor, on_activity=on_activity, kill=_send_none)
        self._source.connect(self._input)
        self._wake()

    def _wake(self) -> None:
        """After the end of input, let a program open its stdin by name: it would wait for a writer."""
        if self._input is not None and self._input.is_over:
            with contextlib.suppress(OSError):
                os.close(self._open())
        self._looking = asyncio.get_running_loop().call_later(WAKE_S, self._wake)

    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def close(self) -> None:
        """Remove it, with its directory. Call it once."""
        self._source.disconnect()
        if self._looking is not None:
            self._looking.cancel()
        if self._input is not None:
            self._input.close()
        with contextlib.suppress(OSError):
            shutil.rmtree(self._directory)


def _send_none(number: int) -> None:
    """Bubblewrap's pid 1 passes no signal on: a program in a cold cell gets none."""
