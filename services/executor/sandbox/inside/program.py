"""From a fork of pid 1 to the program: its descriptors, limits, environment, and first instruction.

The interpreter that was forked goes on only where nothing could tell it from one that was started: exactly
`python3 /work/main.py …`, no variable that an interpreter or its libraries read while they start, no file
that would have been imported in place of a module which is there already. All else is executed.
"""

from __future__ import annotations

import errno
import gc
import os
import resource
import signal
import socket
import sys
import types
from pathlib import Path

from . import linux, wire

READ_AT_START = ("PYTHON", "LD_", "LC_", "LANG", "TZ", "HOME", "PATH", "MALLOC", "GLIBC", "OPENSSL")
"""How the names begin of variables that make a started interpreter differ from a forked one."""

PIECE_BYTES = 1024 * 1024
NOT_FOUND, NOT_EXECUTABLE = 127, 126


def become(walls: wire.Walls, known: frozenset[str], channel: socket.socket) -> None:
    """Wait for the job and become its program; the only return is the ImportError of `leave_no_trace`."""
    try:
        os.setsid()
        linux.drop_capabilities()
        linux.install_filter(bytes.fromhex(walls.seccomp))
        _, descriptors, _, _ = socket.recv_fds(channel, len(wire.READY), 4)
        if not descriptors:
            os._exit(0)
        job = _placed(descriptors[0])
        warm = _is_warm(job, walls.work, known)
        for kind, soft, hard in job.rlimits:
            resource.setrlimit(kind, (soft, hard))
        _connect(job, descriptors)
        channel.detach()
    except BaseException as error:  # noqa: BLE001 - told to pid 1, who tells the executor
        channel.send(f"{type(error).__name__}: {error}".encode(errors="replace")[:1000])
        os._exit(NOT_EXECUTABLE)
    if not warm:
        _execute(job)
    _go_on(job)


def _placed(descriptor: int) -> wire.Job:
    """Write the job's files into the work directory, which is where we are."""
    job = wire.job_of(descriptor)
    at = wire.contents_at(descriptor)
    for path, executable, length in job.files:
        if "/" in path:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755 if executable else 0o644)
        end = at + length
        while at < end:
            at += os.write(target, os.pread(descriptor, min(end - at, PIECE_BYTES), at))
        os.close(target)
    return job


def _connect(job: wire.Job, descriptors: list[int]) -> None:
    """Leave the program its three standard descriptors, and no other."""
    _, output, errors, *given = descriptors
    source = given[0] if job.has_stdin else os.open("/dev/null", os.O_RDONLY)
    for target, descriptor in enumerate((source, output, errors)):
        os.dup2(descriptor, target)
    os.closerange(3, 256)


def _is_warm(job: wire.Job, work: str, known: frozenset[str]) -> bool:
    if job.argv[:2] != ["python3", f"{work}/main.py"]:
        return False
    differing = {name for name, value in job.env.items() if os.environ.get(name) != value}
    absent = {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"} - job.env.keys()
    if absent or any(name.startswith(READ_AT_START) for name in differing):
        return False
    beginnings = {path.partition("/")[0].partition(".")[0] for path, _, _ in job.files}
    return not beginnings & (known | {""})


def _execute(job: wire.Job) -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    name = job.argv[0]
    try:
        os.execvpe(name, job.argv, job.env)  # noqa: S606 - a shell is what we avoid
    except OSError as error:
        missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
        said = "not found" if missing else error.strerror
        os.write(2, f"{name}: {said}\n".encode(errors="surrogateescape"))
        os._exit(NOT_FOUND if missing else NOT_EXECUTABLE)


def _go_on(job: wire.Job) -> None:
    """Make this interpreter's own what the command line would have made it, and let it run the program."""
    from . import warden  # noqa: PLC0415 - which imports pid 1, which imports this

    # The warden's own is among what was frozen, and the program's cycles through it would never be freed.
    main = types.ModuleType("__main__")
    main.__dict__.update(sys.modules["__main__"].__dict__)
    sys.modules["__main__"] = main
    linux.set_dumpable(True)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(job.env)
    sys.argv[1:] = sys.orig_argv[2:] = job.argv[2:]
    gc.enable()
    warden.leave_no_trace(__name__.partition(".")[0])
