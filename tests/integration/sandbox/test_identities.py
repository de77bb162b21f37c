"""Each running cell has a uid that no other has, whoever's executor made it; and what limits it is given."""

import asyncio
import os
import pwd
from pathlib import Path

import msgspec
import pytest

from services.executor.sandbox.interface import CellError, SandboxError
from services.executor.sandbox.isolation import id_ranges
from services.executor.sandbox.isolation.id_ranges import IdRange
from services.executor.sandbox.isolation.identities import Identities, SharedIdentity, open_identities
from services.executor.sandbox.settings import SandboxSettings
from services.executor.sandbox.warm.sandbox import WarmSandbox, open_warm_sandbox
from tests.integration.sandbox.cells import Transcript, program, python
from tests.integration.sandbox.test_leftovers import own_users

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has a range of uids")

LIMITS = """
import resource as r
print(*(r.getrlimit(kind) for kind in (r.RLIMIT_CORE, r.RLIMIT_NICE, r.RLIMIT_RTPRIO, r.RLIMIT_SIGPENDING)))
"""
WAITS = """
import time
print(open("/proc/self/uid_map").read().split()[1], open("/proc/self/gid_map").read().split()[1], "attempted")
time.sleep(60)
"""


def small(tmp_path: Path, many: int = 4) -> SandboxSettings:
    return SandboxSettings(uid=own_users().uid, gid=own_users().uid, uids=many, uid_locks=tmp_path / "locks")


async def waiting(sandbox: WarmSandbox, stop: asyncio.Event) -> tuple[str, asyncio.Task[object]]:
    """The ids of a cell whose program waits."""
    transcript = Transcript()
    running = asyncio.create_task(sandbox.run(program(WAITS), output=transcript, stop=stop))
    await transcript.until("attempted")
    return transcript.pieces["stdout"].decode(), running


@needs_root
async def test_each_running_cell_has_a_uid_of_its_own() -> None:
    stop = asyncio.Event()
    async with open_warm_sandbox(own_users(), early=()) as sandbox:
        found = [await waiting(sandbox, stop) for _ in range(4)]
        stop.set()
        await asyncio.gather(*(running for _, running in found))
        facts = sandbox.isolation
        assert facts.uid is not None
        uids = {int(said.split()[0]) for said, _ in found}
        assert len(uids) == 4
        assert uids <= set(range(facts.uid, facts.uid + facts.uids))


@needs_root
async def test_a_range_that_is_too_small_is_said_and_used_again(tmp_path: Path) -> None:
    stop = asyncio.Event()
    settings = msgspec.structs.replace(small(tmp_path, 3), cells_ready=1)
    async with open_warm_sandbox(settings, early=()) as sandbox:
        _, running = await waiting(sandbox, stop)
        # One runs, one is ready: there is no third.
        _, other = await waiting(sandbox, stop)
        with pytest.raises(SandboxError, match="the range is too small"):
            await python(sandbox, "print(1)")
        stop.set()
        await asyncio.gather(running, other)
        for _ in range(5):
            await sandbox.full()
            assert (await python(sandbox, "print(1)")).succeeded() == "1\n"


@needs_root
def test_two_executors_never_have_the_same(tmp_path: Path) -> None:
    settings = small(tmp_path)
    with open_identities(settings) as first, open_identities(settings) as second:
        assert isinstance(first, Identities)
        assert isinstance(second, Identities)
        taken = [first.claim(), second.claim(), first.claim()]
        assert len(set(taken)) == 3
        for identities in (first, second):
            with pytest.raises(CellError, match="too small"):
                identities.claim()
        first.release(taken[0])
        assert second.claim() == taken[0]
    with open_identities(settings) as third:
        assert isinstance(third, Identities)
        assert len({third.claim() for _ in range(3)}) == 3


@needs_root
def test_the_longest_unused_comes_first(tmp_path: Path) -> None:
    with open_identities(small(tmp_path)) as identities:
        first = identities.claim()
        identities.release(first)
        assert [identities.claim() for _ in range(3)][-1] == first


@needs_root
def test_a_range_that_holds_a_user_is_refused() -> None:
    holder = pwd.getpwall()[-1]
    with (
        pytest.raises(SandboxError, match=f"belongs to '{holder.pw_name}'"),
        open_identities(SandboxSettings(uid=holder.pw_uid, uids=2)),
    ):
        pass


@needs_root
def test_one_uid_is_everybodys() -> None:
    with open_identities(SandboxSettings(uids=1)) as identities:
        assert isinstance(identities, SharedIdentity)
        assert (identities.size, identities.first_uid) == (1, SandboxSettings().uid)


def test_subordinate_ids_are_the_largest_range_of_this_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda helper: f"/usr/bin/{helper}")
    monkeypatch.setattr(id_ranges, "_may_gain_privileges", lambda: True)
    (tmp_path / "subuid").write_text(f"other:1:9\n{os.getuid()}:100000:10\n{os.getuid()}:200000:65536\nodd\n")
    (tmp_path / "subgid").write_text(f"{os.getuid()}:300000:100\n")
    settings = SandboxSettings(uids=253)
    assert id_ranges.of_ordinary_user(settings, tmp_path) == IdRange(200_000, 300_000, 100)
    (tmp_path / "subgid").write_text("other:1:9\n")
    assert id_ranges.of_ordinary_user(settings, tmp_path) == (
        f"{tmp_path}/subuid and {tmp_path}/subgid give this user no ids"
    )


async def test_what_the_kernel_is_told_of_a_cell() -> None:
    async with open_warm_sandbox(own_users(), early=()) as sandbox:
        ran = await python(sandbox, LIMITS)
    assert ran.succeeded() == "(1, 1) (0, 0) (0, 0) (1024, 1024)\n"
