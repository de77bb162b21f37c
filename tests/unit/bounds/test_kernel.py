"""docs/bounds/kernel.md names every counter of the running kernel that a program might exhaust."""

import os
import re
import resource
from fnmatch import fnmatchcase
from pathlib import Path

from tests.unit.bounds.no_counters import PATTERNS
from tests.unit.bounds.table import PAGES, names_of

PAGE = PAGES / "kernel.md"
PLACES = ("fs", "kernel", "net", "user")
LIKE_A_LIMIT = re.compile(
    r"max|limit|(^|[._-])nr|nr$|hard|soft|mem|pages|watches|instances|marks|groups|queues|msgmn|shm(all|mni)|sem$"
    r"|threads|backlog|buckets|orphan|thresh|reserve|quota"
)


def entries() -> set[str]:
    """Every entry of this kernel in the form that sysctl(8) writes, `.` for each `/`.

    Those of network devices may vanish meanwhile, which `os.walk` passes over.
    """
    root = Path("/proc/sys")
    return {
        str((Path(folder) / name).relative_to(root)).replace("/", ".")
        for place in PLACES
        for folder, _, names in os.walk(root / place)
        for name in names
    }


def is_no_counter(entry: str) -> bool:
    return any(fnmatchcase(entry, pattern) for patterns in PATTERNS.values() for pattern in patterns)


def test_every_limit_of_this_kernel_is_in_the_table_or_no_counter() -> None:
    named = names_of(PAGE)
    like_limits = {entry for entry in entries() if LIKE_A_LIMIT.search(entry)}
    assert len(like_limits) > 50, "this is no /proc/sys"
    assert {entry for entry in like_limits if entry not in named and not is_no_counter(entry)} == set()


def test_every_limit_of_ulimit_is_in_the_table() -> None:
    kinds = {name for name in dir(resource) if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE"}
    assert kinds - names_of(PAGE) == set()


def test_what_the_table_names_exists() -> None:
    known, places = entries(), tuple(f"{place}." for place in PLACES)
    absent = {name for name in names_of(PAGE) if name.startswith(places) and name not in known}
    # Parts that a kernel may be built without, or that are loaded when they are first used.
    optional = (
        "net.netfilter.",
        "net.nf_conntrack",
        "fs.quota.",
        "fs.fanotify.",
        "user.max_fanotify",
        "user.max_time",
    )
    assert {name for name in absent if not name.startswith(optional)} == set()
