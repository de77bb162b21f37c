"""What a dialect's socket has not been told yet: in order, small, and bounded."""

import asyncio

from services.notifier.transports.dialects.changes import Change, Changes
from shared.contract.codec import EventObject
from tests import builders
from tests.builders import JOB


def change(kind: str, sequence: int | None, **data: object) -> Change:
    event = EventObject(
        cursor="", type=f"job.{kind}.v1", job_id=JOB, time="", stored_at=builders.NOON, data=dict(data)
    )
    return Change(JOB, kind, sequence, is_end=False, event=event if data else None)


async def test_changes_come_in_their_order_and_each_once() -> None:
    changes = Changes()
    for sequence, kind in enumerate(("queued", "running", "running", "completed")):
        assert changes.put(change(kind, sequence))
    taken = [await changes.take() for _ in range(4)]
    assert [(one.kind, one.sequence) for one in taken] == [
        *(("queued", 0), ("running", 1), ("running", 2), ("completed", 3))
    ]


async def test_a_newer_note_takes_the_place_of_an_older_one_of_its_stage() -> None:
    changes = Changes()
    for stage, percent in (("compile", 10), ("compile", 40), ("run", 50)):
        changes.put(change("progress", None, stage=stage, percent=percent))
    taken = [await changes.take() for _ in range(2)]
    assert [one.event.data["percent"] for one in taken if one.event is not None] == [40, 50]


async def test_they_are_bounded() -> None:
    changes = Changes(changes_max=2)
    assert [changes.put(change("running", sequence)) for sequence in range(3)] == [True, True, False]


async def test_one_that_waits_is_given_the_next() -> None:
    changes = Changes()
    waiting = asyncio.create_task(changes.take())
    await asyncio.sleep(0)
    changes.put(change("running", 7))
    assert (await waiting).sequence == 7
