"""What an operator may choose about an executor, and why the defaults are what they are."""

import os
import re
import socket
import uuid
from typing import Annotated, ClassVar

import msgspec

from services.executor.host_memory import memory_bytes
from services.executor.minimum_isolation import DEMANDS
from shared.domain.events import Limits
from shared.settings import Bytes, ListenSettings, Pairs, Port, Positive, Rule, SettingsError, some_of

INTERACTIVE_SLOTS_MOST = 100
IDS_MAX = 2**32 - 2
"""The highest uid and gid; the one above means none (-1 of chown(2))."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}")


def _executor_id() -> str:
    """Readable in a log, unique per process, and one subject token."""
    host = "".join(letter if letter.isalnum() or letter == "-" else "-" for letter in socket.gethostname())
    return f"{host}-{os.getpid()}-{uuid.uuid4().hex[:6]}"


def _interactive_slots() -> int:
    return min(INTERACTIVE_SLOTS_MOST, memory_bytes() // (2 * Limits().memory_bytes))


ExecutorId = Annotated[
    str,
    Rule(
        "at most 128 letters, digits, - and _",
        lambda text: None if _TOKEN.fullmatch(text) else "it cannot be part of a subject of NATS",
    ),
]


class ExecutorSettings(ListenSettings, frozen=True, kw_only=True):
    """Settings of one executor process."""

    at_most: ClassVar[Pairs] = (("user_artifacts_bytes", "user_artifacts_bytes_max"),)

    health_port: Port = 8072
    """A second executor of one machine needs another."""

    executor_id: ExecutorId = msgspec.field(default_factory=_executor_id)
    slots: Annotated[int, msgspec.Meta(ge=1, le=4_096)] = os.cpu_count() or 2
    """Programs at a time. One a processor: more would make their time limits depend on their neighbours."""

    interactive_slots: Annotated[int, msgspec.Meta(ge=0, le=4_096)] = msgspec.field(
        default_factory=_interactive_slots
    )
    """Interactive programs at a time, besides: most of the time they wait for their users. 0 runs none. By
    default as many as have their memory in half of what there is, at most 100."""

    held_max: Positive = 2_000
    """Deliveries held that wait for their lane; beyond it the farthest back is given back for a while."""

    held_bytes_max: Bytes = 64 * 1024 * 1024
    """The same in bytes of memory that their programs take, because a program may be large."""

    compiled_bytes_max: Annotated[int, msgspec.Meta(ge=0, le=2**50)] = 64 * 1024 * 1024
    """Products of compilers, kept in memory for their user's next run of the same program; 0 keeps none.
    Enough for thousands of small C programs, or for thirty of Go's."""

    cell_uid: Annotated[int, msgspec.Meta(ge=1, le=IDS_MAX)] = 60_931
    """The first of the uids and gids of cells where the executor is root; see `SandboxSettings.uid`."""

    cell_uids: Annotated[int, msgspec.Meta(ge=1, le=65_536)] = 253
    """How many there are from there on. One is the zygote's, each cell that is ready or runs has one: about
    three for each slot. Executors of one host may have the same range. 1: all cells run as `cell_uid`."""

    user_artifacts_bytes: Bytes = 128 * 1024 * 1024
    """Artifacts of one user, who besides may hold a quarter of what the others leave of their store."""

    user_artifacts_bytes_max: Bytes = 1024 * 1024 * 1024
    """The most of them that a token may claim."""

    user_feed_bytes: Bytes = 32 * 1024 * 1024
    """Notes that one executor sends for one user within ten minutes, who besides may have a quarter of what
    the others leave of the feed."""

    attempts_max: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 3
    cell_patience_s: Annotated[float, msgspec.Meta(ge=0, le=31_536_000)] = 600.0
    """How long a job waits while no executor can make a cell, before it ends as `sandbox_error`: enough for
    an operator to mend a host. No attempt is used up meanwhile."""

    minimum_isolation: Annotated[str, some_of(DEMANDS)] = "namespaces,uid"
    """What the executor refuses to start without: `namespaces`, `uid` (cells are not root), `uids` (each
    running cell has a uid of its own), `cgroup`, `seccomp`. The default is what every Linux host can give to
    an ordinary user."""

    grace_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 10.0
    """How long running programs may go on after SIGTERM."""

    def check(self) -> None:
        """As in `Settings`, and there are as many uids as cells are to have."""
        super().check()
        last = self.cell_uid + self.cell_uids - 1
        if last > IDS_MAX:
            raise SettingsError(
                f"HEADRACE_CELL_UID is {self.cell_uid} and HEADRACE_CELL_UIDS is {self.cell_uids}: "
                f"the last uid would be {last}, and {IDS_MAX} is the highest"
            )
