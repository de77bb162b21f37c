"""What an operator demands of the walls around a program, and what of it this host does not give. Pure."""

from collections.abc import Callable, Mapping

from shared.events import Isolation

NAMESPACES = frozenset({"user", "pid", "mount", "net", "ipc", "uts"})

DEMANDS: Mapping[str, Callable[[Isolation], bool]] = {
    "namespaces": lambda facts: frozenset(facts.namespaces) >= NAMESPACES,
    "uid": lambda facts: facts.uid not in {None, 0},
    "uids": lambda facts: facts.uids > 1,
    "cgroup": lambda facts: facts.cgroup != "none",
    "seccomp": lambda facts: facts.seccomp is not None,
}
"""Each word that `HEADRACE_MINIMUM_ISOLATION` may hold, and when a host meets it."""


class UnknownDemandError(ValueError):
    """The setting holds a word that is none of DEMANDS."""


def unmet(minimum: str, facts: Isolation) -> list[str]:
    """The demands, separated by commas, that the facts do not meet. Raises UnknownDemandError."""
    wanted = [word.strip() for word in minimum.split(",") if word.strip()]
    unknown = [word for word in wanted if word not in DEMANDS]
    if unknown:
        raise UnknownDemandError(
            f"HEADRACE_MINIMUM_ISOLATION: {unknown[0]!r} is none of {', '.join(DEMANDS)}"
        )
    return [word for word in wanted if not DEMANDS[word](facts)]
