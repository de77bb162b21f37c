"""Replays a history: when each event is due, and the state of every job at a moment.

It has no clock of its own: the caller passes one, with its way to wait.
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
    """The text is not a valid speed."""


def parse_speed(text: str) -> float | None:
    """The factor by which to speed up; None for no delays. Raises SpeedError."""
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
    """A monotonic clock in seconds, and a sleep."""

    now: Callable[[], float] = time.monotonic
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep


async def paced(
    events: AsyncIterator[EventObject], speed: float | None, clock: Clock | None = None
) -> AsyncGenerator[EventObject, None]:
    """The same events, each when it is due: as long after the first as the log stored it, over `speed`.

    A late event is delivered at once; later events are still due at their own time.
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


def event_of(event_object: EventObject) -> Event:
    """The log's event, from what clients receive. Raises ProtocolError for an event unknown to this
    version."""
    fields = {
        **event_object.data,
        "type": event_object.type,
        "job_id": event_object.job_id,
        "time": event_object.time,
    }
    try:
        event: Event = msgspec.convert(fields, type=Event)
    except msgspec.ValidationError as error:
        raise ProtocolError(
            f"event {event_object.seq}, a {event_object.type}, is not one of this version: {error}"
        ) from error
    return event


class States:
    """Every job's state after the events added so far, in order of submission."""

    def __init__(self) -> None:
        """Start without jobs."""
        self._records: dict[str, JobRecord] = {}

    def add(self, event_object: EventObject) -> None:
        """Add one event, in log order. Raises ProtocolError."""
        event = event_of(event_object)
        if event_object.seq is None:
            raise ProtocolError(f"a {event_object.type} without its place in the log")
        record = fold(self._records.get(event.job_id), event, event_object.seq)
        if record is not None:
            self._records[event.job_id] = record

    @property
    def jobs(self) -> Iterable[JobRecord]:
        """All jobs."""
        return self._records.values()


async def states_at(events: AsyncIterator[EventObject], until: int | datetime) -> States:
    """The jobs' states at a sequence of the log or at a time, inclusive."""
    states = States()
    async for event in events:
        if is_after(event, until):
            # By time, a later event may still belong: events are ordered by sequence.
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
