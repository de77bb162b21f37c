"""Pid 1 of a cell: builds it, waits for its one job, runs the program, reports, and ends the cell by exiting.

It cannot be looked into or traced by the program (it is not dumpable), and no descriptor of its channel is
left in the program. What it reports is the wait status. It reads nothing of a job but its own bounds.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import stat
from typing import NoReturn

from . import linux, program, wire

NAMESPACES = linux.NEW_USER | linux.NEW_PID | linux.NEW_MOUNTS | linux.NEW_NET | linux.NEW_IPC | linux.NEW_UTS


def make(walls: wire.Walls, known: frozenset[str], channel: socket.socket, entrances: list[int]) -> None:
    """Become a cell: enter namespaces of our own and fork its pid 1. Returns only in a program."""
    try:
        uid, gid = os.getuid(), os.getgid()
        linux.unshare(NAMESPACES)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{walls.uid} {uid} 1")
        _write("/proc/self/gid_map", f"{walls.uid} {gid} 1")
        if os.fork() > 0:
            os._exit(0)
        _build(walls, entrances)
    except BaseException as error:  # noqa: BLE001 - told to the executor, who has no other way to know
        _die(channel, error)
    _live(walls, known, channel)


def _build(walls: wire.Walls, entrances: list[int]) -> None:
    os.setsid()
    linux.set_dumpable(False)
    linux.raise_loopback()
    plain = linux.NOSUID | linux.NODEV
    inodes = f"nr_inodes={walls.inodes_max}"
    linux.mount("proc", "/proc", plain | linux.NOEXEC, "")
    linux.mount("tmpfs", walls.work, plain, f"size={walls.disk_bytes},{inodes},mode=0755")
    linux.mount("tmpfs", "/tmp", plain, f"size={walls.tmp_bytes},{inodes},mode=1777")  # noqa: S108 - the cell's
    linux.mount("tmpfs", "/dev/shm", plain, f"size={walls.shared_memory_bytes},{inodes},mode=1777")  # noqa: S108
    # Without its own, a terminal of one cell could be opened in another.
    linux.mount("devpts", "/dev/pts", linux.NOSUID | linux.NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
    os.chdir(walls.work)
    for entrance in entrances:
        os.write(entrance, b"0")
        os.close(entrance)
    linux.unshare(linux.NEW_CGROUP)
    linux.forbid_new_privileges()


def _live(walls: wire.Walls, known: frozenset[str], channel: socket.socket) -> None:
    """Fork the program's process before there is a program: it waits beside us, and a job finds it ready."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child == 0:
        channel.close()
        ours.close()
        program.become(walls, known, theirs)
    try:
        theirs.close()
        linux.send(channel, wire.READY, [os.pidfd_open(os.getpid())])
        message, descriptors, _, _ = socket.recv_fds(channel, 64, 4)
        if not descriptors:
            os._exit(0)  # never needed
        _resize(walls, int(message))
        linux.send(ours, wire.READY, descriptors)
        linux.drop_capabilities()
        linux.install_filter(bytes.fromhex(walls.seccomp))
        _watch(channel, ours, walls, descriptors, child)
    except BaseException as error:  # noqa: BLE001 - as above
        _die(channel, error)


def _resize(walls: wire.Walls, disk_bytes: int) -> None:
    if disk_bytes != walls.disk_bytes:
        again = f"size={disk_bytes},nr_inodes={walls.inodes_max}"
        linux.mount("tmpfs", walls.work, linux.REMOUNT | linux.NOSUID | linux.NODEV, again)


def _watch(
    channel: socket.socket, ours: socket.socket, walls: wire.Walls, descriptors: list[int], child: int
) -> None:
    """Wait for the program, reaping whatever else ends in this cell, and report."""
    job = wire.job_of(descriptors[0])
    for descriptor in descriptors:
        os.close(descriptor)
    reaped, status = os.wait()
    while reaped != child:
        reaped, status = os.wait()
    if failure := ours.recv(wire.MESSAGE_BYTES_MAX):
        channel.send(failure)  # there was no program: its process could not be made ready
        os._exit(1)
    kept, too_long = (None, False)
    if job.keep is not None and status == 0:
        _end_all()
        kept, too_long = _kept(walls.work, job.keep, job.keep_bytes_max)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = wire.Report(status, round((used.ru_utime + used.ru_stime) * 1000), kept is not None, too_long)
    linux.send(channel, wire.encode_report(report), [] if kept is None else [kept])
    os._exit(0)


def _end_all() -> None:
    """Leave nobody who could still change the file that is kept."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def _kept(work: str, path: str, bytes_max: int) -> tuple[int | None, bool]:
    """A descriptor of a regular file of the work directory, no link on the way; whether it is too long."""
    *directories, name = path.split("/")
    try:
        place = os.open(work, os.O_RDONLY | os.O_DIRECTORY)
        for directory in directories:
            place = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place)
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
    except OSError:
        return None, False
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        return None, False
    return (None, True) if found.st_size > bytes_max else (file, False)


def _die(channel: socket.socket, error: BaseException) -> NoReturn:
    with contextlib.suppress(OSError):
        channel.send(f"{type(error).__name__}: {error}".encode()[:1000])
    os._exit(1)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, text.encode())
    os.close(descriptor)
