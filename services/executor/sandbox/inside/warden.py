"""The warden: forks cells when asked, and never touches a byte of a user's.

It runs as `sitecustomize` of `python3 /work/main.py`. In a cell's program the import ends as if there were no
`sitecustomize`, and the interpreter goes on to do what its command line says, by its own code and with no
frame of ours. So a forked program is the program that `python3` would have run, and not an imitation.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from . import init, wire

CHANNEL = "WARDEN_CHANNEL"
PRELOADED = (
    *("abc", "bisect", "collections.abc", "contextlib", "copy", "dataclasses", "datetime", "decimal", "enum"),
    *("functools", "heapq", "io", "itertools", "json", "math", "operator", "os", "pathlib", "random", "re"),
    *("signal", "socket", "string", "struct", "subprocess", "sys", "threading", "time", "traceback", "types"),
    *("typing", "warnings", "weakref"),
)
"""What programs commonly import. Nothing whose import starts a thread, opens a file, or keeps a secret."""


def main() -> None:
    """Serve until the executor is gone. Returns only in a program, by ImportError."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    channel = socket.socket(fileno=int(os.environ[CHANNEL]))
    walls = wire.decode_walls(channel.recv(wire.MESSAGE_BYTES_MAX))
    known = _preload()
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, len(wire.MAKE), 8)
        if message != wire.MAKE:
            os._exit(0)
        if os.fork() == 0:
            channel.close()
            init.make(walls, known, socket.socket(fileno=descriptors[0]), descriptors[1:])
        for descriptor in descriptors:
            os.close(descriptor)
        _reap()


def _preload() -> frozenset[str]:
    """Import, and keep what was imported from being taken apart at a program's end; the names imported.

    An interpreter that ends frees every object it has. Of a fork this would copy the whole of the warden's
    memory, so its modules are made immortal and are out of sight when that begins, which is after all exit
    functions. The program's own objects are freed as ever.
    """
    shared: dict[str, object] = {}
    atexit.register(_spare, shared)
    for name in PRELOADED:
        with contextlib.suppress(ImportError):  # a host may leave out parts of the library
            __import__(name)
    shared.update(
        (name, module) for name, module in sys.modules.items() if name not in ("__main__", "builtins", "sys")
    )
    for module in shared.values():
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(module))
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(module.__dict__))
    gc.collect()
    gc.freeze()
    return frozenset(name.partition(".")[0] for name in sys.modules)


def _spare(shared: dict[str, object]) -> None:
    """The last exit function: hide what is immortal, and let the end come before the rest is freed."""
    if _ended_well():
        sys._end = _End()  # type: ignore[attr-defined]  # noqa: SLF001 - cleared after every module of the program
    for name, module in shared.items():
        if sys.modules.get(name) is module:
            del sys.modules[name]


def _ended_well() -> bool:
    """Whether the exit code is 0 for certain.

    The interpreter takes `__file__` away again from a main module that it has run to its end, whereas at
    SystemExit it never gets there; and of an exception that nobody caught it leaves `sys.last_value`.
    """
    main = sys.modules["__main__"].__dict__
    return not {"__file__", "__cached__"} & main.keys() and not hasattr(sys, "last_type")


class _End:
    """Ends the process when it is freed: what would be freed after it is the interpreter's alone."""

    def __del__(self, leave: Callable[[int], object] = os._exit) -> None:
        leave(0)


def leave_no_trace(package: str) -> None:
    """Forget our modules and the way to them, then end the import of `sitecustomize` as if it failed."""
    here = str(Path(__file__).parents[1])
    sys.path.remove(here)
    sys.path_importer_cache.pop(here, None)
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]
    raise ImportError("this is the program now", name="sitecustomize")


def _reap() -> None:
    """Wait for those that have forked a cell and are done."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
