"""What an operator may choose about the sandbox, and why the defaults are what they are."""

from pathlib import Path
from typing import Literal

import msgspec

MIB = 1024 * 1024


class SandboxSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one sandbox; sizes in bytes, times in milliseconds."""

    uid: int = 60_931
    """The user that cells run as when the executor is root. Not `nobody`, which other services share: this
    number lies in 60578..61183, which systemd's list of reserved users leaves to nobody."""

    gid: int = 60_931
    """The group that goes with `uid`."""

    uids: int = 253
    """How many uids (and gids) from `uid` (and `gid`) on are for cells: the first is the zygote's, each
    running cell has one of the others. 60931 to 61183 is what the gap has. 1: all cells are `uid`. An
    ordinary user takes as many of the subordinate ids. An executor holds about three for each slot."""

    uid_locks: Path | None = None
    """The file by which executors of one host agree on who uses which uid; None: `headrace-uids` in /run, or
    in an ordinary user's XDG_RUNTIME_DIR. Executors that see different files need ranges of their own."""

    cgroup_prefix: str = "headrace"
    """How the cgroup directories of executors begin; what is left of dead executors is found by it."""

    cgroup_parent: Path | None = None
    """A directory of the v2 hierarchy that was delegated to the executor; None looks for one."""

    cgroup: Literal["auto", "none"] = "auto"
    """`none` does without cgroups even where there are some. Only for hosts whose cgroups misbehave."""

    poll_ms: int = 50
    """How often CPU time and memory are looked at: a program overshoots its CPU limit by at most this,
    times its processors, and twenty readings a second cost about 0.1 % of a processor."""

    tmp_bytes: int = 16 * MIB
    """Size of /tmp in the cell: enough for a compiler's intermediate files."""

    shared_memory_bytes: int = 16 * MIB
    """Size of /dev/shm in the cell: POSIX semaphores and small segments."""

    disk_inodes: int = 4_096
    """Files and directories of each writable place in a warm cell. A cold cell's are bounded by memory."""

    cells_ready: int = 4
    """Warm cells kept ready: a few more than run at a time, since making one takes longer than most programs
    run. Each costs about 3 MiB."""

    early_ready: int = 2
    """Cells kept ready of each runtime that starts early, Node.js and Java, once there was a job for it. Each
    costs about 45 MiB."""

    files_max: int = 256
    """Files of one stage. Each takes a descriptor of the executor while its cell is being made."""

    argument_bytes_max: int = 1 * MIB
    """Arguments and environment together; the kernel's own bound is 2 MiB with an 8 MiB stack."""

    artifacts_max: int = 64
    """Files that one run may bring out. What matched beyond them is named as skipped."""

    artifacts_skipped_max: int = 64
    """How many are named of those that matched and were not brought out."""

    artifacts_bytes_max: int = 32 * MIB
    """What they may hold together. They pass through the executor's memory."""

    artifacts_entries_max: int = 20_000
    """Names that are looked at for them: more than a cell's disk can hold by default."""

    artifacts_depth_max: int = 32
    """Directories within directories that are looked into for them."""
