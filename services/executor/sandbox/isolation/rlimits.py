"""The resource limits of a program and those of the executor, on which all its cells draw together.

A program's stand behind its cgroup's and never before them. What the kernel counts per uid it counts for the
user that made the cells' namespaces too (user_namespaces(7)): there the executor's own limit holds for the
sum of all cells, so it is raised as far as it may be, and each cell gets a small share of it.
"""

import contextlib
import resource

from shared.domain.events import Limits

STACK_BYTES = 8 * 1024 * 1024
"""As on every distribution. Only where the executor's own hard limit keeps it from giving more."""

CPU_GRACE_S = 2
"""RLIMIT_CPU counts one process in whole seconds; it stands behind the cgroup's count, never before it."""

NO_CORE = 1
"""One byte: no handler that the host pipes cores to (core(5)) is started, which it is for a limit of 0."""

PER_CELL = {
    resource.RLIMIT_SIGPENDING: 1_024,  # timers as well
    resource.RLIMIT_MSGQUEUE: 100 * 1024,  # one queue as large as they are by default
    resource.RLIMIT_MEMLOCK: 256 * 1024,
}
"""What the kernel adds up over all cells. Its own defaults are enough for 94, 8 and 32 of them."""
CELLS_AT_ONCE = 256
"""How many cells there is enough for where the executor's own limits can be raised."""

FILES_PER_CELL = 4
"""How many times a program's RLIMIT_NOFILE goes into the executor's. That is how many descriptors of one uid
may be in flight before a message with descriptors is refused (unix(7), ETOOMANYREFS): a program's far before
ours."""
FILES_WANTED = 4_096 * FILES_PER_CELL
UNLIMITED = 1 << 62


def raise_own() -> None:
    """Raise this process's limits to what may be had, for all that it starts."""
    wanted = {kind: CELLS_AT_ONCE * value for kind, value in PER_CELL.items()}
    wanted[resource.RLIMIT_NOFILE] = FILES_WANTED
    wanted[resource.RLIMIT_NPROC] = CELLS_AT_ONCE * Limits().processes
    for kind, value in wanted.items():
        if _hard(kind) < value:
            with contextlib.suppress(ValueError, OSError):  # it takes the capability SYS_RESOURCE
                resource.setrlimit(kind, (value, value))
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (hard, hard))
    # A process finds room beneath its first stack when it is executed: the zygote's must have it for all.
    resource.setrlimit(resource.RLIMIT_STACK, (_stack(None), resource.getrlimit(resource.RLIMIT_STACK)[1]))


def shortfalls() -> list[str]:
    """Which of this process's hard limits are too low for its cells to have what they are promised."""
    found = []
    if (files := _hard(resource.RLIMIT_NOFILE)) < FILES_WANTED:
        most = files // FILES_PER_CELL
        found.append(f"RLIMIT_NOFILE is {files}, less than {FILES_WANTED}: a program may open {most} files")
    if (stack := resource.getrlimit(resource.RLIMIT_STACK)[1]) != resource.RLIM_INFINITY:
        found.append(f"RLIMIT_STACK is {stack}, not unlimited: a program has {_stack(None)} bytes of stack")
    return found


def resource_limits(limits: Limits, *, has_cgroups: bool) -> list[tuple[int, int, int]]:
    """What to set of each kind: (kind, soft, hard). Never above the executor's own hard limits."""
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
    stack = _stack(limits.stack_bytes), resource.getrlimit(resource.RLIMIT_STACK)[1]
    return [
        (resource.RLIMIT_STACK, *stack),
        *((kind, *2 * (min(value, _hard(kind)),)) for kind, value in exact.items()),
    ]


def _stack(asked: int | None) -> int:
    """The soft limit of stacks. The hard one stays the executor's, so that a program may raise its own.

    Without one the first thread's stack grows as far as the memory that it is counted in, and a C library
    gives other threads a size of its own (2 MiB, pthread_create(3)), so that many of them start.
    """
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    if asked is None:
        return hard if hard == resource.RLIM_INFINITY else min(STACK_BYTES, hard)
    return min(asked, _hard(resource.RLIMIT_STACK))


def _hard(kind: int) -> int:
    """This process's hard limit, which its children may not exceed; a very large number if there is none."""
    hard = resource.getrlimit(kind)[1]
    return UNLIMITED if hard == resource.RLIM_INFINITY else hard
