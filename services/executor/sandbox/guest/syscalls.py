"""System calls that Python does not offer. Each function raises OSError."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable
from ctypes import c_char_p, c_int, c_long, c_size_t, c_ulong, c_void_p
from itertools import repeat
from typing import Any

NEW_MOUNTS = 0x00020000
NEW_CGROUP = 0x02000000
NEW_UTS = 0x04000000
NEW_IPC = 0x08000000
NEW_USER = 0x10000000
NEW_PID = 0x20000000
NEW_NET = 0x40000000

NOSUID, NODEV, NOEXEC = 2, 4, 8
_BIND = 4096

_SET_DUMPABLE, _SET_SECCOMP, _DROP_BOUNDING, _SET_NO_NEW_PRIVILEGES, _AMBIENT = 4, 22, 24, 38, 47
_AMBIENT_CLEAR_ALL = 4
_SECCOMP_FILTER = 2
_CAPABILITY_VERSION_3 = 0x20080522
_NO_CAPABILITIES = struct.pack("Ii", _CAPABILITY_VERSION_3, 0), bytes(24)
_SET_FLAGS = 0x8914
_LOOPBACK_UP = struct.pack("16sh14x", b"lo", 0x49)
"""struct ifreq: IFF_UP, IFF_LOOPBACK, IFF_RUNNING."""
_INTERNET, _DATAGRAM = int(socket.AF_INET), int(socket.SOCK_DGRAM)
_INT_BYTES = struct.calcsize("i")
_BESIDE_BYTES_MAX = socket.CMSG_SPACE(8 * _INT_BYTES)

_THREAD_ATTRIBUTES_BYTES = 128
"""More than the size of pthread_attr_t in glibc and in musl."""

_SIGCHLD = int(signal.SIGCHLD)
_CLONE = {"x86_64": 56, "aarch64": 220}[os.uname().machine]

_libc = ctypes.CDLL(None, use_errno=True)
_prctl, _mount, _capset = _libc.prctl, _libc.mount, _libc.capset
_socket, _ioctl, _waitpid = _libc.socket, _libc.ioctl, _libc.waitpid
_prctl.argtypes = (c_int, c_ulong, c_ulong, c_ulong, c_ulong)
_mount.argtypes = (c_char_p, c_char_p, c_char_p, c_ulong, c_char_p)
_capset.argtypes = (c_char_p, c_char_p)
_ioctl.argtypes = (c_int, c_ulong, c_char_p)

# Keep the GIL, as a fork must: no other thread exists in the child to release it.
_held = ctypes.PyDLL(None, use_errno=True)
_fork = getattr(_held, "_Fork", _held.fork)
"""The C library's fork without its handlers, where it has one (glibc 2.34)."""
_syscall = _held.syscall
_syscall.argtypes = (c_long, c_long, c_void_p, c_void_p, c_void_p, c_void_p)
_syscall.restype = c_long

_named: Any = signal.signal
set_handler: Callable[[int, object], object] = getattr(_named, "__wrapped__", _named)
"""`signal.signal` without the conversion of numbers to enumerations."""
_named = signal.pthread_sigmask
mask_signals: Callable[[int, tuple[int, ...]], object] = getattr(_named, "__wrapped__", _named)
"""Likewise."""


def fork() -> int:
    """Fork, and nothing else: for a single-threaded process that holds no lock.

    `os.fork` goes on to repair what other threads may have left behind in the child. There are none here, and
    the repair writes to a hundred and fifty pages, which the child would have to copy.
    """
    pid: int = _fork()
    return _check(pid, "fork")


def clone(flags: int) -> int:
    """Fork into new namespaces, under the same conditions; see clone(2). Not for a program: the C library
    does not learn the child's thread id, which our own code never asks for."""
    pid: int = _syscall(_CLONE, flags | _SIGCHLD, None, None, None, None)
    return _check(pid, "clone")


def mount(kind: bytes, place: bytes, flags: int, options: bytes) -> None:
    """Mount a file system that needs no device."""
    _check(_mount(kind, place, kind, flags, options), "mount")


def mount_again(place: bytes, other: bytes) -> None:
    """Show what is mounted in one place in another one too, under the same flags."""
    _check(_mount(place, other, None, _BIND, None), "mount again")


def raise_loopback() -> None:
    """Bring up the loopback interface of the network namespace."""
    descriptor = _check(_socket(_INTERNET, _DATAGRAM, 0), "socket")
    _check(_ioctl(descriptor, _SET_FLAGS, _LOOPBACK_UP), "loopback")
    os.close(descriptor)


def last_capability() -> int:
    """The highest capability that this kernel knows."""
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:  # noqa: PTH123 - no more imports
        return int(file.read())


def forbid_new_privileges(capabilities: range) -> None:
    """Set no_new_privs, clear ambient capabilities and drop these from the bounding set: exec gains none."""
    _check(_prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no new privileges")
    _check(_prctl(_AMBIENT, _AMBIENT_CLEAR_ALL, 0, 0, 0), "ambient capabilities")
    zero = repeat(0)
    _check(min(map(_prctl, repeat(_DROP_BOUNDING), capabilities, zero, zero, zero)), "bounding set")


def drop_capabilities() -> None:
    """Drop every capability permanently."""
    _check(_capset(*_NO_CAPABILITIES), "capset")


def set_thread_stack(size: int) -> None:
    """Set the default stack size of threads, as a C library does at its start from the limit."""
    attributes = ctypes.create_string_buffer(_THREAD_ATTRIBUTES_BYTES)
    _libc.pthread_getattr_default_np(attributes)
    _libc.pthread_attr_setstacksize(attributes, c_size_t(size))
    _libc.pthread_setattr_default_np(attributes)


def reap_all() -> bool:
    """Wait for every child that has ended; True if no child is left."""
    while (reaped := _waitpid(-1, None, os.WNOHANG)) > 0:
        pass
    alone: bool = reaped < 0
    return alone


def change_user(uid: int, gid: int) -> None:
    """Become another user of this namespace, without gaining capabilities."""
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    set_dumpable(True)  # otherwise its clones could not write their own id maps


def set_dumpable(dumpable: bool) -> None:
    """Set whether processes of the same user may read this process through /proc and ptrace."""
    _check(_prctl(_SET_DUMPABLE, dumpable, 0, 0, 0), "dumpable")


class Filter:
    """A seccomp filter, eight bytes an instruction, laid out for the call that installs it."""

    def __init__(self, code: bytes) -> None:
        """Prepare the filter; `install` applies it."""
        self._held = ctypes.create_string_buffer(code, len(code))
        program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(self._held))
        self._program = ctypes.create_string_buffer(program, len(program))
        self._address = ctypes.addressof(self._program)

    def install(self) -> None:
        """Put this process and all its descendants under the filter, permanently."""
        _check(_prctl(_SET_SECCOMP, _SECCOMP_FILTER, self._address, 0, 0), "seccomp")


def send(channel: socket.socket, message: bytes, *descriptors: int) -> None:
    """Send one message with descriptors."""
    packed = b"".join([descriptor.to_bytes(_INT_BYTES, sys.byteorder) for descriptor in descriptors])
    channel.sendmsg((message,), ((socket.SOL_SOCKET, socket.SCM_RIGHTS, packed),) if descriptors else ())


def receive(channel: socket.socket, bytes_max: int) -> tuple[bytes, list[int]]:
    """Receive one message with its descriptors, which are not inheritable; both empty at the end."""
    message, beside, _, _ = channel.recvmsg(bytes_max, _BESIDE_BYTES_MAX, socket.MSG_CMSG_CLOEXEC)
    packed = beside[0][2] if beside else b""
    places = range(0, len(packed), _INT_BYTES)
    return message, [int.from_bytes(packed[place : place + _INT_BYTES], sys.byteorder) for place in places]


def immortal(thing: object, take: Callable[[object], None] = ctypes.pythonapi.Py_IncRef) -> None:
    """Make an object immortal: it is never freed."""
    take(ctypes.py_object(thing))


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result
