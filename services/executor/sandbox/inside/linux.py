"""The system calls that Python has no name for. Each raises OSError."""

from __future__ import annotations

import array
import contextlib
import ctypes
import fcntl
import os
import socket
import struct

NEW_MOUNTS = 0x00020000
NEW_CGROUP = 0x02000000
NEW_UTS = 0x04000000
NEW_IPC = 0x08000000
NEW_USER = 0x10000000
NEW_PID = 0x20000000
NEW_NET = 0x40000000

NOSUID, NODEV, NOEXEC, REMOUNT = 2, 4, 8, 32

_SET_DUMPABLE, _SET_SECCOMP, _DROP_BOUNDING, _SET_NO_NEW_PRIVILEGES, _AMBIENT = 4, 22, 24, 38, 47
_AMBIENT_CLEAR_ALL = 4
_SECCOMP_FILTER = 2
_CAPABILITIES = 64
_CAPABILITY_VERSION_3 = 0x20080522
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """See unshare(2)."""
    _checked(_libc.unshare(flags), "unshare")


def mount(kind: str, place: str, flags: int, options: str) -> None:
    """Mount a file system that is of nothing but memory."""
    name = kind.encode()
    result = _libc.mount(name, place.encode(), name, ctypes.c_ulong(flags), options.encode())
    _checked(result, f"mount {kind} at {place}")


def raise_loopback() -> None:
    """Let the network namespace's own loopback work."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, _GET_FLAGS, request))[1]
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", flags | _UP))


def forbid_new_privileges() -> None:
    """No program started from here on gains anything by being executed, and none a capability."""
    _prctl(_SET_NO_NEW_PRIVILEGES, 1)
    _prctl(_AMBIENT, _AMBIENT_CLEAR_ALL)
    with contextlib.suppress(OSError):  # beyond the last capability that this kernel knows
        for capability in range(_CAPABILITIES):
            _prctl(_DROP_BOUNDING, capability)


def drop_capabilities() -> None:
    """Give up every capability for ever."""
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(header, bytes(24)), "capset")


def set_dumpable(dumpable: bool) -> None:
    """Whether others of the same user may look at this process through /proc and ptrace."""
    _prctl(_SET_DUMPABLE, int(dumpable))


def install_filter(code: bytes) -> None:
    """Put this process and all that it starts under a seccomp filter, eight bytes an instruction."""
    held = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(held))
    _checked(_libc.prctl(_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_FILTER), program), "seccomp")


def send(channel: socket.socket, message: bytes, descriptors: list[int]) -> None:
    """Send one message with descriptors."""
    beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    channel.sendmsg([message], beside)


def _prctl(option: int, value: int) -> None:
    none = ctypes.c_ulong(0)
    _checked(_libc.prctl(option, ctypes.c_ulong(value), none, none, none), f"prctl {option}")


def _checked(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
