"""Pid 1 of a cell: builds it, forks the program's process, waits for its end, reports, sends files out.

It is not dumpable, so the program cannot read or trace it, and the program holds no descriptor of its
channel. It reports the wait status. It reads nothing of a job, and nothing that the program made except what
`collect` is asked for.

As a fork it copies every page that it writes to; so it does little, and most of it before its job.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
from typing import NamedTuple, NoReturn

from . import collect, ipc, program, syscalls
from .config import NETWORK, PLAIN, CellConfig, Maps

CHILD_ENDED = int(signal.SIGCHLD)
PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)
"""Signals that the executor sends to pid 1 for the program."""
WAITED_FOR = (CHILD_ENDED, *map(int, PASSED_ON))
BLOCK = int(signal.SIG_BLOCK)
SENT_BY_KILL = 0
"""SI_USER: a sender's pid is the kernel's word only then (rt_sigqueueinfo(2))."""
OUTSIDE = 0
"""The pid of a sender outside the cell."""


class Cell(NamedTuple):
    """State of one cell."""

    disk_bytes: int
    maps: Maps


def live(config: CellConfig, channel: socket.socket, cell: Cell, early: list[int]) -> None:
    """Run as the newly cloned pid 1 until the cell ends. Returns only in a program.

    `early` are the descriptors of a runtime to start before the job arrives, and its start order; empty if
    there is none.
    """
    try:
        _build(config, cell)
        # Finish this before the fork of the process that takes the job: afterwards both processes copy what
        # they write to.
        syscalls.send(channel, ipc.READY, os.pidfd_open(1))
        child = syscalls.fork()
        if child > 0:
            for descriptor in early:
                os.close(descriptor)
            _watch(config, channel, child)
    except BaseException as error:  # noqa: BLE001 - reported to the executor
        program.die(channel, error)
    if early:
        program.start_early(channel, early)
    program.become(channel)


def _build(config: CellConfig, cell: Cell) -> None:
    for path, text in cell.maps:
        _write(path, text)
    os.setsid()
    syscalls.set_dumpable(False)
    syscalls.raise_loopback()
    for mount in config.mounts:
        syscalls.mount(*mount)
    syscalls.mount(b"tmpfs", config.work, PLAIN, b"size=%d,%b,mode=0755" % (cell.disk_bytes, config.inodes))
    syscalls.mount_again(config.work, config.data)
    for path, text in NETWORK:
        _write(path, text)
    os.chdir(config.work)
    # The executor may have been started to ignore some: `nohup` ignores SIGHUP, `&` in a script SIGQUIT.
    for number in WAITED_FOR:
        syscalls.set_handler(number, program.BY_DEFAULT)
    syscalls.forbid_new_privileges(config.capabilities)
    syscalls.drop_capabilities()
    config.filter.install()


def _write(path: str, text: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, text)
    os.close(descriptor)


def _watch(config: CellConfig, channel: socket.socket, child: int) -> NoReturn:
    """Wait for the program, reaping every other child, and report; then send out its files."""
    # Blocked, not handled: handlers would nest in a flood of signals, until there is no stack left.
    syscalls.mask_signals(BLOCK, WAITED_FOR)
    while (status := _reap(child)) is None:
        sent = signal.sigwaitinfo(WAITED_FOR)
        if sent.si_code == SENT_BY_KILL and sent.si_pid == OUTSIDE and sent.si_signo != CHILD_ENDED:
            _pass_on(sent.si_signo, child)
    # A process that survives its parent becomes a child of pid 1: without children, no process is left.
    alone = syscalls.reap_all()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_ms = round((used.ru_utime + used.ru_stime) * 1000)
    disk_full = status != 0 and any(map(_is_full, (config.work, *config.temporary)))
    channel.send(ipc.encode_report(ipc.Report(status, cpu_ms, disk_full, alone)))
    if request := channel.recv(ipc.MESSAGE_BYTES_MAX):
        _end_all()
        collect.answer(channel, config.work, request)
    os._exit(0)


def _reap(child: int) -> int | None:
    """Reap what has ended, up to the program; its status if it has."""
    while True:
        reaped, status = os.waitpid(-1, os.WNOHANG)
        if reaped == child:
            return status
        if reaped == 0:
            return None


def _pass_on(number: int, child: int) -> None:
    try:
        os.kill(-child, number)
    except ProcessLookupError:
        # It has not begun yet.
        os.kill(child, number)


def _is_full(place: bytes) -> bool:
    disk = os.statvfs(place)
    return 0 in {disk.f_bfree, disk.f_ffree}


def _end_all() -> None:
    """Kill every process that could still change a file before it is sent out."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
