"""What the crowd counts afterwards is found when it is not as it should be."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import pytest

from headrace.client.client import AsyncClient
from shared.contract.codec import EventObject
from tests.containers.crowd import Member

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def event(seq: int, kind: str) -> EventObject:
    """An event of the one job."""
    return EventObject(
        job_id="job",
        seq=seq,
        type=f"job.{kind}.v1",
        cursor=str(seq),
        time=NOW.isoformat(),
        stored_at=NOW,
        data={},
    )


ALL = [event(1, "queued"), event(2, "running"), event(3, "completed")]


@dataclass(frozen=True)
class Stored:
    """A log of these events."""

    events: Sequence[EventObject]

    async def replay(self) -> AsyncIterator[EventObject]:
        """All of them."""
        for each in self.events:
            yield each


@pytest.mark.parametrize(
    ("stored", "shown", "accepted", "fault"),
    [
        (ALL, ALL[:1] + ALL[2:], ["job"], "was shown 2"),
        (ALL, [*ALL, ALL[2]], ["job"], "was shown 4"),
        (ALL, [ALL[1], ALL[0], ALL[2]], ["job"], "was shown 3"),
        (ALL[:2], ALL[:2], ["job"], "has 0 ends"),
        ([], [], ["job"], "has 0 beginnings"),
        ([*ALL, event(4, "failed")], [*ALL, event(4, "failed")], ["job"], "has 2 ends"),
        ([ALL[0], *ALL], [ALL[0], *ALL], ["job"], "has 2 beginnings"),
        (ALL, ALL, [], "was never accepted"),
    ],
)
async def test_a_fault_is_found(
    stored: list[EventObject], shown: list[EventObject], accepted: list[str], fault: str
) -> None:
    member = Member("ann", cast(AsyncClient, Stored(stored)), asyncio.Semaphore(0))
    member.shown, member.accepted = shown, accepted
    assert fault in "\n".join(await member.faults())


async def test_what_is_as_it_should_be_has_none() -> None:
    member = Member("ann", cast(AsyncClient, Stored(ALL)), asyncio.Semaphore(0))
    member.shown, member.accepted = ALL, ["job"]
    assert await member.faults() == []
