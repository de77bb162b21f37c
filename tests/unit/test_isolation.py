"""What is demanded of a host and what it does not give."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import msgspec
import pytest

from services.executor import app
from services.executor.minimum_isolation import NAMESPACES, unmet
from services.executor.sandbox.interface import CellError
from services.executor.settings import ExecutorSettings
from shared.domain.events import Isolation
from shared.service.runtime import Service, ServiceError
from shared.settings import SettingsError, load

FULL = Isolation(namespaces=tuple(NAMESPACES), seccomp="ab", cgroup="v2", uid=60_931, uids=252)


@pytest.mark.parametrize("minimum", ["", "namespaces", "uid,uids,cgroup", " seccomp , namespaces ,"])
def test_a_host_that_gives_all_meets_every_demand(minimum: str) -> None:
    assert unmet(minimum, FULL) == []


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        (Isolation(), ["namespaces", "uid", "cgroup", "seccomp"]),
        (msgspec.structs.replace(FULL, uid=1000, uids=1), ["uids"]),
        (Isolation(namespaces=tuple(NAMESPACES - {"net"}), seccomp="ab", cgroup="v1", uid=1), ["namespaces"]),
        (Isolation(namespaces=tuple(NAMESPACES), seccomp="ab", cgroup="v1", uid=0), ["uid"]),
        (Isolation(namespaces=tuple(NAMESPACES), cgroup="none", uid=1), ["cgroup", "seccomp"]),
    ],
)
def test_what_is_missing_is_named(facts: Isolation, missing: list[str]) -> None:
    asked = "namespaces,uid,cgroup,seccomp" + (",uids" if missing == ["uids"] else "")
    assert unmet(asked, facts) == missing


def test_a_demand_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"'uid,walls' is not .* uid, uids, cgroup, seccomp"):
        load(ExecutorSettings, {"HEADRACE_MINIMUM_ISOLATION": "uid,walls"})


@pytest.mark.parametrize(
    "failure", [CellError("no room"), ExceptionGroup("", [ExceptionGroup("", [CellError("no room")])])]
)
def test_a_host_without_cells_is_told_in_one_line(failure: Exception) -> None:
    settings = ExecutorSettings(slots=7, cell_uids=9)
    with pytest.raises(ServiceError) as caught, app.cells_needed(settings):
        raise failure
    assert str(caught.value) == (
        "no cell can be made on this host (HEADRACE_SLOTS is 7, HEADRACE_CELL_UIDS is 9): no room"
    )


@pytest.mark.parametrize(
    "failure", [KeyError("a bug"), ExceptionGroup("", [CellError("no room"), KeyError("a bug")])]
)
def test_a_bug_is_no_host_without_cells(failure: Exception) -> None:
    with pytest.raises(type(failure)) as caught, app.cells_needed(ExecutorSettings()):
        raise failure
    assert caught.value is failure


async def test_an_executor_refuses_a_host_below_its_minimum(monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def poor_host(_: object) -> AsyncIterator[SimpleNamespace]:
        yield SimpleNamespace(isolation=Isolation(namespaces=tuple(NAMESPACES), uid=1))

    monkeypatch.setattr(app, "open_sandbox", poor_host)
    with pytest.raises(app.IsolationError, match="cgroup, seccomp"):
        await app.run(Service("executor"), ExecutorSettings(minimum_isolation="uid,cgroup,seccomp"))
