"""Everything that was done and seen in one run: what clients asked and were answered, what subscribers were
shown, what the log and the views hold at the end, and which process was disturbed when.

One JSON object a line, so that a failed run can be looked at with the usual tools and judged again. Times
are those of one machine's clock, the server's among them, so that they can be compared.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

import msgspec

from shared.contract.codec import EventObject
from shared.domain.record import JobRecord

DISTINCT_BYTES = 10

Asked = Literal["submit", "read", "cancel"]
Transport = Literal["client", "websocket", "sse"]


class _Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", omit_defaults=True):
    """What every line has in common: its kind."""


class Began(_Line, frozen=True, kw_only=True, tag="began"):
    """What was to be done. `options` is for people."""

    at: datetime
    seed: int
    options: dict[str, str] = {}


class Call(_Line, frozen=True, kw_only=True, tag="call"):
    """One request of a client. Without `answered_at` no answer came, and nobody can tell what it did.

    `sequence` and `record` are those of the answered job: its newest event, and a digest of all of it.
    """

    user: str
    asked: Asked
    asked_at: datetime
    answered_at: datetime | None = None
    key: str | None = None
    job_id: str | None = None
    status: int | None = None
    sequence: int | None = None
    record: str | None = None
    etag: str | None = None
    is_replay: bool = False
    why: str | None = None


class Connection(_Line, frozen=True, kw_only=True, tag="connection"):
    """One connection of a subscriber, told when it has ended. `after` is the cursor that it began with."""

    subscriber: str
    number: int
    user: str
    transport: Transport
    after: str
    opened_at: datetime
    closed_at: datetime
    why: str


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Which bytes of whose output an event brought."""

    attempt: int
    stage: str
    stream: str
    offset: int
    size: int


class Shown(_Line, frozen=True, kw_only=True, tag="shown"):
    """One event as a subscriber saw it. `seq` is its place in the log, None for a note of the feed.

    `attempt` is whose note it is.
    """

    subscriber: str
    user: str
    connection: int
    at: datetime
    type: str
    job_id: str
    digest: str
    seq: int | None = None
    attempt: int | None = None
    piece: Piece | None = None


class Missed(_Line, frozen=True, kw_only=True, tag="missed"):
    """A subscriber was told that something between two cursors is gone."""

    subscriber: str
    connection: int
    at: datetime
    reason: str


class Stored(_Line, frozen=True, kw_only=True, tag="stored"):
    """One message of the log, as it was read at the end."""

    sequence: int
    stored_at: datetime
    subject: str
    event: msgspec.Raw


class View(_Line, frozen=True, kw_only=True, tag="view"):
    """One projector's view at the end: up to where of the log it goes."""

    name: str
    checkpoint: int


class Row(_Line, frozen=True, kw_only=True, tag="row"):
    """One job as one view has it at the end."""

    view: str
    record: msgspec.Raw


class Fault(_Line, frozen=True, kw_only=True, tag="fault"):
    """What was done to a process or to its connections, from when to when."""

    kind: str
    target: str
    began_at: datetime
    ended_at: datetime | None = None


class Life(_Line, frozen=True, kw_only=True, tag="life"):
    """One process from its start to its end; of an executor, `name` is what the log calls it."""

    name: str
    service: str
    pid: int
    began_at: datetime
    ended_at: datetime | None = None
    exit_code: int | None = None


class Refused(_Line, frozen=True, kw_only=True, tag="refused"):
    """An executor said that the log refused the late result of an attempt."""

    executor: str
    job_id: str
    attempt: int


Line: TypeAlias = Began | Call | Connection | Shown | Missed | Stored | View | Row | Fault | Life | Refused


@dataclass(frozen=True, slots=True)
class History:
    """All lines of a run, each kind in the order in which they were written."""

    began: Began
    calls: tuple[Call, ...] = ()
    connections: tuple[Connection, ...] = ()
    shown: tuple[Shown, ...] = ()
    missed: tuple[Missed, ...] = ()
    log: tuple[Stored, ...] = ()
    views: tuple[View, ...] = ()
    rows: tuple[Row, ...] = ()
    faults: tuple[Fault, ...] = ()
    lives: tuple[Life, ...] = ()
    refused: tuple[Refused, ...] = ()


def now() -> datetime:
    """The clock of all lines."""
    return datetime.now(UTC)


def digest_of_event(event: EventObject) -> str:
    """The same for the same stored event, whoever is shown it: a cursor depends on who asks."""
    return _digest(msgspec.structs.replace(event, cursor=""))


def digest_of_record(record: JobRecord) -> str:
    """The same for the same answer."""
    return _digest(record)


def _digest(shape: msgspec.Struct) -> str:
    content = msgspec.json.encode(shape, order="deterministic")
    return hashlib.blake2b(content, digest_size=DISTINCT_BYTES).hexdigest()
