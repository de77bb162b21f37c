"""What is demanded of a host and what it does not give."""

import pytest

from services.executor.isolation import NAMESPACES, UnknownDemandError, unmet
from shared.events import Isolation

FULL = Isolation(namespaces=tuple(NAMESPACES), seccomp="ab", cgroup="v2", uid=60_931)


@pytest.mark.parametrize("minimum", ["", "namespaces", "uid,cgroup", " seccomp , namespaces ,"])
def test_a_host_that_gives_all_meets_every_demand(minimum: str) -> None:
    assert unmet(minimum, FULL) == []


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        (Isolation(), ["namespaces", "uid", "cgroup", "seccomp"]),
        (Isolation(namespaces=tuple(NAMESPACES - {"net"}), seccomp="ab", cgroup="v1", uid=1), ["namespaces"]),
        (Isolation(namespaces=tuple(NAMESPACES), seccomp="ab", cgroup="v1", uid=0), ["uid"]),
        (Isolation(namespaces=tuple(NAMESPACES), cgroup="none", uid=1), ["cgroup", "seccomp"]),
    ],
)
def test_what_is_missing_is_named(facts: Isolation, missing: list[str]) -> None:
    assert unmet("namespaces,uid,cgroup,seccomp", facts) == missing


def test_a_demand_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownDemandError, match="walls"):
        unmet("uid,walls", FULL)
