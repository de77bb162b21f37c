"""The system calls that no program in a cell may make, as code for the kernel's filter machine (bpf(4)).

Assembled here rather than by libseccomp: the filter is a list of comparisons, so forty lines make it, it is
the same bytes on every host (its hash is one of the isolation facts), and no host needs a library for it.
Numbers are those of x86-64 and of the generic table, which aarch64 uses. Pure.
"""

import errno
import hashlib
import struct
from collections.abc import Iterator
from typing import NamedTuple

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT, SECOND_ARGUMENT = 0, 4, 16, 24
"""Offsets in struct seccomp_data; the low halves of arguments, little-endian."""
ALLOW, KILL_PROCESS, ERROR = 0x7FFF0000, 0x80000000, 0x00050000

NEW_NAMESPACES = 0x7E020080
"""CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET, and TIME."""
X32 = 0x40000000
"""Set in the number of a call of the x32 ABI, which shares its architecture with x86-64."""
SOCKET_FAMILIES = (1, 2, 10)
"""AF_UNIX, AF_INET, AF_INET6."""
TERMINAL_TRICKS = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX, which type into a terminal."""


class Call(NamedTuple):
    """One system call's numbers; None where the architecture has no such call."""

    x86_64: int
    aarch64: int | None


DENIED = {
    "acct": Call(163, 89),
    "add_key": Call(248, 217),
    "adjtimex": Call(159, 171),
    "bpf": Call(321, 280),
    "chroot": Call(161, 51),
    "clock_adjtime": Call(305, 266),
    "clock_settime": Call(227, 112),
    "delete_module": Call(176, 106),
    "fanotify_init": Call(300, 262),
    "fanotify_mark": Call(301, 263),
    "finit_module": Call(313, 273),
    "fsconfig": Call(431, 431),
    "fsmount": Call(432, 432),
    "fsopen": Call(430, 430),
    "fspick": Call(433, 433),
    "init_module": Call(175, 105),
    "io_uring_enter": Call(426, 426),
    "io_uring_register": Call(427, 427),
    "io_uring_setup": Call(425, 425),
    "ioperm": Call(173, None),
    "iopl": Call(172, None),
    "kcmp": Call(312, 272),
    "kexec_file_load": Call(320, 294),
    "kexec_load": Call(246, 104),
    "keyctl": Call(250, 219),
    "lookup_dcookie": Call(212, 18),
    "mbind": Call(237, 235),
    "memfd_secret": Call(447, 447),
    "migrate_pages": Call(256, 238),
    "modify_ldt": Call(154, None),
    "mount": Call(165, 40),
    "mount_setattr": Call(442, 442),
    "move_mount": Call(429, 429),
    "move_pages": Call(279, 239),
    "name_to_handle_at": Call(303, 264),
    "nfsservctl": Call(180, 42),
    "open_by_handle_at": Call(304, 265),
    "open_tree": Call(428, 428),
    "open_tree_attr": Call(467, 467),
    "perf_event_open": Call(298, 241),
    "pidfd_getfd": Call(438, 438),
    "pivot_root": Call(155, 41),
    "process_madvise": Call(440, 440),
    "process_vm_readv": Call(310, 270),
    "process_vm_writev": Call(311, 271),
    "ptrace": Call(101, 117),
    "quotactl": Call(179, 60),
    "quotactl_fd": Call(443, 443),
    "reboot": Call(169, 142),
    "request_key": Call(249, 218),
    "set_mempolicy": Call(238, 237),
    "set_mempolicy_home_node": Call(450, 450),
    "setdomainname": Call(171, 162),
    "sethostname": Call(170, 161),
    "setns": Call(308, 268),
    "settimeofday": Call(164, 170),
    "swapoff": Call(168, 225),
    "swapon": Call(167, 224),
    "syslog": Call(103, 116),
    "umount2": Call(166, 39),
    "userfaultfd": Call(323, 282),
    "uselib": Call(134, None),
    "vhangup": Call(153, 58),
    "vmsplice": Call(278, 75),
}
"""Refused with EPERM whatever their arguments."""

UNKNOWN = {
    # Its flags lie in memory that may change after the look; C libraries fall back to clone.
    "clone3": Call(435, 435),
    # All cells read the same files of the host: a watch on one of them would tell what the others do.
    "inotify_init": Call(253, None),
    "inotify_init1": Call(294, 26),
    "inotify_add_watch": Call(254, 27),
}
"""Answered with ENOSYS, as by a kernel that never heard of them: programs know what to do without."""

CLONE, UNSHARE = Call(56, 220), Call(272, 97)
SOCKET, IOCTL, PRLIMIT = Call(41, 198), Call(16, 29), Call(302, 261)
FLOCK, FCNTL = Call(73, 32), Call(72, 25)
LOCK_EX = 2
LEASES_AND_NOTES = (1024, 1026)
"""F_SETLEASE and F_NOTIFY."""


class Machine(NamedTuple):
    """What the filter has to know of an architecture: AUDIT_ARCH_*, which column, and whether x32 exists."""

    audit: int
    column: int
    has_x32: bool


MACHINES = {"x86_64": Machine(0xC000003E, 0, True), "aarch64": Machine(0xC00000B7, 1, False)}


def assembled(machine: str) -> bytes:
    """The filter for a machine as `platform.machine()` names it. Raises KeyError if it is none of ours."""
    known = MACHINES[machine]
    return b"".join(struct.pack("=HBBI", *each) for each in _instructions(known))


def digest(code: bytes) -> str:
    """The filter's name among the isolation facts."""
    return f"sha256:{hashlib.sha256(code).hexdigest()}"


Instruction = tuple[int, int, int, int]
"""Code, how many to skip if true, if false, operand."""


def _instructions(machine: Machine) -> Iterator[Instruction]:
    refused, unknown = _answer(ERROR | errno.EPERM), _answer(ERROR | errno.ENOSYS)
    yield _load(ARCHITECTURE)
    yield from _if(EQUAL, machine.audit, [], otherwise=[_answer(KILL_PROCESS)])
    yield _load(NUMBER)
    if machine.has_x32:
        yield from _if(AT_LEAST, X32, [unknown])
    for call in DENIED.values():
        if (number := call[machine.column]) is not None:
            yield from _if(EQUAL, number, [refused])
    for call in UNKNOWN.values():
        if (number := call[machine.column]) is not None:
            yield from _if(EQUAL, number, [unknown])
    for call in (CLONE, UNSHARE):
        flags = [_load(FIRST_ARGUMENT), *_if(ANY_BIT, NEW_NAMESPACES, [refused]), _answer(ALLOW)]
        yield from _call(machine, call, flags)
    families = (each for family in SOCKET_FAMILIES for each in _if(EQUAL, family, [_answer(ALLOW)]))
    yield from _call(machine, SOCKET, [_load(FIRST_ARGUMENT), *families, refused])
    tricks = (each for trick in TERMINAL_TRICKS for each in _if(EQUAL, trick, [refused]))
    yield from _call(machine, IOCTL, [_load(SECOND_ARGUMENT), *tricks, _answer(ALLOW)])
    # An exclusive lock needs no right to write, and is felt in every cell that has the same file. Records
    # may be locked by fcntl still, which does.
    unsupported = _answer(ERROR | errno.EOPNOTSUPP)
    locks = [_load(SECOND_ARGUMENT), *_if(ANY_BIT, LOCK_EX, [unsupported]), _answer(ALLOW)]
    yield from _call(machine, FLOCK, locks)
    told = (each for command in LEASES_AND_NOTES for each in _if(EQUAL, command, [refused]))
    yield from _call(machine, FCNTL, [_load(SECOND_ARGUMENT), *told, _answer(ALLOW)])
    # Of oneself only: pid 1 has the same user, and its limits are not the program's to lower.
    yield from _call(machine, PRLIMIT, [_load(FIRST_ARGUMENT), *_if(EQUAL, 0, [_answer(ALLOW)]), refused])
    yield _answer(ALLOW)


def _call(machine: Machine, call: Call, then: list[Instruction]) -> Iterator[Instruction]:
    number = call[machine.column]
    assert number is not None
    return _if(EQUAL, number, then)


def _if(
    test: int, operand: int, then: list[Instruction], otherwise: list[Instruction] | None = None
) -> Iterator[Instruction]:
    """Do `then` if the test holds of what was loaded, or else `otherwise`; either must answer or be empty."""
    if otherwise:
        yield (test, len(otherwise), 0, operand)
        yield from otherwise
    else:
        yield (test, 0, len(then), operand)
        yield from then


def _load(offset: int) -> Instruction:
    return (LOAD, 0, 0, offset)


def _answer(verdict: int) -> Instruction:
    return (RETURN, 0, 0, verdict)
