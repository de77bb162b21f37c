"""How the command line is imported: so that Ctrl-C ends it without a traceback, and soon.

Imports take long enough on a busy machine to be interrupted, in the middle of anything.
"""

# Built in, unlike `signal`, which imports for long enough to be interrupted itself.
import _signal  # type: ignore[import-not-found]  # typeshed describes `signal` alone
import gc
import os

EXIT_INTERRUPTED = 130


class importing:  # noqa: N801 - a context manager, without importing contextlib
    """Within it Ctrl-C ends the process: nothing has begun yet, so nothing is to be undone.

    What modules make stays until the end. To look through all of it for garbage, now and once more at the
    end, took a seventh of the processor time of `headrace run`: the collector waits, then passes it over.
    """

    def __enter__(self) -> None:
        """A process that was started in the background ignores Ctrl-C, and goes on doing so."""
        self._is_usual = _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler
        if self._is_usual:
            _signal.signal(_signal.SIGINT, _end)
        gc.disable()

    def __exit__(self, *_error: object) -> None:
        """As it was before."""
        gc.freeze()
        gc.enable()
        if self._is_usual:
            _signal.signal(_signal.SIGINT, _signal.default_int_handler)


def _end(_number: int, _frame: object) -> None:
    os._exit(EXIT_INTERRUPTED)
