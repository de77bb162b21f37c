"""Turns a fork of pid 1 into the program: descriptors, limits, environment, and first instruction.

A warm job continues in the forked interpreter; every other job is executed. The executor decides which, see
`job_file.is_warm`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gc
import os
import random
import resource
import signal
import socket
import struct
import sys
import termios
import threading
from pathlib import Path
from typing import NoReturn

from . import ipc, syscalls

INTERRUPT, BY_DEFAULT = int(signal.SIGINT), int(signal.SIG_DFL)
ABOVE_ALL, DESCRIPTORS_MAX = 128, 256
MAIN_THREAD = threading.main_thread()
NOT_FOUND, NOT_EXECUTABLE = 127, 126


def die(channel: socket.socket, error: BaseException) -> NoReturn:
    """Exit, and send the executor the reason."""
    with contextlib.suppress(OSError):
        channel.send(f"{type(error).__name__}: {error}".encode(errors="replace")[:1000])
    os._exit(NOT_EXECUTABLE)


def become(channel: socket.socket) -> None:
    """Wait for the job and become its program. Returns only in a warm job."""
    try:
        os.setsid()
        message, descriptors = syscalls.receive(channel, ipc.MESSAGE_BYTES_MAX)
        if message != ipc.JOB:
            os._exit(0)  # never needed
        job = _write_files(descriptors[0])
        for kind, soft, hard in job.rlimits:
            resource.setrlimit(kind, (soft, hard))
            if kind == resource.RLIMIT_STACK and soft != resource.RLIM_INFINITY:
                syscalls.set_thread_stack(soft)  # in a warm job the C library is already initialized
        _connect(job, channel, descriptors)
        channel.detach()
    except BaseException as error:  # noqa: BLE001 - reported to the executor
        die(channel, error)
    if not job.warm:
        _execute(job.argv, job.env)
    _go_on(job)


def start_early(channel: socket.socket, descriptors: list[int]) -> NoReturn:
    """Become a runtime that waits for its job by itself, with these as its descriptors from 0 on.

    The last one is not passed on: it holds the start order, which has the form of a job.
    """
    try:
        os.setsid()
        order = _write_files(descriptors.pop())
        for kind, soft, hard in order.rlimits:
            resource.setrlimit(kind, (soft, hard))
        clear = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, ABOVE_ALL) for descriptor in descriptors]
        for target, descriptor in enumerate(clear):
            os.dup2(descriptor, target)
        os.closerange(len(clear), DESCRIPTORS_MAX)
    except BaseException as error:  # noqa: BLE001 - reported to the executor
        die(channel, error)
    _execute(order.argv, order.env)


def _write_files(descriptor: int) -> ipc.Job:
    """Write the job's files into the current directory, the work directory; then go to the job's own."""
    job, at = ipc.read_job(descriptor)
    for path, executable, length in job.files:
        if "/" in path:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755 if executable else 0o644)
        end = at + length
        while at < end:
            at += os.sendfile(target, descriptor, at, end - at)
        os.close(target)
    if job.directory:
        os.chdir(job.directory)
    return job


def _connect(job: ipc.Job, channel: socket.socket, descriptors: list[int]) -> None:
    """Leave the program its three standard descriptors, and no others."""
    _, output, errors, *stdin = descriptors
    if job.terminal:
        source = output = errors = _open_terminal(channel, *job.terminal)
    else:
        source = stdin[0] if job.has_stdin else os.open("/dev/null", os.O_RDONLY)
    for target, descriptor in enumerate((source, output, errors)):
        os.dup2(descriptor, target)
    os.closerange(3, DESCRIPTORS_MAX)


def _open_terminal(channel: socket.socket, columns: int, rows: int) -> int:
    """A terminal of this cell, which controls the program's session. The executor gets both sides."""
    other, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    syscalls.send(channel, ipc.TERMINAL, other, terminal)
    os.close(other)
    return terminal


def _execute(argv: list[str], environment: dict[str, str]) -> NoReturn:
    syscalls.set_handler(signal.SIGPIPE, BY_DEFAULT)
    syscalls.set_handler(signal.SIGXFSZ, BY_DEFAULT)
    name = argv[0]
    try:
        os.execvpe(name, argv, environment)  # noqa: S606 - a shell is what we avoid
    except OSError as error:
        missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
        reason = "not found" if missing else error.strerror
        os.write(2, f"{name}: {reason}\n".encode(errors="surrogateescape"))
        os._exit(NOT_FOUND if missing else NOT_EXECUTABLE)


def _go_on(job: ipc.Job) -> None:
    """Set in this interpreter what a normal start would have set."""
    # What Python itself does after a fork, as far as it is visible in a single-threaded process.
    random.seed()
    MAIN_THREAD._native_id = os.getpid()  # type: ignore[attr-defined]  # noqa: SLF001 - it has no other way
    syscalls.set_dumpable(True)
    syscalls.set_handler(INTERRUPT, signal.default_int_handler)
    if job.env:
        os.environ.update(job.env)
    sys.argv[1:] = sys.orig_argv[2:] = job.argv[2:]
    gc.enable()
