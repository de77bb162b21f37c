"""Stored log and feed laid together: by time, a terminal event after its output, whatever the clocks say."""

from collections.abc import AsyncIterator

import pytest

from services.notifier.events.merge import merge
from shared.jetstream.stored_message import Entry
from tests import builders
from tests.unit.notifier.stored import OTHER_JOB, logged, noted, over

ENDED_BEFORE = builders.job_id()


async def stream(entries: list[Entry]) -> AsyncIterator[Entry]:
    for entry in entries:
        yield entry


async def had_ended(note: Entry) -> bool:
    """Only this job had, before all of these histories."""
    return ENDED_BEFORE in note.subject


@pytest.mark.parametrize(
    ("log", "feed", "merged"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param([logged(builders.queued(), 1, 5)], [], ["log1"], id="log alone"),
        pytest.param([], [noted(1, 5), noted(2, 6)], ["feed1", "feed2"], id="feed alone"),
        pytest.param(
            [logged(builders.queued(), 1, 0), logged(builders.running(), 2, 10), logged(over(2), 3, 40)],
            [noted(1, 20), noted(2, 30)],
            ["log1", "log2", "feed1", "feed2", "log3"],
            id="by time",
        ),
        pytest.param(
            [logged(over(2), 1, 10)],
            [noted(1, 5), noted(2, 15), noted(3, 16, job=OTHER_JOB)],
            ["feed1", "feed2", "log1", "feed3"],
            id="the feed's clock is ahead",
        ),
        pytest.param(
            [logged(over(1_000), 1, 10)],
            [noted(1, 5), noted(2, 60_000, job=OTHER_JOB)],
            ["feed1", "log1", "feed2"],
            id="the feed began anew",
        ),
        pytest.param(
            [logged(over(1), 1, 10), logged(builders.queued(), 2, 20)],
            [noted(1, 5), noted(2, 15), noted(3, 25)],
            ["feed1", "log1", "log2", "feed3"],
            id="too late, until the key is used again",
        ),
        pytest.param(
            [logged(builders.queued(), 1, 10)],
            [noted(1, 5, job=ENDED_BEFORE), noted(2, 15, job=ENDED_BEFORE), noted(3, 16, job=OTHER_JOB)],
            ["log1", "feed3"],
            id="of a job that had ended before",
        ),
        pytest.param(
            [logged(builders.queued(ENDED_BEFORE), 1, 10)],
            [noted(1, 5, job=ENDED_BEFORE), noted(2, 15, job=ENDED_BEFORE)],
            ["log1", "feed2"],
            id="whose key is used again",
        ),
        pytest.param(
            [logged(builders.running(), 1, 10)], [noted(1, 11)], ["log1", "feed1"], id="only the end waits"
        ),
    ],
)
async def test_merge(log: list[Entry], feed: list[Entry], merged: list[str]) -> None:
    found = [
        ("feed" if is_note else "log") + str(entry.sequence)
        async for entry, is_note in merge(stream(log), stream(feed), had_ended)
    ]
    assert found == merged
