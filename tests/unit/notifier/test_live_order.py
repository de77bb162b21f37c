"""A terminal event after its output, one user's order kept, nobody else delayed, no cursor ahead."""

from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.events.item import Item
from services.notifier.events.ordering import HELD_BYTES_MAX, HOLD_MAX_S, HOLD_S, LiveOrder
from services.notifier.events.poison import parse_subject
from services.notifier.events.position import FeedMark, Position
from shared.jetstream.stored_message import Entry
from tests import builders
from tests.unit.notifier.stored import OTHER_JOB, logged, noted, over, us


def order(log: int = 0, feed: FeedMark | None = None, *, watched: bool = True) -> LiveOrder:
    return LiveOrder(
        Position(log, feed or FeedMark()), is_watched=lambda _: watched, parse_subject=parse_subject
    )


def places(items: Iterable[Item]) -> list[str]:
    return [("feed" if item.is_note else "log") + str(item.entry.sequence) for item in items]


def test_events_pass_at_once() -> None:
    live = order()
    assert places(live.take_log(logged(builders.queued(), 1), 0)) == ["log1"]
    assert places(live.take_feed(noted(1))) == ["feed1"]
    assert places(live.take_log(logged(over(1), 2), 0)) == ["log2"]


@pytest.mark.clause("5.2")
def test_a_terminal_event_waits_for_the_last_output() -> None:
    live = order()
    assert live.take_log(logged(over(2), 1), 0) == []
    assert places(live.take_feed(noted(1))) == ["feed1"]
    assert places(live.take_feed(noted(2))) == ["feed2", "log1"]


def test_it_goes_before_a_note_that_shows_its_output_has_passed() -> None:
    live = order()
    live.take_log(logged(over(2), 1), 0)
    assert places(live.take_feed(noted(3, job=OTHER_JOB))) == ["log1", "feed3"]


def test_what_follows_of_the_same_user_waits_too() -> None:
    live = order()
    live.take_log(logged(over(2), 1), 0)
    assert live.take_log(logged(builders.queued(OTHER_JOB), 2), 0) == []
    assert live.take_log(logged(over(3, OTHER_JOB), 3), 0) == []
    assert places(live.take_feed(noted(2))) == ["feed2", "log1", "log2"]
    assert places(live.take_feed(noted(3, job=OTHER_JOB))) == ["feed3", "log3"]


@pytest.mark.clause("5.2")
def test_the_wait_is_longer_while_the_feed_cannot_be_read() -> None:
    live = order()
    live.take_log(logged(over(2), 1), 0)
    assert live.take_overdue(HOLD_S, feed_read_at=0.2) == []
    assert live.take_overdue(HOLD_MAX_S - 0.1, feed_read_at=0.2) == []
    assert places(live.take_overdue(HOLD_MAX_S, feed_read_at=0.2)) == ["log1"]


@pytest.mark.clause("5.2")
def test_the_wait_ends_when_the_feed_was_read_and_does_not_have_it() -> None:
    live = order()
    live.take_log(logged(over(2), 1), 0)
    assert live.take_overdue(HOLD_S + 1, feed_read_at=0) == []
    assert places(live.take_overdue(HOLD_S + 1, feed_read_at=1)) == ["log1"]


@pytest.mark.clause("5.2")
def test_output_that_comes_after_the_end_is_not_shown() -> None:
    live = order()
    live.take_log(logged(over(2), 1), 0)
    assert places(live.take_overdue(HOLD_S)) == ["log1"]
    assert live.take_feed(noted(2)) == []
    assert places(live.take_feed(noted(3, job=OTHER_JOB))) == ["feed3"]
    assert places(live.take_log(logged(builders.queued(), 2), 2)) == ["log2"]
    assert places(live.take_feed(noted(4))) == ["feed4"], "the key of an expired job may be used again"


def test_other_users_do_not_wait() -> None:
    live = order()
    live.take_log(logged(over(2), 1), 0)
    assert places(live.take_log(logged(builders.queued(user="bob"), 2), 0)) == ["log2"]


@pytest.mark.clause("5.2")
def test_the_wait_is_bounded() -> None:
    live = order()
    live.take_log(logged(over(99), 1), 0)
    live.take_log(logged(builders.queued(OTHER_JOB), 2), 0.5)
    live.take_log(logged(over(99, OTHER_JOB), 3), 0.5)
    assert live.take_overdue(HOLD_S - 0.1) == []
    assert places(live.take_overdue(HOLD_S)) == ["log1", "log2"]
    assert places(live.take_overdue(HOLD_S + 0.5)) == ["log3"]
    assert places(live.take_log(logged(builders.queued(), 4), 2)) == ["log4"]


def test_a_cursor_stays_before_what_is_held() -> None:
    live = order()
    live.take_log(logged(builders.queued(), 4), 0)
    live.take_log(logged(over(2), 5), 0)
    live.take_log(logged(builders.queued(user="bob"), 6), 0)
    [note] = live.take_feed(noted(1, 10))
    assert note.position == Position(4, FeedMark(us(10), 1))
    assert live.position(builders.USER).log == 4
    assert live.position("bob").log == 6
    *_, ended = live.take_feed(noted(2, 20))
    assert ended.position == Position(5, FeedMark(us(20), 2))
    assert live.position(builders.USER).log == 6


def test_what_was_before_the_start_is_skipped() -> None:
    live = order(5, FeedMark(us(10), 7))
    assert live.take_log(logged(builders.queued(), 5), 0) == []
    assert live.take_feed(noted(7, 10)) == []
    assert places(live.take_feed(noted(8, 10))) == ["feed8"]
    assert places(live.take_log(logged(over(7), 6), 0)) == ["log6"]


def test_a_feed_that_began_anew_is_shown_without_its_old_part() -> None:
    live = order()
    for sequence in (1, 2, 3):
        live.take_feed(noted(sequence, sequence))
    assert live.take_feed(noted(1, 1)) == []
    assert places(live.take_feed(noted(2, 50))) == ["feed2"]
    assert live.position(builders.USER).feed == FeedMark(us(50), 2)
    live.take_log(logged(over(3), 1), 0)
    assert places(live.take_feed(noted(3, 60))) == ["feed3", "log1"]


@pytest.mark.clause("5.2")
def test_a_terminal_event_waits_while_the_feed_may_use_sequences_again() -> None:
    live = order()
    live.take_feed(noted(200, 10))
    live.interrupt_feed()
    assert live.take_log(logged(over(195), 1), 0) == [], "195 may be another note by now"
    assert live.resume_feed(0) == []
    assert places(live.take_feed(noted(194, 20))) == ["feed194"]
    assert places(live.take_feed(noted(195, 30))) == ["feed195", "log1"]


@pytest.mark.clause("5.2")
def test_it_goes_when_the_feed_is_read_on_and_had_that_output() -> None:
    live = order()
    live.take_feed(noted(200, 10))
    live.interrupt_feed()
    assert live.take_log(logged(over(195), 1), 0) == []
    assert live.take_log(logged(over(0, OTHER_JOB, "bob"), 2), 0) != [], "without output it need not wait"
    assert places(live.resume_feed(200)) == ["log1"]
    assert places(live.take_log(logged(over(200), 3), 0)) == ["log3"]


def test_nothing_is_made_for_users_whom_nobody_watches() -> None:
    live = order(watched=False)
    assert live.take_log(logged(over(9), 1), 0) == []
    assert live.take_feed(noted(1, 10)) == []
    assert live.take_overdue(HOLD_S) == []
    assert live.position(builders.USER) == Position(1, FeedMark(us(10), 1))


def test_foreign_subjects_are_skipped() -> None:
    live = order()
    entry = logged(builders.queued(), 1)
    assert live.take_log(Entry(1, entry.stored_at, "jobs.x", b"{}"), 0) == []
    assert places(live.take_log(logged(builders.queued(), 2), 0)) == ["log2"]


@pytest.mark.clause("5.2")
@given(st.data())
def test_any_arrival_gives_every_entry_once_and_in_order(data: st.DataObject) -> None:
    """Two users, jobs that put out notes and end, the two followers in any interleaving."""
    log: list[Entry] = []
    feed: list[Entry] = []
    for number in range(data.draw(st.integers(1, 8))):
        user = data.draw(st.sampled_from(["alice", "bob"]))
        job = f"01890a5d-ac96-774b-bcce-b30209{number:06d}"
        log.append(logged(builders.queued(job, user), len(log) + 1))
        for _ in range(data.draw(st.integers(0, 3))):
            feed.append(noted(len(feed) + 1, len(feed) + 1, job=job, user=user))
        log.append(logged(over(len(feed), job, user), len(log) + 1))
    live = order()
    shown: list[Item] = []
    rest_log, rest_feed = list(log), list(feed)
    while rest_log or rest_feed:
        if rest_log and (not rest_feed or data.draw(st.booleans())):
            shown += live.take_log(rest_log.pop(0), 0)
        else:
            shown += live.take_feed(rest_feed.pop(0))
    assert sorted(places(shown)) == sorted(
        [f"log{e.sequence}" for e in log] + [f"feed{e.sequence}" for e in feed]
    )
    for user in ("alice", "bob"):
        _assert_story([item for item in shown if item.named.user_id == user])


def _assert_story(items: list[Item]) -> None:
    """In order, nothing of a job after its end, and a cursor that has seen exactly what came before."""
    seen = Position()
    over_jobs: set[str] = set()
    for number, item in enumerate(items):
        assert item.named.job_id not in over_jobs
        assert item.position.covers(seen)
        seen = item.position
        assert not any(later.is_covered_by(seen) for later in items[number + 1 :])
        assert all(earlier.is_covered_by(seen) for earlier in items[: number + 1])
        if item.is_terminal:
            over_jobs.add(item.named.job_id)


def test_what_is_held_is_bounded_in_bytes_and_the_longest_held_goes_first() -> None:
    live = order()
    size = HELD_BYTES_MAX // 4
    shown: list[str] = []
    for sequence in range(1, 11):
        entry = logged(over(sequence, builders.job_id(), f"user-{sequence}"), sequence)
        shown += places(live.take_log(msgspec.structs.replace(entry, payload=entry.payload.ljust(size)), 0))
        assert sequence - len(shown) <= 4
    assert shown == [f"log{sequence}" for sequence in range(1, 7)]
    assert places(live.take_feed(noted(10))) == ["log7", "log8", "log9", "feed10", "log10"]
