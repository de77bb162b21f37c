"""What the executor, the zygote, a spawner and a cell say to each other.

The zygote: what it has imported. To the zygote: make a spawner. To a spawner: make a cell, see `CellOrder`.
To a cell: one job, and when its report has come, what to bring out. A job is a sealed memory file: eight
bytes of length, that many of the job, then the files' contents one after another. Descriptors travel beside
the messages, on channels that no program ever holds.
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
"""Every Python 3 reads it: the executor's may be another than the one inside."""
MESSAGE_BYTES_MAX = 60 * 1024
SPAWNER = b"spawner"
"""To the zygote, with a spawner's channel and the entrances of its groups."""
READY = b"ready"
"""From a spawner; from a cell, with a descriptor of its pid 1. Anything else is why there is none."""
JOB = b"job"
"""To a cell, with the memory file of the job, the program's output, its errors and, if it has any, input."""
REPORT = b"report"
"""How a message begins that says how the program ended."""
_STATUS = struct.Struct("=iq??")


@dataclass(frozen=True)
class IsolationConfig:
    """What all cells of a zygote have in common. Sizes in bytes; `seccomp` is the filter's code in hex."""

    uid: int
    work: str
    tmp_bytes: int
    shared_memory_bytes: int
    inodes_max: int
    seccomp: str


class CellOrder(NamedTuple):
    """A cell to make: the size of its disk, and its uid and gid in the zygote's namespace; the zygote's own
    if they are 0.
    """

    disk_bytes: int
    uid: int
    gid: int


class Job(NamedTuple):
    """What a cell is to run. `files` are (path, executable, length); `rlimits` are (kind, soft, hard).

    A `warm` job goes on in the interpreter that is there; `env` is then what its environment lacks.
    """

    argv: list[str]
    env: dict[str, str]
    files: list[tuple[str, bool, int]]
    rlimits: list[tuple[int, int, int]]
    has_stdin: bool
    warm: bool


def encode_cell(order: CellOrder) -> bytes:
    """An order as a message."""
    return b"%d %d %d" % order


def decode_cell(message: bytes) -> CellOrder:
    """The other way."""
    return CellOrder(*map(int, message.split()))


def encode_walls(walls: IsolationConfig) -> bytes:
    """Walls as the zygote's first message."""
    return json.dumps(asdict(walls)).encode()


def decode_walls(message: bytes) -> IsolationConfig:
    """The other way."""
    return IsolationConfig(**json.loads(message))


def encode_job(job: Job) -> bytes:
    """A job without its contents, its length before it. In the one form that takes no code to decode."""
    head = marshal.dumps(tuple(job), MARSHAL_VERSION)
    return len(head).to_bytes(LENGTH_BYTES, "little") + head


def read_job(descriptor: int) -> tuple[Job, int]:
    """The job in a memory file, and where the first file's content begins."""
    length = int.from_bytes(os.read(descriptor, LENGTH_BYTES), "little")
    return Job(*marshal.loads(os.read(descriptor, length))), LENGTH_BYTES + length  # noqa: S302 - our executor's


class Report(NamedTuple):
    """How the program ended, as wait(2) tells it; the processor time of all that was waited for; whether it
    did not end well and had filled its disk; whether nobody is left in the cell but pid 1.
    """

    status: int
    cpu_ms: int
    disk_full: bool
    alone: bool


def encode_report(report: Report) -> bytes:
    """A report as a message."""
    return REPORT + _STATUS.pack(*report)


def decode_report(message: bytes) -> Report:
    """The other way."""
    return Report(*_STATUS.unpack(message.removeprefix(REPORT)))
