"""What the scheduler's core is told. Pure: each input comes with its `Context`, the core has no clock."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from services.executor.scheduling.actions import Disposition
from shared.contract.codec import UndecodableError, UnknownTagError
from shared.domain.events import Event, JobQueued
from shared.jetstream.delivery import Delivery

DeliveredEvent: TypeAlias = JobQueued | UnknownTagError | UndecodableError
"""The job of a delivery, or why its bytes are none that this program can read."""


@dataclass(frozen=True, slots=True)
class Context:
    """The moment of an input: seconds of a steady clock, the same as a date, and the connection's state."""

    now_s: float
    utc: datetime
    is_connected: bool = True


@dataclass(frozen=True, slots=True)
class Delivered:
    """The server delivered a message."""

    delivery: Delivery
    event: DeliveredEvent


@dataclass(frozen=True, slots=True)
class DeliveryLost:
    """A held delivery belongs to another executor by now: this process was paused beyond its lease."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class LogEntry:
    """The next entry of the log. `event` is None if it cannot be read."""

    sequence: int
    stored_at: datetime
    event: Event | None


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """The attempt of a job that has a slot is in the log, with this number."""

    job_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class SlotFreed:
    """The job has left its slot, and this is to become of its delivery."""

    job_id: str
    disposition: Disposition


@dataclass(frozen=True, slots=True)
class CellsChanged:
    """The executor's circuit has another state: see `CellHealth`."""


@dataclass(frozen=True, slots=True)
class FetchDue:
    """No fetch is under way: `Fetch` says how many deliveries to ask for, no action means none."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The time of `TickAfter` is over."""


@dataclass(frozen=True, slots=True)
class DrainStarted:
    """The executor is to stop. Deliveries may still arrive."""


@dataclass(frozen=True, slots=True)
class FetchingStopped:
    """No delivery arrives any more, so what is given back goes to other executors."""


@dataclass(frozen=True, slots=True)
class GraceEnded:
    """Programs that still run are to be stopped."""


Input: TypeAlias = (
    Delivered
    | DeliveryLost
    | LogEntry
    | AttemptStarted
    | SlotFreed
    | CellsChanged
    | FetchDue
    | Tick
    | DrainStarted
    | FetchingStopped
    | GraceEnded
)
