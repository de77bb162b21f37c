"""What an operator demands of the walls around a program, and what of it this host does not give. Pure."""

from collections.abc import Callable, Mapping

from shared.domain.events import Isolation
from shared.settings import split_list

NAMESPACES = frozenset({"user", "pid", "mount", "net", "ipc", "uts"})

DEMANDS: Mapping[str, Callable[[Isolation], bool]] = {
    "namespaces": lambda facts: frozenset(facts.namespaces) >= NAMESPACES,
    "uid": lambda facts: facts.uid not in {None, 0},
    "uids": lambda facts: facts.uids > 1,
    "cgroup": lambda facts: facts.cgroup != "none",
    "seccomp": lambda facts: facts.seccomp is not None,
}
"""Each word that `HEADRACE_MINIMUM_ISOLATION` may hold, and when a host meets it."""


def unmet(minimum: str, facts: Isolation) -> list[str]:
    """The demands, words of DEMANDS separated by commas, that the facts do not meet."""
    return [word for word in split_list(minimum) if not DEMANDS[word](facts)]
