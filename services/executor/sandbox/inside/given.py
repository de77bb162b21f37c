"""What a warden knows before any cell is made, and every cell inherits by being forked from it."""

from __future__ import annotations

import os

from . import linux, wire

NAMESPACES = (
    *(linux.NEW_USER, linux.NEW_PID, linux.NEW_MOUNTS, linux.NEW_NET),
    *(linux.NEW_IPC, linux.NEW_UTS, linux.NEW_CGROUP),
)
PLAIN = linux.NOSUID | linux.NODEV


class Given:
    """The walls of every cell, in the form that the system calls want: a cell that copies every page that it
    writes to should have nothing left to compute.
    """

    def __init__(self, walls: wire.Walls) -> None:
        """Of this process."""
        self.namespaces = sum(NAMESPACES)
        self.work = walls.work.encode()
        self.inodes = f"nr_inodes={walls.inodes_max}".encode()
        self.maps = (
            ("/proc/self/setgroups", b"deny"),
            ("/proc/self/uid_map", f"{walls.uid} {os.getuid()} 1".encode()),
            ("/proc/self/gid_map", f"{walls.uid} {os.getgid()} 1".encode()),
        )
        memory = f"size=%d,{self.inodes.decode()},mode=1777"
        self.mounts = (
            (b"proc", b"/proc", PLAIN | linux.NOEXEC, b""),
            (b"tmpfs", b"/tmp", PLAIN, (memory % walls.tmp_bytes).encode()),
            (b"tmpfs", b"/dev/shm", PLAIN, (memory % walls.shared_memory_bytes).encode()),
            # Without its own, a terminal of one cell could be opened in another.
            (b"devpts", b"/dev/pts", linux.NOSUID | linux.NOEXEC, b"newinstance,ptmxmode=0666,mode=0620"),
        )
        self.capabilities = range(linux.last_capability() + 1)
        self.filter = linux.Filter(bytes.fromhex(walls.seccomp))
