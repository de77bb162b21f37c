"""Cgroups: version 1 for real where the host has it; version 2 against directories laid out like its files.

A plain directory does not act as the kernel does, so for version 2 these tests prove which files are written
with what and how the kernel's answers are read, not that the kernel obeys. `test_endings` proves that for
whichever version the host has.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.executor.sandbox.cgroups import v1, v2
from services.executor.sandbox.cgroups.choose import open_groups, remove_group, sweep
from services.executor.sandbox.cgroups.hierarchies import Hierarchy, hierarchies
from services.executor.sandbox.cgroups.interface import LEFT_BEHIND_BYTES_MAX
from services.executor.sandbox.cgroups.watchdog import NoGroups
from services.executor.sandbox.interface import SandboxError
from services.executor.sandbox.settings import SandboxSettings
from services.executor.sandbox.verdict import Usage
from shared.domain.events import Limits
from tests.integration.sandbox.cells import MIB

LIMITS = Limits(memory_bytes=32 * MIB, processes=5)
V2 = frozenset[str]()


def process(directory: Path, cgroup: str, mountinfo: str) -> Path:
    """A directory like /proc/self."""
    (directory / "cgroup").write_text(cgroup)
    (directory / "mountinfo").write_text(mountinfo)
    return directory


def test_the_hierarchies_of_a_host_with_both_versions(tmp_path: Path) -> None:
    facts = process(
        tmp_path,
        "9:name=systemd:/x\n4:memory:/a/b\n2:cpu,cpuacct:/\n0::/service\n",
        "30 1 0:1 / /proc rw - proc proc rw\n"
        "31 1 0:2 / /cg/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
        "32 1 0:3 / /cg/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        "33 1 0:4 / /cg/unified rw - cgroup2 cgroup2 rw,nsdelegate\n",
    )
    assert list(hierarchies(facts)) == [
        Hierarchy(frozenset({"memory"}), Path("/cg/memory"), Path("/cg/memory/a/b")),
        Hierarchy(frozenset({"cpu", "cpuacct"}), Path("/cg/cpu,cpuacct"), Path("/cg/cpu,cpuacct")),
        Hierarchy(V2, Path("/cg/unified"), Path("/cg/unified/service")),
    ]


@pytest.mark.parametrize(
    ("root", "own", "expected"),
    [
        ("/docker/1", "/docker/1", "/cg"),
        ("/docker/1", "/docker/1/inner", "/cg/inner"),
        ("/docker/1", "/docker/12", "/cg"),
        ("/", "/", "/cg"),
        ("/", "/a", "/cg/a"),
    ],
)
def test_a_mount_may_show_a_subtree_only(tmp_path: Path, root: str, own: str, expected: str) -> None:
    facts = process(tmp_path, f"0::{own}\n", f"33 1 0:4 {root} /cg rw - cgroup2 cgroup2 rw\n")
    assert [tree.own for tree in hierarchies(facts)] == [Path(expected)]


async def test_version_1_limits_and_counts_for_real() -> None:
    async with open_groups(SandboxSettings()) as groups:
        if groups.version != "v1":
            pytest.skip("this host's controllers are not of version 1")
        cell = groups.create(LIMITS, spare_processes=2)
        assert isinstance(cell, v1.CellV1)
        assert (cell.memory / "memory.limit_in_bytes").read_text() == f"{32 * MIB}\n"
        assert (cell.memory / "memory.memsw.limit_in_bytes").read_text() == f"{32 * MIB}\n"
        assert (cell.pids / "pids.max").read_text() == "7\n"
        assert groups.has_shares
        assert cell.cpu is not None
        assert (cell.cpu / "cpu.shares").read_text() == f"{v1.PROCESS_SHARES}\n"
        all_cells = v1.PROCESS_SHARES * len(os.sched_getaffinity(0))
        assert (cell.cpu.parent / "cpu.shares").read_text() == f"{all_cells}\n"
        assert cell.usage() == Usage(cpu_ms=0, memory_peak_bytes=0, memory_exceeded=False)
        assert cell.reset()
        assert cell.remove()
        assert cell.remove(), "a second removal is harmless"
        assert not any(directory.exists() for directory in cell.directories)


async def test_a_group_that_stays_busy_is_told() -> None:
    class Busy(NoGroups):
        def remove(self) -> bool:
            return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.executor.sandbox.cgroups.choose.REMOVAL_S", 0.01)
        with pytest.raises(SandboxError, match="busy"):
            await remove_group(Busy())


def group(directory: Path, *, controllers: str, handed_down: str = "", members: str = "") -> Path:
    """A directory with the files of a v2 group."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "cgroup.controllers").write_text(controllers)
    (directory / "cgroup.subtree_control").write_text(handed_down)
    (directory / "cgroup.procs").write_text(members)
    return directory


KEPT = {
    "memory.current": "0\n",
    "memory.events": "low 0\nhigh 0\nmax 9\noom 1\noom_kill 0\noom_group_kill 0\n",
    "memory.peak": "0\n",
    "cpu.stat": "usage_usec 0\nuser_usec 1\nsystem_usec 2\n",
}
"""What the kernel keeps of a group and we read."""


def made_by_a_kernel(monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    """Let every directory come with files, as in cgroupfs."""
    made = Path.mkdir

    def with_files(directory: Path, **how: bool) -> None:
        made(directory, **how)
        for name, text in files.items():
            (directory / name).write_text(text)

    monkeypatch.setattr(Path, "mkdir", with_files)


def only_cell(directory: Path) -> v2.CellV2:
    """The only cell of an executor."""
    made = v2.GroupsV2(directory, "headrace-1-2-1").create(LIMITS, spare_processes=2)
    assert isinstance(made, v2.CellV2)
    return made


@pytest.fixture
def cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[v2.CellV2]:
    """Of a recent kernel."""
    made_by_a_kernel(monkeypatch, KEPT)
    made = only_cell(tmp_path)
    yield made
    made.remove()


def test_version_2_hands_down_and_limits(cell: v2.CellV2) -> None:
    written = {path.name: path.read_text() for path in cell.directory.iterdir() if path.name not in KEPT}
    assert written == {"memory.max": str(32 * MIB), "memory.oom.group": "1", "pids.max": "7"}
    assert (cell.directory.parent / "cgroup.subtree_control").read_text() == "+memory +pids"


def test_version_2_divides_the_processors_where_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_by_a_kernel(monkeypatch, KEPT | {"cgroup.controllers": "cpu memory pids", "cpu.weight": "100"})
    groups = v2.GroupsV2(tmp_path, "headrace-1-2-1")
    assert groups.has_shares
    own = tmp_path / "headrace-1-2-1"
    assert (own / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"
    assert (own / "cpu.weight").read_text() == str(100 * len(os.sched_getaffinity(0)))


def test_version_2_does_without_them_where_it_may_not(cell: v2.CellV2, tmp_path: Path) -> None:
    assert not v2.GroupsV2(tmp_path, "headrace-1-2-2").has_shares


def test_version_2_forbids_swap_where_there_is_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_by_a_kernel(monkeypatch, KEPT | {"memory.swap.max": "max"})
    assert (only_cell(tmp_path).directory / "memory.swap.max").read_text() == "0"


def test_version_2_counts(cell: v2.CellV2) -> None:
    (cell.directory / "cpu.stat").write_text("usage_usec 1234567\nuser_usec 1\nsystem_usec 2\n")
    (cell.directory / "memory.peak").write_text("4096\n")
    assert cell.usage() == Usage(cpu_ms=1234, memory_peak_bytes=4096, memory_exceeded=False)
    (cell.directory / "memory.events").write_text("oom 1\noom_kill 3\n")
    assert cell.usage().memory_exceeded


def test_version_2_counts_from_the_beginning_of_a_run(cell: v2.CellV2) -> None:
    (cell.directory / "cpu.stat").write_text("usage_usec 5000000\n")
    cell.begin()
    (cell.directory / "cpu.stat").write_text("usage_usec 5070000\n")
    assert cell.usage().cpu_ms == 70


def test_version_2_without_a_peak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_by_a_kernel(monkeypatch, {name: text for name, text in KEPT.items() if name != "memory.peak"})
    assert only_cell(tmp_path).usage().memory_peak_bytes is None


def test_version_2_is_renewed_while_nothing_is_left_or_was_killed(cell: v2.CellV2) -> None:
    assert cell.reset()
    (cell.directory / "memory.current").write_text(str(LEFT_BEHIND_BYTES_MAX))
    assert cell.reset()
    (cell.directory / "memory.current").write_text(str(LEFT_BEHIND_BYTES_MAX + 1))
    assert not cell.reset()
    (cell.directory / "memory.current").write_text("0\n")
    assert cell.reset()
    (cell.directory / "memory.events").write_text("oom_kill 1\n")
    assert not cell.reset()


def test_version_2_is_not_renewed_where_a_peak_cannot_be_set_back(cell: v2.CellV2) -> None:
    assert cell.reset()
    peak = cell._peak  # noqa: SLF001 - a file refuses as the kernel does only when it is closed
    assert peak is not None
    peak.close()
    assert not cell.reset()


def test_version_2_joins_kills_and_removes(cell: v2.CellV2) -> None:
    cell.join(4242)
    assert (cell.directory / "cgroup.procs").read_text() == "4242"
    (cell.directory / "cgroup.kill").touch()
    cell.kill()
    assert (cell.directory / "cgroup.kill").read_text() == "1"
    assert not cell.remove(), "somebody is still in it"
    for path in cell.directory.iterdir():
        path.unlink()
    assert cell.remove()


def test_the_named_parent_is_taken(tmp_path: Path) -> None:
    named = group(tmp_path / "named", controllers="cpu memory pids")
    own = group(tmp_path / "own", controllers="cpu memory pids", handed_down="memory pids")
    assert v2.prepared_parent(Hierarchy(V2, tmp_path, own), named) == named
    assert (named / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"


def test_our_own_group_is_taken_if_it_hands_down(tmp_path: Path) -> None:
    own = group(tmp_path / "own", controllers="memory pids", handed_down="memory pids")
    assert v2.prepared_parent(Hierarchy(V2, tmp_path, own)) == own


def test_alone_in_our_group_we_move_into_a_leaf(tmp_path: Path) -> None:
    own = group(tmp_path / "own", controllers="memory pids", members=f"{os.getpid()}\n")
    assert v2.prepared_parent(Hierarchy(V2, tmp_path, own)) == own
    assert (own / v2.LEAF / "cgroup.procs").read_text() == str(os.getpid())
    assert (own / "cgroup.subtree_control").read_text() == "+memory +pids"


def test_in_a_containers_root_all_move_into_a_leaf(tmp_path: Path) -> None:
    own = group(tmp_path, controllers="memory pids", members="1\n7\n")
    assert v2.prepared_parent(Hierarchy(V2, tmp_path, own)) == own
    assert (own / v2.LEAF / "cgroup.procs").exists()


def test_beside_strangers_we_move_nobody_and_go_beside_our_group(tmp_path: Path) -> None:
    group(tmp_path, controllers="memory pids", handed_down="memory pids")
    own = group(tmp_path / "own", controllers="memory pids", members=f"1\n{os.getpid()}\n")
    assert v2.prepared_parent(Hierarchy(V2, tmp_path, own)) == tmp_path
    assert not (own / v2.LEAF).exists()


def test_a_tree_without_controllers_is_not_taken(tmp_path: Path) -> None:
    own = group(tmp_path / "own", controllers="", members=f"{os.getpid()}\n")
    (tmp_path / "cgroup.procs").unlink(missing_ok=True)
    assert v2.prepared_parent(Hierarchy(V2, tmp_path, own)) is None


def test_only_the_groups_of_the_dead_are_swept(tmp_path: Path) -> None:
    alive = (Path("/proc/self/stat").read_text().rpartition(")")[2].split())[19]
    names = {
        f"headrace-{os.getpid()}-{alive}-1": True,
        f"headrace-{os.getpid()}-{int(alive) - 1}-1": False,
        "headrace-4194305-7-1": False,
        "headrace-processes": True,
        "other-4194305-7-1": True,
    }
    for name in names:
        (tmp_path / name / "cell-1").mkdir(parents=True)
    assert sweep([tmp_path], "headrace") == []
    assert {name: (tmp_path / name).exists() for name in names} == names
