"""Where history ends, found without a question that costs more with each job of the user."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from services.notifier.events import recent_past, stored_events
from services.notifier.events.ends import EndFinder
from services.notifier.events.extent import Extents, read_extents
from services.notifier.events.known_ends import KnownEnds
from services.notifier.events.position import FeedMark, Position
from services.notifier.events.recent_past import read_recent_past
from services.notifier.events.stored_events import History
from shared.contract.subjects import JOBS, job_events, user_events
from shared.jetstream.connection import Broker
from shared.jetstream.stored_message import NO_MESSAGE
from tests import builders
from tests.builders import USER
from tests.integration.notifier.asking import Asked, operations, whole_users
from tests.integration.notifier.writer import Writer

WITHIN_S = 30


async def _arrived(sequence: int) -> None:
    raise AssertionError(f"{sequence} had arrived before")


async def _never(sequence: int) -> None:
    await asyncio.Event().wait()


def finder(broker: Broker, known: KnownEnds) -> EndFinder:
    return EndFinder(History(broker), known, wait_for_log=_arrived, wait_for_feed=_arrived)


async def read(history: History, *, after: int, end: int) -> list[int]:
    entries = history.log_entries(user_events(USER), after=after, end=end)
    async with asyncio.timeout(WITHIN_S):
        return [entry.sequence async for entry in entries]


async def test_the_recent_past_tells_the_ends_of_all_its_users(broker: Broker, writer: Writer) -> None:
    asked = Asked(broker)
    last = await writer.run_job(builders.job_id(), notes=2)
    await writer.run_job(builders.job_id(), user="bob")
    known = await read_recent_past(broker, await read_extents(broker))
    ends = await finder(asked, known).of_user(USER, Position())
    assert ends.position.log == last
    assert ends.position.feed.sequence == 2
    # Nothing was left out of what was read, so there is nothing to ask either.
    assert (await finder(asked, known).of_user("carol", Position())).position == Position()
    assert operations(asked.asked) == ["STREAM.INFO.JOBS", "STREAM.INFO.FEED"] * 2


async def test_what_is_before_the_recent_past_is_asked_once_for_all(
    broker: Broker, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_past, "ENTRIES_MAX", 2)
    last = await writer.run_job(builders.job_id())
    await writer.run_job(builders.job_id(), user="bob")
    asked = Asked(broker)
    ends = finder(asked, await read_recent_past(broker, await read_extents(broker)))
    async with asyncio.timeout(WITHIN_S):
        found = await asyncio.gather(*(ends.of_user(USER, Position()) for _ in range(20)))
    assert {one.position.log for one in found} == {last}
    assert {one.position.feed.sequence for one in found} == {3}
    assert len(whole_users(asked.asked)) == 2, "one of the log and one of the feed"
    with asked.noting() as noted:
        await ends.of_user(USER, Position(last - 1))
        await ends.of_user("carol", (await ends.of_user("bob", Position())).position)
    assert whole_users(noted) == []


async def test_how_far_the_streams_reach_is_asked_once_for_all_of_a_moment(broker: Broker) -> None:
    asked = Asked(broker)
    history = History(asked)
    async with asyncio.timeout(WITHIN_S):
        extents = await asyncio.gather(*(history.extents() for _ in range(50)))
    assert len({id(one) for one in extents}) == 1
    assert sorted(operations(asked.asked)) == ["STREAM.INFO.FEED", "STREAM.INFO.JOBS"]


async def _whole(broker: Broker, writer: Writer) -> tuple[KnownEnds, Extents, int]:
    """A job whose output the feed has, and this process was not given yet."""
    extents = await read_extents(broker)
    known = await read_recent_past(broker, extents)
    end = await writer.run_job(builders.job_id())
    async for entry in History(broker).log_entries(user_events(USER), after=0, end=end):
        known.take_log(entry)
    return known, extents, end


async def test_output_that_precedes_the_logs_end_is_waited_for(broker: Broker, writer: Writer) -> None:
    known, _, end = await _whole(broker, writer)
    asked = Asked(broker)
    history = History(asked)

    async def arrive(sequence: int) -> None:
        assert sequence == 3
        async for note in history.feed_entries(
            "feed.*.*.*", after=FeedMark(), end=FeedMark(1 << 60, sequence)
        ):
            known.take_feed(note)

    ends = EndFinder(history, known, wait_for_log=_arrived, wait_for_feed=arrive)
    position = (await ends.of_user(USER, Position())).position
    assert (position.log, position.feed.sequence) == (end, 3)
    assert whole_users(asked.asked) == []


async def test_output_that_does_not_arrive_is_asked_for(broker: Broker, writer: Writer) -> None:
    """The follower of the feed may be without a server for a while, or in a feed that was made again."""
    known, _, end = await _whole(broker, writer)
    asked = Asked(broker)
    ends = EndFinder(History(asked), known, wait_for_log=_arrived, wait_for_feed=_never)
    async with asyncio.timeout(WITHIN_S):
        position = (await ends.of_user(USER, Position())).position
    assert (position.log, position.feed.sequence) == (end, 3)
    assert whole_users(asked.asked) == [{"last_by_subj": f"feed.{USER}.*.*"}]


async def test_output_is_not_waited_for_where_no_end_is_shown_before_it(
    broker: Broker, writer: Writer
) -> None:
    known, _, end = await _whole(broker, writer)
    position = (await finder(broker, known).of_user(USER, Position(end))).position
    assert position.log == end


async def test_notes_that_have_left_are_no_end(broker: Broker, writer: Writer) -> None:
    """Each client that came back would look for them again and again."""
    await writer.run_job(builders.job_id())
    known = await read_recent_past(broker, await read_extents(broker))
    await broker.api("STREAM.PURGE.FEED")
    position = (await finder(broker, known).of_user(USER, Position())).position
    assert position.feed == FeedMark()


@pytest.mark.clause("4.3")
async def test_a_replica_that_is_behind_hides_nothing(broker: Broker, writer: Writer) -> None:
    for _ in range(3):
        await writer.run_job(builders.job_id(), notes=0)
    asked = Asked(broker)
    for shows in (0, 1, 5, 8):
        asked.fall_behind(shows, lies=3)
        assert await read(History(asked), after=1, end=9) == list(range(2, 10))
        assert asked.lies == 0, "the replica must really have been behind"


@pytest.mark.clause("4.3")
async def test_an_end_that_has_left_is_not_waited_for(broker: Broker, writer: Writer) -> None:
    first, second = builders.job_id(), builders.job_id()
    for job in (first, second):
        await writer.run_job(job, notes=0)
    await broker.api(f"STREAM.PURGE.{JOBS}", {"filter": job_events(USER, second)})
    asked = Asked(broker)
    assert await read(History(asked), after=0, end=6) == [1, 2, 3]
    asked.fall_behind(2, lies=2)
    assert await read(History(asked), after=0, end=6) == [1, 2, 3], "a replica is behind as well"
    assert asked.lies == 0


async def test_an_old_leader_hides_nothing_either(
    broker: Broker, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica that is behind, and a leader that was frozen: it ends where it ended."""
    monkeypatch.setattr(stored_events, "CONFIRMED_EVERY_S", 0.01)
    await writer.run_job(builders.job_id(), notes=0)
    asked = Old(broker, end=1, lies=3)
    asked.fall_behind(1, lies=2)
    assert await read(History(asked), after=0, end=3) == [1, 2, 3]
    assert asked.has_told_all


class Old(Asked):
    """The leader's answers about the log are old, `lies` times."""

    def __init__(self, broker: Broker, *, end: int, lies: int) -> None:
        super().__init__(broker)
        self._end = end
        self._old_answers = lies

    @property
    def has_told_all(self) -> bool:
        return self._old_answers == 0

    async def api_answer(self, operation: str, body: object = None, *, timeout_s: float = 2.0) -> bytes:
        answer = await super().api_answer(operation, body, timeout_s=timeout_s)
        if self._old_answers and operation == f"STREAM.MSG.GET.{JOBS}":
            self._old_answers -= 1
            return json.dumps({"error": {"err_code": NO_MESSAGE, "description": "no message found"}}).encode()
        if self._old_answers and operation == f"STREAM.INFO.{JOBS}":
            self._old_answers -= 1
            old = json.loads(answer)
            old["state"]["last_seq"] = self._end
            return json.dumps(old).encode()
        return answer


async def test_the_newest_job_is_one_that_has_not_arrived_yet(broker: Broker, writer: Writer) -> None:
    known = await read_recent_past(broker, await read_extents(broker))
    first, second = builders.job_id(), builders.job_id()
    await writer.append(builders.queued(first))
    history = History(broker)
    async for entry in history.log_entries(user_events(USER), after=0, end=1):
        known.take_log(entry)
    asked = Asked(broker)
    ends = EndFinder(History(asked), known, wait_for_log=_never, wait_for_feed=_never)
    assert await ends.newest_job(USER) == first
    assert whole_users(asked.asked) == []
    await writer.append(builders.queued(second))
    async with asyncio.timeout(WITHIN_S):
        assert await ends.newest_job(USER) == second
    assert await ends.newest_job("bob") is None


async def test_what_ended_since_is_found_without_the_end_of_the_user(broker: Broker, writer: Writer) -> None:
    began = datetime.now(UTC)
    jobs = [builders.job_id() for _ in range(3)]
    for job in jobs:
        await writer.run_job(job, notes=0)
    asked = Asked(broker)
    asked.fall_behind(4, lies=2)
    async with asyncio.timeout(WITHIN_S):
        assert await History(asked).ended_since(USER, began) == jobs
    assert whole_users(asked.asked) == []
    assert asked.lies == 0
