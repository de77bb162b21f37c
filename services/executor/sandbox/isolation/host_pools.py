"""The system calls that take from a pool of the whole host, or of one uid, and what a program is answered.

A pool that no limit of a cell's bounds is a way to reach the neighbours: what one takes the others lack. Each
answer is one that programs know from hosts without the thing. Pure; `seccomp` makes code of it.
"""

import errno
from collections.abc import Iterator
from typing import NamedTuple

from services.executor.sandbox.isolation.system_calls import Call

SOL_SOCKET, SET_SECCOMP = 1, 22
BUFFERS = (7, 8)
"""SO_SNDBUF and SO_RCVBUF."""
FILTERS = (26, 50, 51, 52)
"""SO_ATTACH_FILTER, SO_ATTACH_BPF, and both for groups of a port."""
SET_PIPE_SIZE, PIPE_BYTES_MAX = 1031, 64 * 1024
"""F_SETPIPE_SZ, and how large a pipe is without it."""
HUGE_MAPPING, HUGE_FILE, HUGE_SEGMENT = 0x40000, 0x4, 0o4000
"""MAP_HUGETLB, MFD_HUGETLB and SHM_HUGETLB."""

PRCTL, SECCOMP, SETSOCKOPT, FCNTL = Call(157, 167), Call(317, 277), Call(54, 208), Call(72, 25)
MMAP, MEMFD_CREATE, SHMGET = Call(9, 222), Call(319, 279), Call(29, 194)


class Shared(NamedTuple):
    """What the cells of a host share for want of better: no group counts `memory`; all have one `uid`."""

    memory: bool = False
    uid: bool = False


class When(NamedTuple):
    """A condition: the argument of this place (from 0), as an unsigned int, is the number, has one of its
    bits, or is at least as large.
    """

    place: int
    test: str
    number: int


class Rule(NamedTuple):
    """What a call is answered if all conditions hold: an error, or success for 0. It is not done."""

    call: Call
    conditions: tuple[When, ...]
    error: int


def rules(shared: Shared) -> Iterator[Rule]:
    """All of them for such a host, the first that holds being the one."""
    # The code of filters, sockets' and seccomp's, has one pool (net.core.bpf_jit_limit). Where it is used up
    # no cell can be made. The answer is that of a kernel that was built without.
    yield Rule(SECCOMP, (), errno.EINVAL)
    yield Rule(PRCTL, (When(0, "equal", SET_SECCOMP),), errno.EINVAL)
    level = When(1, "equal", SOL_SOCKET)
    for option in FILTERS:
        yield Rule(SETSOCKOPT, (level, When(2, "equal", option)), errno.EPERM)
    # Huge pages have one pool (vm.nr_hugepages), which no limit of memory counts. As if none were left.
    yield Rule(MMAP, (When(3, "any bit", HUGE_MAPPING),), errno.ENOMEM)
    yield Rule(MEMFD_CREATE, (When(1, "any bit", HUGE_FILE),), errno.ENOMEM)
    yield Rule(SHMGET, (When(2, "any bit", HUGE_SEGMENT),), errno.ENOMEM)
    if shared.uid:
        # fs.pipe-user-pages-soft counts the pages of all pipes of a uid. As beyond fs.pipe-max-size.
        larger = When(2, "at least", PIPE_BYTES_MAX + 1)
        yield Rule(FCNTL, (When(1, "equal", SET_PIPE_SIZE), larger), errno.EPERM)
    if shared.memory:
        # A socket need not have the buffers that it is asked to have.
        for option in BUFFERS:
            yield Rule(SETSOCKOPT, (level, When(2, "equal", option)), 0)
