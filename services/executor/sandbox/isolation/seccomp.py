"""Builds the seccomp filter of a cell, as code for the kernel's filter machine (bpf(4)).

Assembled here rather than by libseccomp: the filter is a tree of comparisons, which needs few lines. It is
the same bytes on every host (its hash is one of the isolation facts), and no host needs a library for it.
Numbers are those of x86-64 and of the generic table, which aarch64 uses. Pure.
"""

import errno
import hashlib
import struct
from collections.abc import Iterator
from typing import NamedTuple

from services.executor.sandbox.isolation.host_pools import Rule, Shared, rules
from services.executor.sandbox.isolation.system_calls import Call

LOAD, JUMP, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x05, 0x15, 0x35, 0x45, 0x06
JUMP_MAX = 255
NUMBER, ARCHITECTURE = 0, 4
FIRST_ARGUMENT, SECOND_ARGUMENT, THIRD_ARGUMENT, SIXTH_ARGUMENT = 16, 24, 32, 56
ARGUMENT_BYTES = 8
"""Offsets in struct seccomp_data; the low halves of arguments, little-endian."""
ALLOW, KILL_PROCESS, ERROR = 0x7FFF0000, 0x80000000, 0x00050000

TESTS = {"equal": EQUAL, "at least": AT_LEAST, "any bit": ANY_BIT}

NEW_NAMESPACES = 0x7E020080
"""CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET, and TIME."""
X32 = 0x40000000
"""Set in the number of a call of the x32 ABI, which shares its architecture with x86-64."""
SOCKET_FAMILIES = (1, 2, 10)
"""AF_UNIX, AF_INET, AF_INET6."""
TERMINAL_TRICKS = (0x5412, 0x541C, 0x5423)
"""TIOCSTI and TIOCLINUX, which inject input into a terminal, and TIOCSETD, which attaches a driver to it."""


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
    "sched_setaffinity": Call(203, 122),
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

UNCOUNTED = {
    "memfd_create": Call(319, 279),
    "msgget": Call(68, 186),
    "semget": Call(64, 190),
    "shmget": Call(29, 194),
}
"""Also refused where no group counts memory: they allocate memory outside any process's address space."""

UNKNOWN = {
    # Its flags are in memory that may change after the check; C libraries fall back to clone.
    "clone3": Call(435, 435),
    # One pool for the whole host (fs.aio-max-nr), a thousand per call.
    "io_cancel": Call(210, 3),
    "io_destroy": Call(207, 1),
    "io_getevents": Call(208, 4),
    "io_pgetevents": Call(333, 292),
    "io_setup": Call(206, 0),
    "io_submit": Call(209, 2),
    # All cells read the same host files: a watch on one of them would reveal what other cells do.
    "inotify_init": Call(253, None),
    "inotify_init1": Call(294, 26),
    "inotify_add_watch": Call(254, 27),
    # They reveal which pages of a shared file are in memory, and so which programs other cells run.
    "cachestat": Call(451, 451),
    "mincore": Call(27, 232),
}
"""Answered with ENOSYS, as by a kernel without them: programs have a fallback."""

DONE_ALREADY = {
    # Advice about files. Every file that a cell may write is in memory, every other is shared: dropping one
    # from the page cache and timing its next read reveals whether another cell has read it meanwhile.
    "fadvise64": Call(221, 223),
    "readahead": Call(187, 213),
    # A cell has nothing to write back, but these would flush the host's disks for all.
    "fdatasync": Call(75, 83),
    "fsync": Call(74, 82),
    "sync": Call(162, 81),
    "sync_file_range": Call(277, 84),
    "syncfs": Call(306, 267),
}
"""Answered with success and not executed: no result that a program may rely on depends on them."""

CLONE, UNSHARE = Call(56, 220), Call(272, 97)
SOCKET, IOCTL, PRLIMIT = Call(41, 198), Call(16, 29), Call(302, 261)
FLOCK, FCNTL = Call(73, 32), Call(72, 25)
LOCK_EX = 2
LEASES_AND_NOTES = (1024, 1026)
"""F_SETLEASE and F_NOTIFY."""
PREADV2, PWRITEV2, MADVISE = Call(327, 286), Call(328, 287), Call(28, 233)
HARMLESS_FLAGS = 0x1 | 0x2 | 0x4 | 0x10 | 0x20
"""RWF_HIPRI, DSYNC, SYNC, APPEND, NOAPPEND. Of the others, NOWAIT reveals what the page cache holds, and
DONTCACHE (Linux 6.14) drops pages from it."""
COLD, PAGEOUT = 20, 21
MERGEABLE, COLLAPSE = 12, 25
"""MADV_*: COLD and PAGEOUT evict pages of shared files, MERGEABLE and COLLAPSE replace them: another cell
could observe the effect on its own pages."""


class Machine(NamedTuple):
    """An architecture: AUDIT_ARCH_*, its column of the call numbers, and whether x32 exists."""

    audit: int
    column: int
    has_x32: bool


MACHINES = {"x86_64": Machine(0xC000003E, 0, True), "aarch64": Machine(0xC00000B7, 1, False)}


def assemble(machine: str, shared: Shared) -> bytes:
    """The filter for a machine as `platform.machine()` names it. Raises KeyError for an unsupported one."""
    instructions = _instructions(MACHINES[machine], shared)
    return b"".join(struct.pack("=HBBI", *each) for each in instructions)


def digest(code: bytes) -> str:
    """The filter's hash, as the isolation facts report it."""
    return f"sha256:{hashlib.sha256(code).hexdigest()}"


Instruction = tuple[int, int, int, int]
"""Code, how many to skip if true, if false, operand."""


def _instructions(machine: Machine, shared: Shared) -> Iterator[Instruction]:
    yield _load(ARCHITECTURE)
    yield (EQUAL, 1, 0, machine.audit)
    yield _answer(KILL_PROCESS)
    yield _load(NUMBER)
    if machine.has_x32:
        yield from _if(AT_LEAST, X32, [_answer(ERROR | errno.ENOSYS)])
    yield from _tree(_ranges(_answers(machine, shared)))


def _answers(machine: Machine, shared: Shared) -> dict[int, list[Instruction]]:
    """The action for each call number that is not simply allowed."""
    of_calls = _of_walls()
    for rule in reversed(list(rules(shared))):
        of_calls[rule.call] = [*_compile_rule(rule), *of_calls.get(rule.call, [_answer(ALLOW)])]
    if shared.memory:
        of_calls |= {call: [_answer(ERROR | errno.EPERM)] for call in UNCOUNTED.values()}
    return {number: then for call, then in of_calls.items() if (number := call[machine.column]) is not None}


def _compile_rule(rule: Rule) -> list[Instruction]:
    """Answer as the rule says if its conditions hold; otherwise continue."""
    then = [_answer(ERROR | rule.error)]
    for place, test, number in reversed(rule.conditions):
        then = [_load(FIRST_ARGUMENT + place * ARGUMENT_BYTES), *_if(TESTS[test], number, then)]
    return then


def _of_walls() -> dict[Call, list[Instruction]]:
    """Calls that are always refused, and those refused for some arguments, on every host."""
    refused = _answer(ERROR | errno.EPERM)
    of_calls = {call: [refused] for call in DENIED.values()}
    of_calls |= {call: [_answer(ERROR | errno.ENOSYS)] for call in UNKNOWN.values()}
    of_calls |= {call: [_answer(ERROR)] for call in DONE_ALREADY.values()}
    for call in (CLONE, UNSHARE):
        of_calls[call] = [_load(FIRST_ARGUMENT), *_if(ANY_BIT, NEW_NAMESPACES, [refused]), _answer(ALLOW)]
    families = [each for family in SOCKET_FAMILIES for each in _if(EQUAL, family, [_answer(ALLOW)])]
    of_calls[SOCKET] = [_load(FIRST_ARGUMENT), *families, refused]
    tricks = [each for trick in TERMINAL_TRICKS for each in _if(EQUAL, trick, [refused])]
    of_calls[IOCTL] = [_load(SECOND_ARGUMENT), *tricks, _answer(ALLOW)]
    # An exclusive lock needs no write permission, and blocks every cell that opens the same file. Record
    # locks with fcntl still work: they need it.
    unsupported = _answer(ERROR | errno.EOPNOTSUPP)
    of_calls[FLOCK] = [_load(SECOND_ARGUMENT), *_if(ANY_BIT, LOCK_EX, [unsupported]), _answer(ALLOW)]
    # The flags are an int, so the low half is all of them. A kernel without these flags answers the same.
    flags = _if(ANY_BIT, 0xFFFFFFFF & ~HARMLESS_FLAGS, [unsupported])
    of_calls[PREADV2] = of_calls[PWRITEV2] = [_load(SIXTH_ARGUMENT), *flags, _answer(ALLOW)]
    ignored = [each for advice in (COLD, PAGEOUT) for each in _if(EQUAL, advice, [_answer(ERROR)])]
    unknown = [
        each
        for advice in (MERGEABLE, COLLAPSE)
        for each in _if(EQUAL, advice, [_answer(ERROR | errno.EINVAL)])
    ]
    of_calls[MADVISE] = [_load(THIRD_ARGUMENT), *ignored, *unknown, _answer(ALLOW)]
    leases = [each for command in LEASES_AND_NOTES for each in _if(EQUAL, command, [refused])]
    of_calls[FCNTL] = [_load(SECOND_ARGUMENT), *leases, _answer(ALLOW)]
    # Only for the process itself: pid 1 has the same user, and the program must not lower its limits.
    of_calls[PRLIMIT] = [_load(FIRST_ARGUMENT), *_if(EQUAL, 0, [_answer(ALLOW)]), refused]
    return of_calls


Range = tuple[int, list[Instruction]]
"""The first number of a range, and the action from there up to the next range."""


def _ranges(answers: dict[int, list[Instruction]]) -> list[Range]:
    """All call numbers, in as few ranges as possible."""
    ranges: list[Range] = [(0, [_answer(ALLOW)])]
    for number in sorted({each + more for each in answers for more in (0, 1)}):
        then = answers.get(number, [_answer(ALLOW)])
        if then != ranges[-1][1]:
            ranges.append((number, then))
    return ranges


def _tree(ranges: list[Range]) -> list[Instruction]:
    """Halve the ranges until one is left: seven comparisons where a list would take a hundred.

    The kernel evaluates every call number when a filter is installed, so the time to make a cell depends on
    it too.
    """
    if len(ranges) == 1:
        return ranges[0][1]
    middle = len(ranges) // 2
    below, above = _tree(ranges[:middle]), _tree(ranges[middle:])
    test: list[Instruction] = [(AT_LEAST, 0, len(above), ranges[middle][0])]
    if len(above) > JUMP_MAX:
        test = [(AT_LEAST, 1, 0, ranges[middle][0]), (JUMP, 0, 0, len(above))]
    return [*test, *above, *below]


def _if(test: int, operand: int, then: list[Instruction]) -> list[Instruction]:
    """Do `then`, which must answer, if the test holds for the loaded value; otherwise continue."""
    return [(test, 0, len(then), operand), *then]


def _load(offset: int) -> Instruction:
    return (LOAD, 0, 0, offset)


def _answer(verdict: int) -> Instruction:
    return (RETURN, 0, 0, verdict)
