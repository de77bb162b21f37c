"""Imports a program so that Ctrl-C ends it without a traceback, and soon.

Imports take long enough on a busy machine to be interrupted at any point.
"""

# Built in, unlike `signal`, whose import takes long enough to be interrupted itself.
import _signal  # type: ignore[import-not-found]  # typeshed describes `signal` alone
import gc
import os

EXIT_INTERRUPTED = 130


class importing:  # noqa: N801 - a context manager, without importing contextlib
    """A context in which Ctrl-C ends the process: nothing has begun yet, so nothing needs cleanup.

    What modules create stays until the end. Scanning it for garbage, now and at exit, took a seventh of the
    processor time of `headrace run`, and a fifth of what its imports cost a service. So the collector is
    paused, and then told to skip these objects.
    """

    def __enter__(self) -> None:
        """A process that was started in the background ignores Ctrl-C, and continues to."""
        self._is_usual = _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler
        if self._is_usual:
            _signal.signal(_signal.SIGINT, _end)
        gc.disable()

    def __exit__(self, *_error: object) -> None:
        """Restore the earlier behaviour."""
        gc.freeze()
        gc.enable()
        if self._is_usual:
            _signal.signal(_signal.SIGINT, _signal.default_int_handler)


def _end(_number: int, _frame: object) -> None:
    os._exit(EXIT_INTERRUPTED)
