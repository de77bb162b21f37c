"""What the executor and a cell say to each other: one job to the cell, one report back.

A job is a sealed memory file: eight bytes of length, that many of JSON, then the files' contents one after
another. The size of its disk comes in clear. Descriptors travel beside the messages, on a channel that no
program ever holds.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

LENGTH_BYTES = 8
MESSAGE_BYTES_MAX = 64 * 1024
MAKE = b"make"
"""To the warden, with a cell's channel and the entrances of its groups."""
READY = b"ready"
"""From a cell, with a descriptor of its pid 1. Anything else is why there is no cell."""


@dataclass(frozen=True)
class Walls:
    """What all cells of a warden have in common. Sizes in bytes; `seccomp` is the filter's code in hex."""

    uid: int
    work: str
    disk_bytes: int
    tmp_bytes: int
    shared_memory_bytes: int
    inodes_max: int
    seccomp: str


@dataclass(frozen=True)
class Job:
    """What a cell is to run. `files` are (path, executable, length); `rlimits` are (kind, soft, hard)."""

    argv: list[str]
    env: dict[str, str]
    files: list[tuple[str, bool, int]]
    rlimits: list[tuple[int, int, int]]
    disk_bytes: int
    has_stdin: bool
    keep: str | None
    keep_bytes_max: int


@dataclass(frozen=True)
class Report:
    """How the program ended, as wait(2) tells it. A kept file's descriptor comes with the report."""

    status: int
    cpu_ms: int
    kept: bool
    too_long: bool


def encode_walls(walls: Walls) -> bytes:
    """Walls as the warden's first message."""
    return json.dumps(asdict(walls)).encode()


def decode_walls(message: bytes) -> Walls:
    """The other way."""
    return Walls(**json.loads(message))


def encode_job(job: Job) -> bytes:
    """A job without its contents, its length before it."""
    head = json.dumps(asdict(job)).encode()
    return len(head).to_bytes(LENGTH_BYTES, "little") + head


def job_of(descriptor: int) -> Job:
    """The job in a memory file, whose contents begin at `contents_at`. Leaves the file's offset alone."""
    return Job(**json.loads(os.pread(descriptor, contents_at(descriptor) - LENGTH_BYTES, LENGTH_BYTES)))


def contents_at(descriptor: int) -> int:
    """Where the first file's content begins."""
    return LENGTH_BYTES + int.from_bytes(os.pread(descriptor, LENGTH_BYTES, 0), "little")


def encode_report(report: Report) -> bytes:
    """A report as a message."""
    return json.dumps(asdict(report)).encode()


def decode_report(message: bytes) -> Report:
    """The other way."""
    return Report(**json.loads(message))
