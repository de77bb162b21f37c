"""The command ``headrace``, and ``python -m headrace``: what comes before the command line is imported.

That takes a second on a busy machine, in which Ctrl-C ends it as it does later: without a traceback.
"""

# Built in, unlike `signal`, which imports for long enough to be interrupted itself.
import _signal  # type: ignore[import-not-found]  # typeshed describes `signal` alone
import os

EXIT_INTERRUPTED = 130


def main() -> None:
    """Entry point of the `headrace` command."""
    usual = _signal.getsignal(_signal.SIGINT)
    # A process that was started in the background ignores it, and goes on doing so.
    if usual is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _end)
    from headrace.cli import app  # noqa: PLC0415 - what this module is for

    if usual is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, usual)
    app()


def _end(_number: int, _frame: object) -> None:
    """Nothing has begun yet, so nothing is to be undone."""
    os._exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
