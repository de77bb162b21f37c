"""Ctrl-C while modules are imported: the process ends at once, with the exit code of one and no traceback.

Imports take long enough on a busy machine to be interrupted, in the middle of anything.
"""

# Built in, unlike `signal`, which imports for long enough to be interrupted itself.
import _signal  # type: ignore[import-not-found]  # typeshed describes `signal` alone
import os

EXIT_INTERRUPTED = 130


class ending_at_once:  # noqa: N801 - a context manager, without importing contextlib
    """Within it, Ctrl-C ends the process. Nothing has begun yet, so nothing is to be undone."""

    def __enter__(self) -> None:
        """A process that was started in the background ignores Ctrl-C, and goes on doing so."""
        self._is_usual = _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler
        if self._is_usual:
            _signal.signal(_signal.SIGINT, _end)

    def __exit__(self, *_error: object) -> None:
        """As it was before."""
        if self._is_usual:
            _signal.signal(_signal.SIGINT, _signal.default_int_handler)


def _end(_number: int, _frame: object) -> None:
    os._exit(EXIT_INTERRUPTED)
