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
    for path, text in NETWORK:
        _write(path, text)
    os.chdir(config.work)
    syscalls.set_handler(CHILD_ENDED, program.BY_DEFAULT)
    syscalls.forbid_new_privileges(config.capabilities)
    syscalls.drop_capabilities()
    config.filter.install()


def _write(path: str, text: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, text)
    os.close(descriptor)


def _watch(config: CellConfig, channel: socket.socket, child: int) -> NoReturn:
    """Wait for the program, reaping every other child, and report; then send out its files."""
    reaped, status = os.wait()
    while reaped != child:
        reaped, status = os.wait()
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
