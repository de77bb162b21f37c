"""Which deliveries an executor holds, and how it answers those that it cannot use. Pure."""

from collections.abc import Callable
from typing import assert_never

from services.executor.scheduling.actions import Ack, Disposition, Nak, Terminate
from services.executor.scheduling.cell_health import CellHealth
from services.executor.scheduling.circuit import PAUSE_FIRST_S
from services.executor.scheduling.inputs import Context
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from shared.contract.codec import UndecodableError, UnknownTagError
from shared.domain.enumerations import unknown_value
from shared.domain.events import JobQueued
from shared.jetstream.delivery import Delivery

LANGUAGE_DELAY_FIRST_S, LANGUAGE_DELAY_MAX_S = 0.05, 2.0
NEWER_DELAY_S = 5.0
NO_CELLS = Nak("cells", PAUSE_FIRST_S, is_spread=True)


class Admission:
    """`position` is how far the log was followed; `is_stopping` once no job is to start here any more."""

    def __init__(self, unfinished: UnfinishedJobs, cells: CellHealth, offers: Callable[[str], bool]) -> None:
        """`offers`: whether this host runs a language. The rest belongs to the scheduler's core."""
        self._unfinished = unfinished
        self._cells = cells
        self._offers = offers
        self.position = 0
        self.is_stopping = False

    def refusal(self, event: JobQueued, delivery: Delivery, context: Context) -> Disposition | None:
        """The answer to a delivery that is not held; None if it is."""
        if delivery.sequence <= self.position and event.job_id not in self._unfinished:
            return Ack()
        if (unknown := unknown_value(event)) is not None:
            return Nak("newer", NEWER_DELAY_S, unknown=unknown)
        if not self._offers(event.language):
            delay_s = LANGUAGE_DELAY_FIRST_S * 2 ** min(delivery.delivered - 1, 10)
            return Nak("language", min(delay_s, LANGUAGE_DELAY_MAX_S))
        if self.is_stopping:
            return Nak("leaving")
        hopeless = self._cells.is_hopeless(event.time, now_s=context.now_s, utc=context.utc)
        return NO_CELLS if self._cells.is_open and not hopeless else None


def unreadable(event: UnknownTagError | UndecodableError) -> Nak | Terminate:
    """The answer to a message that this program cannot read."""
    match event:
        case UnknownTagError():
            return Nak("newer", NEWER_DELAY_S)
        case UndecodableError():
            return Terminate("the message is not an event")
    assert_never(event)
