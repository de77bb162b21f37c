"""A history played back: when each event is due, and how every job stood at a moment.

No clock of its own: whoever replays hands one in, with the way to wait for it.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from headrace.client.errors import HeadraceError, ProtocolError
from shared.contract.codec import EventObject
from shared.domain.events import Event
from shared.domain.record import JobRecord, fold

LIVE = 1.0


class SpeedError(HeadraceError):
    """The text is no speed."""


def parse_speed(text: str) -> float | None:
    """How many times faster than it happened; None for at once. Raises SpeedError."""
    if text == "max":
        return None
    if text == "live":
        return LIVE
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0.001 <= speed <= 1_000_000:
        raise SpeedError(f"{text!r} is not live, max, or how many times faster (0.001 to 1000000)")
    return speed


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds that only go forward, and how to let some pass."""

    now: Callable[[], float] = time.monotonic
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep


async def paced(
    events: AsyncIterator[EventObject], speed: float | None, clock: Clock | None = None
) -> AsyncGenerator[EventObject, None]:
    """The same events, each when it is due: as long after the first as the log stored it, over `speed`.

    One that is late already comes at once, and what follows it is not late for that.
    """
    if speed is None:
        async for event in events:
            yield event
        return
    clock = clock or Clock()
    first: datetime | None = None
    began = 0.0
    async for event in events:
        if first is None:
            first, began = event.stored_at, clock.now()
        due_s = (event.stored_at - first).total_seconds() / speed
        early_s = began + due_s - clock.now()
        if early_s > 0:
            await clock.pause(early_s)
        yield event


def event_of(shown: EventObject) -> Event:
    """What the log holds, from what clients see. Raises ProtocolError for what this version does not know."""
    fields = {**shown.data, "type": shown.type, "job_id": shown.job_id, "time": shown.time}
    try:
        event: Event = msgspec.convert(fields, type=Event)
    except msgspec.ValidationError as error:
        raise ProtocolError(
            f"event {shown.seq}, a {shown.type}, is not one of this version: {error}"
        ) from error
    return event


class States:
    """Every job as it stood after the events that were added, in the order in which they were submitted."""

    def __init__(self) -> None:
        """Begin with none."""
        self._records: dict[str, JobRecord] = {}

    def add(self, shown: EventObject) -> None:
        """One more event, in log order. Raises ProtocolError."""
        event = event_of(shown)
        if shown.seq is None:
            raise ProtocolError(f"a {shown.type} without its place in the log")
        record = fold(self._records.get(event.job_id), event, shown.seq)
        if record is not None:
            self._records[event.job_id] = record

    @property
    def jobs(self) -> Iterable[JobRecord]:
        """All of them."""
        return self._records.values()


async def states_at(events: AsyncIterator[EventObject], until: int | datetime) -> States:
    """The jobs as they stood at a sequence of the log or at a time, that one included."""
    states = States()
    async for event in events:
        if is_after(event, until):
            # By time the rest may hold one that is not: order is by sequence.
            if isinstance(until, int):
                break
            continue
        states.add(event)
    return states


def is_after(event: EventObject, until: int | datetime) -> bool:
    """Whether the event was not stored yet then."""
    if isinstance(until, datetime):
        return event.stored_at > until
    return event.seq is None or event.seq > until
