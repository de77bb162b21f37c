"""A history played back: due when it happened, over the speed, by a clock that the test turns."""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
import pytest

from headrace.client.errors import ProtocolError
from headrace.history.replay import Clock, SpeedError, paced, parse_speed, states_at
from shared.contract.codec import EventObject, encode, event_object
from shared.domain.cursor import of_log
from shared.domain.events import Event
from tests import builders

SECONDS = (0.0, 1.5, 1.5, 4.0)


def shown(event: Event, seq: int, stored_at: datetime) -> EventObject:
    return event_object(encode(event), cursor=of_log(seq, stored_at), stored_at=stored_at, seq=seq)


def history(seconds: Sequence[float] = SECONDS) -> list[EventObject]:
    """Two jobs: one ends, one runs for the second time."""
    other = builders.job_id()
    events: tuple[Event, ...] = (
        builders.queued(),
        builders.running(),
        builders.completed(),
        builders.queued(other, "bob"),
        builders.running(other, "bob"),
        builders.running(other, "bob", attempt=2),
    )
    times = [*seconds, *(seconds[-1] for _ in events[len(seconds) :])]
    return [
        shown(event, 10 * number, builders.NOON + timedelta(seconds=after))
        for number, (event, after) in enumerate(zip(events, times, strict=True), start=1)
    ]


async def each(events: Iterable[EventObject]) -> AsyncIterator[EventObject]:
    for event in events:
        yield event


class Turned:
    """A clock that moves when somebody waits, and by what the watcher takes for each event."""

    def __init__(self, taking_s: float = 0.0) -> None:
        self.now_s = 100.0
        self.pauses: list[float] = []
        self.taking_s = taking_s

    async def pause(self, seconds: float) -> None:
        self.pauses.append(round(seconds, 6))
        self.now_s += seconds

    async def watch(self, speed: float | None) -> list[float]:
        """When each event came, in seconds after the first."""
        clock = Clock(now=lambda: self.now_s, pause=self.pause)
        came = []
        async for _ in paced(each(history()[: len(SECONDS)]), speed, clock):
            came.append(round(self.now_s - 100.0, 6))
            self.now_s += self.taking_s
        return came


@pytest.mark.parametrize(
    ("speed", "came", "pauses"),
    [
        (1.0, [0.0, 1.5, 1.5, 4.0], [1.5, 2.5]),
        (10.0, [0.0, 0.15, 0.15, 0.4], [0.15, 0.25]),
        (0.5, [0.0, 3.0, 3.0, 8.0], [3.0, 5.0]),
        (None, [0.0] * 4, []),
    ],
)
async def test_events_come_when_they_are_due(
    speed: float | None, came: list[float], pauses: list[float]
) -> None:
    clock = Turned()
    assert await clock.watch(speed) == came
    assert clock.pauses == pauses


async def test_who_is_late_catches_up() -> None:
    """What it takes to show an event is no part of the pause behind it."""
    clock = Turned(taking_s=1.0)
    assert await clock.watch(1.0) == [0.0, 1.5, 2.5, 4.0]
    assert clock.pauses == [0.5, 0.5]


@pytest.mark.parametrize(
    ("text", "speed"), [("live", 1.0), ("max", None), ("10", 10.0), ("2.5", 2.5), ("4x", 4.0), ("0.5", 0.5)]
)
def test_a_speed_is_live_or_max_or_a_factor(text: str, speed: float | None) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "fast", "1e9", "x"])
def test_nothing_else_is_a_speed(text: str) -> None:
    with pytest.raises(SpeedError):
        parse_speed(text)


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (9, []),
        (10, [("queued", 0)]),
        (29, [("running", 1)]),
        (30, [("completed", 1)]),
        (40, [("completed", 1), ("queued", 0)]),
        (1_000, [("completed", 1), ("running", 2)]),
        (builders.NOON, [("queued", 0)]),
        (builders.NOON - timedelta(microseconds=1), []),
        (builders.NOON + timedelta(seconds=1.5), [("completed", 1)]),
        (builders.NOON + timedelta(seconds=4), [("completed", 1), ("running", 2)]),
    ],
)
async def test_jobs_are_shown_as_they_stood(until: int | datetime, expected: list[tuple[str, int]]) -> None:
    jobs = (await states_at(each(history()), until)).jobs
    assert [(job.status, job.attempt) for job in jobs] == expected


async def test_an_event_that_is_not_understood_is_said_to_be() -> None:
    strange = msgspec.structs.replace(history()[0], type="job.paused.v1")
    with pytest.raises(ProtocolError, match=r"event 10, a job\.paused\.v1"):
        await states_at(each([strange]), 100)
