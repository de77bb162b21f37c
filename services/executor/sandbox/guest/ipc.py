"""Messages between the executor, the zygote, a spawner and a cell.

From the zygote: the modules it has imported. To the zygote: make a spawner. To a spawner: make a cell, see
`CellOrder`. To a cell: one job and, after its report, which files to send out. A job is a sealed memory file:
eight bytes of length, that many bytes of job, then the files' contents one after another. Descriptors travel
with the messages, on channels that no program ever holds.
"""

from __future__ import annotations

import json
import marshal
import os
import struct
from dataclasses import asdict, dataclass
from typing import NamedTuple

LENGTH_BYTES = 8
MARSHAL_VERSION = 2
"""Every Python 3 reads it: the executor's version may differ from the one inside."""
MESSAGE_BYTES_MAX = 60 * 1024
SPAWNER = b"spawner"
"""To the zygote, with a spawner's channel and the cgroup.procs files of its groups."""
READY = b"ready"
"""From a spawner; from a cell, with a descriptor of its pid 1. Any other message is an error text."""
JOB = b"job"
"""To a cell, with the memory file of the job and the program's stdout, stderr and, if it has one, stdin."""
TERMINAL = b"terminal"
"""From a cell, with the other side of the terminal in which its program runs, and the program's."""
SIDES = 2
REPORT = b"report"
"""The first bytes of a message that reports how the program ended."""
_STATUS = struct.Struct("=iq??")


@dataclass(frozen=True)
class IsolationConfig:
    """What all cells of a zygote have in common. Sizes in bytes; `seccomp` is the filter's code in hex.

    `data` is another place of the work directory.
    """

    uid: int
    work: str
    data: str
    tmp_bytes: int
    shared_memory_bytes: int
    inodes_max: int
    seccomp: str


class CellOrder(NamedTuple):
    """Order to make a cell: the size of its disk, and its uid and gid in the zygote's namespace; 0 means the
    zygote's own."""

    disk_bytes: int
    uid: int
    gid: int


class Job(NamedTuple):
    """What a cell is to run. `files` are (path, executable, length); `rlimits` are (kind, soft, hard).

    A `warm` job continues in the forked interpreter; `env` is then what its environment lacks. `directory` is
    where the program starts, if not in the work directory. `terminal` are columns and rows of the terminal in
    which it runs, empty for none.
    """

    argv: list[str]
    env: dict[str, str]
    files: list[tuple[str, bool, int]]
    rlimits: list[tuple[int, int, int]]
    has_stdin: bool
    warm: bool
    directory: str = ""
    terminal: tuple[int, ...] = ()


def encode_cell(order: CellOrder) -> bytes:
    """Encode an order as a message."""
    return b"%d %d %d" % order


def decode_cell(message: bytes) -> CellOrder:
    """Decode an order."""
    return CellOrder(*map(int, message.split()))


def encode_walls(walls: IsolationConfig) -> bytes:
    """Encode the isolation as the zygote's first message."""
    return json.dumps(asdict(walls)).encode()


def decode_walls(message: bytes) -> IsolationConfig:
    """Decode the isolation."""
    return IsolationConfig(**json.loads(message))


def encode_job(job: Job) -> bytes:
    """Encode a job without file contents, preceded by its length. Marshal, because decoding it imports
    nothing."""
    head = marshal.dumps(tuple(job), MARSHAL_VERSION)
    return len(head).to_bytes(LENGTH_BYTES, "little") + head


def read_job(descriptor: int) -> tuple[Job, int]:
    """The job in a memory file, and where the first file's content begins."""
    length = int.from_bytes(os.read(descriptor, LENGTH_BYTES), "little")
    return Job(*marshal.loads(os.read(descriptor, length))), LENGTH_BYTES + length  # noqa: S302 - our executor's


class Report(NamedTuple):
    """How the program ended, as wait(2) tells it; the processor time of all children waited for; whether it
    failed with a full disk; whether only pid 1 is left in the cell."""

    status: int
    cpu_ms: int
    disk_full: bool
    alone: bool


def encode_report(report: Report) -> bytes:
    """Encode a report as a message."""
    return REPORT + _STATUS.pack(*report)


def decode_report(message: bytes) -> Report:
    """Decode a report."""
    return Report(*_STATUS.unpack(message.removeprefix(REPORT)))
