"""Ends every process of a local stack when its supervisor is killed, by the kernel."""

import ctypes
import signal

_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Get SIGTERM when the parent's thread ends. Called in a new process before it executes its program."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
