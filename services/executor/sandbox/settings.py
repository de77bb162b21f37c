"""Settings of the sandbox, and the reasons for their defaults."""

from pathlib import Path
from typing import Literal

import msgspec

MIB = 1024 * 1024


class SandboxSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one sandbox; sizes in bytes, times in milliseconds."""

    uid: int = 60_931
    """The user that cells run as when the executor is root. Not uid 65534, which other services
    share: this number lies in 60578..61183, which systemd's list of reserved users leaves unassigned."""

    gid: int = 60_931
    """The group that goes with `uid`."""

    uids: int = 253
    """How many uids (and gids) from `uid` (and `gid`) on are for cells: the first is the zygote's, each
    running cell has one of the others. 60931 to 61183 are available. 1: all cells are `uid`. An ordinary user
    takes as many of its subordinate ids. An executor holds about three per slot."""

    uid_locks: Path | None = None
    """The file on which executors of one host lock the uids in use; None: `headrace-uids` in /run, or in an
    ordinary user's XDG_RUNTIME_DIR. Executors that see different files need separate ranges."""

    cgroup_prefix: str = "headrace"
    """Prefix of executors' cgroup directories; directories of dead executors are found by it."""

    cgroup_parent: Path | None = None
    """A directory of the v2 hierarchy that was delegated to the executor; None looks for one."""

    cgroup: Literal["auto", "none"] = "auto"
    """`none` disables cgroups even where they exist. Only for hosts whose cgroups misbehave."""

    poll_ms: int = 50
    """How often CPU time and memory are sampled: a program overshoots its CPU limit by at most this, times
    its processors. Twenty samples a second cost about 0.1 % of a processor."""

    tmp_bytes: int = 16 * MIB
    """Size of /tmp in the cell: enough for a compiler's intermediate files."""

    shared_memory_bytes: int = 16 * MIB
    """Size of /dev/shm in the cell: POSIX semaphores and small segments."""

    disk_inodes: int = 4_096
    """Files and directories of each writable place in a warm cell. A cold cell's are bounded by memory."""

    cells_ready: int = 4
    """Warm cells kept ready: a few more than run at a time, because making one takes longer than most
    programs run. Each costs about 3 MiB."""

    early_ready: int = 2
    """Cells kept ready with each prestarted runtime, Node.js and Java, after its first job. Each costs about
    45 MiB."""

    files_max: int = 256
    """Files of one stage. Each takes a descriptor of the executor while its cell is being made."""

    argument_bytes_max: int = 1 * MIB
    """Arguments and environment together; the kernel's own bound is 2 MiB with an 8 MiB stack."""

    artifacts_max: int = 64
    """Files that one run may return. Further matches are named as skipped."""

    artifacts_skipped_max: int = 64
    """How many of the skipped matches are named."""

    artifacts_bytes_max: int = 32 * MIB
    """Their size together. They pass through the executor's memory."""

    artifacts_entries_max: int = 20_000
    """Names that are visited in search of them: more than a cell's disk can hold by default."""

    artifacts_depth_max: int = 32
    """Depth of nested directories that are searched for them."""
