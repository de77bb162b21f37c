"""What the scheduler's core decides: values that the shell performs. Pure."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from shared.domain.events import JobQueued
from shared.jetstream.delivery import Delivery

StopReason: TypeAlias = Literal["cancelled", "superseded", "shutdown"]


@dataclass(frozen=True, slots=True)
class Ack:
    """The job is terminal in the log."""


@dataclass(frozen=True, slots=True)
class Nak:
    """Any executor may take the job after the delay. `why` is for the metrics.

    `is_spread`: the shell varies the delay by a quarter, so that jobs of one host do not come again together.
    """

    why: str = "leaving"
    delay_s: float = 0.0
    is_spread: bool = False
    unknown: str | None = None
    """What of the event only a later version knows, for the log."""


@dataclass(frozen=True, slots=True)
class Abandon:
    """No answer and no further heartbeat: the server delivers again unless another executor's come."""


@dataclass(frozen=True, slots=True)
class Terminate:
    """The message is never delivered again. `why` is for the operators."""

    why: str


Disposition: TypeAlias = Ack | Nak | Abandon


@dataclass(frozen=True, slots=True)
class Answer:
    """End a delivery that this executor held."""

    delivery: Delivery
    disposition: Disposition | Terminate


@dataclass(frozen=True, slots=True)
class Start:
    """The job has a slot; `SlotFreed` follows."""

    queued: JobQueued


@dataclass(frozen=True, slots=True)
class Stop:
    """End the program of a job that has a slot. Of several reasons the first counts."""

    job_id: str
    reason: StopReason


@dataclass(frozen=True, slots=True)
class Fetch:
    """Ask the server for so many deliveries."""

    count: int


@dataclass(frozen=True, slots=True)
class WakeFetch:
    """The number to fetch may have changed: `FetchDue` should come soon."""


@dataclass(frozen=True, slots=True)
class TickAfter:
    """`Tick` must come after so many seconds. At most one is outstanding."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ReportContradiction:
    """An event of the log cannot follow what the log said before. It is for the operators."""

    sequence: int
    why: str


Action: TypeAlias = Start | Answer | Fetch | Stop | WakeFetch | TickAfter | ReportContradiction
