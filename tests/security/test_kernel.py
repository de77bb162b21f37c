"""What the kernel counts per uid or per host: one cell takes all that it can, and its neighbours go on.

In a stack, with jobs of two users; and straight in sandboxes, for every way in which a host may give less:
one uid for all, no cgroup, cold cells, an ordinary user, an executor that may open few files.
"""

import asyncio
import json
import os

import pytest

from services.executor.sandbox.settings import SandboxSettings
from tests.cases import cases
from tests.ordinary_user import needs_system_python, readable_copy, started_as_ordinary_user
from tests.security.checker import Checker
from tests.security.conftest import StackArena
from tests.security.counters import LIMITS, examine
from tests.security.submission import Submission, source_of
from tests.security.test_neighbours import begun

package_loop = pytest.mark.asyncio(loop_scope="package")
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has a range of uids")
ISSUED = ("descriptors_in_flight", "asynchronous_io", "pipe_pages", "tcp_buffers")
"""What was once taken from others."""


def submission(role: str, counter: str) -> Submission:
    """What takes or uses a counter, as a user submits it."""
    return Submission("python", source_of("26_host_counters.py"), (role, counter), limits=LIMITS)


@package_loop
@pytest.mark.parametrize(
    "counter",
    [
        # Where cells have one uid, a neighbour notices these two (docs/bounds/kernel.md).
        pytest.param("descriptors_in_flight", marks=NEEDS_ROOT),
        pytest.param("pipe_pages", marks=NEEDS_ROOT),
        "asynchronous_io",
        "tcp_buffers",
    ],
)
async def test_a_job_that_takes_all_is_no_other_users_loss(
    arena: StackArena, checker: Checker, counter: str
) -> None:
    async with begun(arena, "malory", submission("take", counter)):
        outcome = await arena.run("alice", submission("use", counter))
    assert outcome.ending == "completed", outcome
    assert "well" in outcome.said or counter == "asynchronous_io"
    assert await checker.left_behind(outcome, 1 << 62) == []


@NEEDS_ROOT
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        pytest.param("warm", SandboxSettings(), id="warm cells", marks=pytest.mark.full),
        pytest.param("cold", SandboxSettings(), id="cold cells", marks=pytest.mark.full),
        pytest.param("warm", SandboxSettings(uids=1), id="one uid", marks=pytest.mark.full),
        pytest.param("warm", SandboxSettings(uids=1, cgroup="none"), id="one uid and no cgroup"),
    ],
)
async def test_a_cell_that_takes_all_leaves_enough(kind: str, settings: SandboxSettings) -> None:
    assert await examine(settings, kind) == {}


@NEEDS_ROOT
@needs_system_python
@pytest.mark.parametrize("nofile", cases([1024, 4096], {1024}))
async def test_an_ordinary_user_whose_executor_may_open_few_files(nofile: int) -> None:
    options = json.dumps({"nofile": nofile, "counters": [*ISSUED, "unix_buffers", "files"]})
    with readable_copy() as copy:
        process = await started_as_ordinary_user(copy, "-m", "tests.security.counters", options)
        async with asyncio.timeout(120):
            said, complaint = await process.communicate()
    assert json.loads(said.splitlines()[-1]) == {}, complaint.decode()
