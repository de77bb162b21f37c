"""A cell can neither drop a page of a shared file from memory nor ask whether it is there.

A program that could would know by the next read of it whether another user's program has read it meanwhile.
"""

import ctypes
import errno
import mmap
import os
from pathlib import Path

import pytest

from shared.domain.events import Limits
from tests.security.checker import Checker, attacked
from tests.security.conftest import StackArena
from tests.security.submission import ATTEMPTED, Submission, source_of

pytestmark = pytest.mark.asyncio(loop_scope="package")

PLACES = ("/usr/lib/python3*/_pydecimal.py", "/usr/local/lib/python3*/_pydecimal.py")
READING = "import sys\nopen(sys.argv[1], 'rb').read()"
PAGE_BYTES = 4096
AGAIN = 4
"""Tries after one with a miss, none of which may have one: a kernel that pages out what is cold takes a page
at times, and an attack does so each time."""


def shared_file() -> Path:
    """A file that cells see, many pages long, that no program of this host has mapped."""
    found = [path for place in PLACES for path in Path("/").glob(place[1:])]
    assert found, "the host has no standard library of Python where cells could see it"
    return found[0]


def load(path: Path) -> None:
    path.read_bytes()


def drop(path: Path) -> None:
    """What the attack would do. The file's owner may, and no seccomp filter is here."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def pages_missing(path: Path) -> int:
    """How many of its pages are not in memory: as its owner is told by mincore(2), or else by reading."""
    if os.geteuid() == 0:
        return _pages_missing_in_core(path)
    with path.open("rb") as file:
        for place in range(0, path.stat().st_size, PAGE_BYTES):
            try:
                os.preadv(file.fileno(), [bytearray(PAGE_BYTES)], place, os.RWF_NOWAIT)
            except BlockingIOError:
                return 1
    return 0


def _pages_missing_in_core(path: Path) -> int:
    libc, size = ctypes.CDLL(None, use_errno=True), path.stat().st_size
    held = (ctypes.c_ubyte * -(-size // PAGE_BYTES))()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as pages:
        place = ctypes.addressof(ctypes.c_char.from_buffer(pages))
        assert libc.mincore(ctypes.c_void_p(place), ctypes.c_size_t(size), held) == 0
    return len(held) - sum(each & 1 for each in held)


@pytest.fixture
def spied() -> Path:
    """In memory; and what it would be like if it were not can be told."""
    path = shared_file()
    load(path)
    drop(path)
    try:
        pages_missing(path)
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        # An overlay tells ordinary users nothing of its cache: an attack would have no way either.
        pytest.skip("this file system says nothing of its page cache")
    assert pages_missing(path) > 0, "nothing can drop this file here, so no attack would show"
    load(path)
    assert pages_missing(path) == 0
    return path


async def test_no_way_to_drop_a_shared_page_or_to_ask_for_it(
    arena: StackArena, checker: Checker, spied: Path
) -> None:
    submission = Submission("python", source_of("26_page_cache.py"), (str(spied),))
    outcome, faults = await checker.run_beside_others(submission)
    assert faults + attacked(outcome) == []
    assert outcome.ending == "completed"
    assert pages_missing(spied) == 0


@pytest.mark.parametrize("other_reads", [True, False])
async def test_nothing_tells_whether_another_user_read_a_file(
    arena: StackArena, spied: Path, *, other_reads: bool
) -> None:
    said = [await _said_by_spy(arena, spied, other_reads=other_reads)]
    if "misses: 0" not in said[0]:
        load(spied)
        said = [await _said_by_spy(arena, spied, other_reads=other_reads) for _ in range(AGAIN)]
    assert all("misses: 0" in one for one in said)
    assert pages_missing(spied) == 0


async def _said_by_spy(arena: StackArena, spied: Path, *, other_reads: bool) -> str:
    source = source_of("26_page_cache.py")
    spying = Submission("python", source, (str(spied), "spy"), limits=Limits())
    job_id = await arena.submit("mallory", spying)
    said = ""
    async for event in arena.users["mallory"].client.follow(job_id):
        said += event.data.get("content", "") if event.type == "job.output.v1" else ""
        if ATTEMPTED in said:
            break
    if other_reads:
        other = await arena.run("alice", Submission("python", READING, (str(spied),)))
        assert other.ending == "completed"
    outcome = await arena.outcome("mallory", job_id)
    assert outcome.ending == "completed"
    return outcome.said
