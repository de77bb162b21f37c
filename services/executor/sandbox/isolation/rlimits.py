"""Resource limits of a program, and the executor's own limits, which all its cells share.

A program's rlimits are a second line behind its cgroup and never take effect first. The kernel also charges
what it counts per uid to the user that made the cells' namespaces (user_namespaces(7)). There the executor's
own limit applies to the sum of all cells, so it is raised to the hard maximum, and each cell gets a small
share.
"""

import contextlib
import resource

from shared.domain.events import Limits

STACK_BYTES = 8 * 1024 * 1024
"""The usual size. Used only where the executor's own hard limit does not allow unlimited stacks."""

CPU_GRACE_S = 2
"""RLIMIT_CPU counts whole seconds per process, so this margin keeps it behind the cgroup's count."""

NO_CORE = 1
"""One byte, not 0: with 0 the kernel would still start a core dump handler that is a pipe (core(5))."""

PER_CELL = {
    resource.RLIMIT_SIGPENDING: 1_024,  # timers as well
    resource.RLIMIT_MSGQUEUE: 100 * 1024,  # one queue as large as they are by default
    resource.RLIMIT_MEMLOCK: 256 * 1024,
}
"""What the kernel sums over all cells. Its own defaults suffice for 94, 8 and 32 cells."""
CELLS_AT_ONCE = 256
"""For how many concurrent cells the executor's limits are raised, where they can be."""

ADDRESS_SPACE_BYTES_MIN = 64 * 1024 * 1024
"""Far above what our own code in a cell has of it (20 MiB): it never meets the limit of its program."""

FILES_PER_CELL = 4
"""The executor's RLIMIT_NOFILE is this many times a program's. It is also the number of descriptors of one
uid that may be in flight before a message with descriptors is refused (unix(7), ETOOMANYREFS): programs reach
it long before the executor does."""
FILES_WANTED = 4_096 * FILES_PER_CELL
UNLIMITED = 1 << 62


def raise_own() -> None:
    """Raise this process's limits as far as possible, for all its children."""
    wanted = {kind: CELLS_AT_ONCE * value for kind, value in PER_CELL.items()}
    wanted[resource.RLIMIT_NOFILE] = FILES_WANTED
    wanted[resource.RLIMIT_NPROC] = CELLS_AT_ONCE * Limits().processes
    for kind, value in wanted.items():
        if _hard(kind) < value:
            with contextlib.suppress(ValueError, OSError):  # needs CAP_SYS_RESOURCE
                resource.setrlimit(kind, (value, value))
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (hard, hard))
    # The address space below a process's first stack is reserved at exec: the zygote's must suffice for all.
    resource.setrlimit(resource.RLIMIT_STACK, (_stack(None), resource.getrlimit(resource.RLIMIT_STACK)[1]))


def shortfalls() -> list[str]:
    """Which of this process's hard limits are too low for what its cells are promised."""
    found = []
    if (files := _hard(resource.RLIMIT_NOFILE)) < FILES_WANTED:
        most = files // FILES_PER_CELL
        found.append(f"RLIMIT_NOFILE is {files}, less than {FILES_WANTED}: a program may open {most} files")
    if (stack := resource.getrlimit(resource.RLIMIT_STACK)[1]) != resource.RLIM_INFINITY:
        found.append(f"RLIMIT_STACK is {stack}, not unlimited: a program has {_stack(None)} bytes of stack")
    return found


def resource_limits(limits: Limits, *, has_cgroups: bool) -> list[tuple[int, int, int]]:
    """The rlimits to set: (kind, soft, hard). Never above the executor's own hard limits."""
    exact = {
        resource.RLIMIT_CORE: NO_CORE,
        resource.RLIMIT_NOFILE: min(limits.files_open, _hard(resource.RLIMIT_NOFILE) // FILES_PER_CELL),
        resource.RLIMIT_FSIZE: limits.disk_bytes,
        resource.RLIMIT_CPU: -(-limits.cpu_ms // 1000) + CPU_GRACE_S,
        resource.RLIMIT_RTPRIO: 0,
        resource.RLIMIT_NICE: 0,
    }
    exact |= PER_CELL
    if not has_cgroups:
        # Data, not address space: node, Java and Go reserve far more addresses than they ever use.
        exact |= {resource.RLIMIT_DATA: limits.memory_bytes, resource.RLIMIT_NPROC: limits.processes}
    if limits.address_space_bytes is not None:
        # Last: whatever is set after it happens within it.
        exact |= {resource.RLIMIT_AS: limits.address_space_bytes}
    stack = _stack(limits.stack_bytes), resource.getrlimit(resource.RLIMIT_STACK)[1]
    return [
        (resource.RLIMIT_STACK, *stack),
        *((kind, *2 * (min(value, _hard(kind)),)) for kind, value in exact.items()),
    ]


def _stack(stack_bytes: int | None) -> int:
    """The soft stack limit. The hard limit stays the executor's, so that a program may raise its own.

    Without a limit the first thread's stack grows within the memory limit. A C library then gives other
    threads its own default (2 MiB, pthread_create(3)), so that many of them can start.
    """
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    if stack_bytes is None:
        return hard if hard == resource.RLIM_INFINITY else min(STACK_BYTES, hard)
    return min(stack_bytes, _hard(resource.RLIMIT_STACK))


def _hard(kind: int) -> int:
    """This process's hard limit, which its children may not exceed; a very large number if there is none."""
    hard = resource.getrlimit(kind)[1]
    return UNLIMITED if hard == resource.RLIM_INFINITY else hard
