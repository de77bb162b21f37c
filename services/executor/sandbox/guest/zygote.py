"""The zygote: a preloaded interpreter that forks spawners on request and never reads user data.

It runs as `sitecustomize` of `python3 /work/main.py`. In a cell's program the import ends as if there were no
`sitecustomize`; the interpreter then runs its command line by its own code, with no frame of ours. So a
forked program behaves exactly as one that `python3` started.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import site
import socket
import sys
import types
from collections.abc import Callable
from pathlib import Path

from . import ipc, spawner, syscalls
from .config import CellConfig

CHANNEL = "ZYGOTE_CHANNEL"
GATE = "ZYGOTE_GATE"
PRELOADED = (
    *("abc", "bisect", "collections.abc", "contextlib", "copy", "dataclasses", "datetime", "decimal", "enum"),
    *("functools", "heapq", "io", "itertools", "json", "math", "operator", "os", "pathlib", "random", "re"),
    *("signal", "socket", "string", "struct", "subprocess", "sys", "threading", "time", "traceback", "types"),
    *("typing", "warnings", "weakref"),
)
"""Modules that programs commonly import. None starts a thread, opens a file, or keeps a secret on import."""


def main() -> None:
    """Serve until the executor is gone. Returns only in a program, by ImportError."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Spawners and pid 1 of cells: the zygote does not wait for them, so the kernel shall reap them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    channel = socket.socket(fileno=int(os.environ[CHANNEL]))
    if gate := os.environ.pop(GATE, ""):
        os.close(int(gate))
    walls = ipc.decode_walls(channel.recv(ipc.MESSAGE_BYTES_MAX))
    config = CellConfig(walls)
    _preload()
    _leave_no_trace()
    _anticipate(sys.orig_argv[1])
    os.environ["PWD"] = walls.work
    channel.send(" ".join({name.partition(".")[0] for name in sys.modules}).encode())
    gc.collect()
    gc.freeze()
    gc.disable()
    # Frozen objects are never freed, but a program's main module must be freed at its end.
    main = types.ModuleType("__main__")
    main.__dict__.update(sys.modules["__main__"].__dict__)
    sys.modules["__main__"] = main
    _serve(config, channel)
    raise ImportError("this is the program now", name="sitecustomize")


def _serve(config: CellConfig, channel: socket.socket) -> None:
    while True:
        message, descriptors = syscalls.receive(channel, ipc.MESSAGE_BYTES_MAX)
        if message != ipc.SPAWNER:
            os._exit(0)
        if syscalls.fork() == 0:
            channel.close()
            spawner.serve(config, socket.socket(fileno=descriptors[0]), descriptors[1:])
            return
        for descriptor in descriptors:
            os.close(descriptor)


def _preload() -> None:
    """Import modules, and keep them from being freed at a program's end.

    An interpreter frees every object when it ends. In a fork this would copy the whole of the zygote's
    memory. So its modules are made immortal and are removed from sight after all exit functions, before the
    freeing begins. The program's own objects are freed as usual.
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
        syscalls.immortal(module)
        syscalls.immortal(module.__dict__)


def _spare(shared: dict[str, object]) -> None:
    """The last exit function: hide the immortal modules, and exit before the rest is freed."""
    if _ended_well():
        sys._end = _End()  # type: ignore[attr-defined]  # noqa: SLF001 - cleared after every module of the program
    for name, module in shared.items():
        if sys.modules.get(name) is module:
            del sys.modules[name]


def _ended_well() -> bool:
    """Whether the exit code is certainly 0.

    The interpreter removes `__file__` from a main module that ran to its end, but not after SystemExit. After
    an uncaught exception it sets `sys.last_value`.
    """
    main = sys.modules["__main__"].__dict__
    return not {"__file__", "__cached__"} & main.keys() and not hasattr(sys, "last_type")


class _End:
    """Exits the process when it is freed: only the interpreter's own objects would be freed after it."""

    def __del__(self, leave: Callable[[int], object] = os._exit) -> None:
        leave(0)


def _anticipate(program: str) -> None:
    """Do in advance what every program's interpreter would do between here and its first line.

    There is no `usercustomize`, because the home directory has no such files, and the program is no directory
    or archive of modules: `job_file.is_warm` excludes both.
    """
    site.execusercustomize = lambda: None
    sys.path_importer_cache[program] = None
    exec(compile("print('', end='')", program, "exec"), {})  # noqa: S102 - so that the compiler has run once


def _leave_no_trace() -> None:
    """Remove our modules, their path, and how we were started. The modules stay in memory, immortal."""
    here = str(Path(__file__).parents[1])
    sys.path.remove(here)
    sys.path_importer_cache.pop(here, None)
    for name in [name for name in sys.modules if name.partition(".")[0] == __package__]:
        del sys.modules[name]
    for name in (CHANNEL, "PYTHONPATH", "LD_BIND_NOW"):
        del os.environ[name]
