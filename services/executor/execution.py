"""One job under way in this executor: its delivery, and the ways in which it can be told to stop."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from shared.consumer import Delivery
from shared.events import JobQueued

StopReason: TypeAlias = Literal["cancelled", "superseded", "shutdown"]


@dataclass(slots=True)
class Execution:
    """A job that has a slot. `delivery` changes if the server delivers the job again meanwhile."""

    queued: JobQueued
    delivery: Delivery
    attempt: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    stop_reason: StopReason | None = None

    def ask_to_stop(self, reason: StopReason) -> None:
        """End its program soon; the first reason stays."""
        if self.stop_reason is None:
            self.stop_reason = reason
        self.stop.set()


@dataclass(frozen=True, slots=True)
class Ack:
    """The job is terminal in the log."""


@dataclass(frozen=True, slots=True)
class Nak:
    """The job is not finished, and any executor may take it after the delay; `why` is for the metrics."""

    why: str = "leaving"
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Abandon:
    """Somebody else holds the job, or nobody can tell: answer nothing, the server will deliver again."""


Disposition: TypeAlias = Ack | Nak | Abandon
