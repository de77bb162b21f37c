"""What a zygote prepares before any cell is made; every cell inherits it by being forked."""

from __future__ import annotations

import os

from . import ipc, syscalls

NAMESPACES = (
    *(syscalls.NEW_USER, syscalls.NEW_PID, syscalls.NEW_MOUNTS, syscalls.NEW_NET),
    *(syscalls.NEW_IPC, syscalls.NEW_UTS, syscalls.NEW_CGROUP),
)
TERMINALS_MAX = 16
NETWORK = (
    ("/proc/sys/net/ipv4/tcp_rmem", b"4096 131072 131072"),
    ("/proc/sys/net/ipv4/tcp_wmem", b"4096 16384 131072"),
    ("/proc/sys/net/ipv4/tcp_orphan_retries", b"1"),
)
"""Limits of a cell's own loopback. All cells share one kernel pool of buffers (net.ipv4.tcp_mem); closed
connections that still have data to send stay in it (net.ipv4.tcp_max_orphans)."""
TERMINALS = f"newinstance,ptmxmode=0666,mode=0620,max={TERMINALS_MAX}".encode()
PLAIN = syscalls.NOSUID | syscalls.NODEV
Maps = tuple[tuple[str, bytes], ...]
"""Files of /proc and the text to write to each."""


class CellConfig:
    """The isolation of every cell, in the form that the system calls take. Precomputed, because a cell copies
    every page that it writes to."""

    def __init__(self, walls: ipc.IsolationConfig) -> None:
        """Read from this process."""
        self.namespaces = sum(NAMESPACES)
        self.work = walls.work.encode()
        self.data = walls.data.encode()
        self.inodes = f"nr_inodes={walls.inodes_max}".encode()
        self._uid = walls.uid
        self._maps = self._maps_to(os.getuid(), os.getgid())
        memory = f"size=%d,{self.inodes.decode()},mode=1777"
        self.temporary = (b"/tmp", b"/dev/shm")
        self.mounts = (
            (b"proc", b"/proc", PLAIN | syscalls.NOEXEC, b""),
            (b"tmpfs", b"/tmp", PLAIN, (memory % walls.tmp_bytes).encode()),
            (b"tmpfs", b"/dev/shm", PLAIN, (memory % walls.shared_memory_bytes).encode()),
            # Without its own devpts, a cell could open another cell's terminal. All share one limit
            # (kernel.pty.max), 4096 on most hosts.
            (
                b"devpts",
                b"/dev/pts",
                syscalls.NOSUID | syscalls.NOEXEC,
                TERMINALS,
            ),
        )
        self.capabilities = range(syscalls.last_capability() + 1)
        self.filter = syscalls.Filter(bytes.fromhex(walls.seccomp))

    def maps_of(self, order: ipc.CellOrder) -> Maps:
        """The id maps of a cell's user namespace: one user, mapped to the uid that starts it."""
        return self._maps_to(order.uid, order.gid) if order.uid else self._maps

    def _maps_to(self, uid: int, gid: int) -> Maps:
        return (
            ("/proc/self/setgroups", b"deny"),
            ("/proc/self/uid_map", b"%d %d 1" % (self._uid, uid)),
            ("/proc/self/gid_map", b"%d %d 1" % (self._uid, gid)),
        )
