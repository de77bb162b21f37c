"""No process of a local stack outlives a supervisor that was killed: the kernel ends it."""

import ctypes
import signal

_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Get SIGTERM when the parent's thread ends. Called in a new process before it becomes its program."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
