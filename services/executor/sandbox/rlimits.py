"""The resource limits of a program, which stand behind the cgroup's and never before them."""

import functools
import resource

from shared.events import Limits

STACK_BYTES = 8 * 1024 * 1024
"""Soft limit only, as on every distribution: a program that recurses deeply may raise its own."""

CPU_GRACE_S = 2
"""RLIMIT_CPU counts one process in whole seconds; it stands behind the cgroup's count, never before it."""


def resource_limits(limits: Limits, *, has_cgroups: bool) -> list[tuple[int, int, int]]:
    """What to set of each kind: (kind, soft, hard). Never above the executor's own hard limits."""
    exact = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: limits.files_open,
        resource.RLIMIT_FSIZE: limits.disk_bytes,
        resource.RLIMIT_CPU: -(-limits.cpu_ms // 1000) + CPU_GRACE_S,
    }
    if not has_cgroups:
        # Data, not address space: node, Java and Go reserve far more addresses than they ever use.
        exact |= {resource.RLIMIT_DATA: limits.memory_bytes, resource.RLIMIT_NPROC: limits.processes}
    stack = (
        resource.RLIMIT_STACK,
        _at_most(resource.RLIMIT_STACK, STACK_BYTES),
        _hard(resource.RLIMIT_STACK),
    )
    return [stack, *((kind, *2 * (_at_most(kind, value),)) for kind, value in exact.items())]


@functools.cache
def _hard(kind: int) -> int:
    return resource.getrlimit(kind)[1]


def _at_most(kind: int, value: int) -> int:
    """Never above the executor's own hard limit, which its children may not exceed."""
    hard = _hard(kind)
    return value if hard == resource.RLIM_INFINITY else min(value, hard)
