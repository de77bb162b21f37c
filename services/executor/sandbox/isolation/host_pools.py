"""Rules for system calls that draw on a pool of the whole host, or of one uid, and the answers given.

A pool that no cell limit bounds lets one cell starve the others. Each answer is one that programs also get
from hosts without the feature. Pure; `seccomp` generates code from it.
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
"""F_SETPIPE_SZ, and the default size of a pipe."""
HUGE_MAPPING, HUGE_FILE, HUGE_SEGMENT = 0x40000, 0x4, 0o4000
"""MAP_HUGETLB, MFD_HUGETLB and SHM_HUGETLB."""

PRCTL, SECCOMP, SETSOCKOPT, FCNTL = Call(157, 167), Call(317, 277), Call(54, 208), Call(72, 25)
MMAP, MEMFD_CREATE, SHMGET = Call(9, 222), Call(319, 279), Call(29, 194)


class Shared(NamedTuple):
    """What the cells of a host share: `memory` if no group counts it, `uid` if all cells have the same."""

    memory: bool = False
    uid: bool = False


class When(NamedTuple):
    """A condition: the argument at this index (from 0), as an unsigned int, equals the number, has one of its
    bits, or is at least as large."""

    place: int
    test: str
    number: int


class Rule(NamedTuple):
    """The answer to a call if all conditions hold: an error, or success for 0. The call is not executed."""

    call: Call
    conditions: tuple[When, ...]
    error: int


def rules(shared: Shared) -> Iterator[Rule]:
    """All rules for such a host; the first that matches applies."""
    # The code of socket and seccomp filters shares one pool (net.core.bpf_jit_limit). Once it is exhausted no
    # cell can be made. The answer is that of a kernel built without these filters.
    yield Rule(SECCOMP, (), errno.EINVAL)
    yield Rule(PRCTL, (When(0, "equal", SET_SECCOMP),), errno.EINVAL)
    level = When(1, "equal", SOL_SOCKET)
    for option in FILTERS:
        yield Rule(SETSOCKOPT, (level, When(2, "equal", option)), errno.EPERM)
    # Huge pages share one pool (vm.nr_hugepages), which no memory limit counts. Answer as if it were
    # exhausted.
    yield Rule(MMAP, (When(3, "any bit", HUGE_MAPPING),), errno.ENOMEM)
    yield Rule(MEMFD_CREATE, (When(1, "any bit", HUGE_FILE),), errno.ENOMEM)
    yield Rule(SHMGET, (When(2, "any bit", HUGE_SEGMENT),), errno.ENOMEM)
    if shared.uid:
        # fs.pipe-user-pages-soft counts the pages of all pipes of a uid. Answer as above fs.pipe-max-size.
        larger = When(2, "at least", PIPE_BYTES_MAX + 1)
        yield Rule(FCNTL, (When(1, "equal", SET_PIPE_SIZE), larger), errno.EPERM)
    if shared.memory:
        # The kernel need not grant the requested socket buffer size.
        for option in BUFFERS:
            yield Rule(SETSOCKOPT, (level, When(2, "equal", option)), 0)
