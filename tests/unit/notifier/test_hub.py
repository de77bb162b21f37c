"""Who is offered what, and what a subscription makes of it before and after it is live."""

import json
from typing import Any

import pytest

from services.notifier.events.hub import Hub
from services.notifier.events.item import Text
from services.notifier.events.position import FeedMark, Position
from services.notifier.events.subscription import KEPT_BYTES_MAX, Subscription
from services.notifier.transports.headrace_v1.encoding import ENCODING
from shared.jetstream.stored_message import Entry
from tests import builders
from tests.unit.notifier.stored import OTHER_JOB, live, logged, noted, over, us


class Seen(list[dict[str, Any]]):
    """What one client was sent."""

    def __init__(self, user: str = builders.USER, job: str | None = None) -> None:
        super().__init__()
        self.completed = self.behind = 0
        self.has_room = True
        self.subscription = Subscription(
            user,
            "s",
            job,
            encoding=ENCODING,
            send=self.take,
            on_complete=self.complete,
            on_behind=self.fall_behind,
        )

    def take(self, text: Text) -> bool:
        if text.is_bulk and not self.has_room:
            return False
        self.append(json.loads(text.payload))
        return True

    def complete(self) -> None:
        self.completed += 1

    def fall_behind(self) -> None:
        self.behind += 1

    def sequences(self) -> list[int]:
        return [message["event"]["seq"] for message in self if message["type"] == "event"]

    def cursors(self) -> list[str]:
        return [message["event"]["cursor"] for message in self if message["type"] == "event"]


def test_items_go_to_those_who_asked() -> None:
    hub = Hub()
    every, one, other_job, other_user = Seen(), Seen(job=builders.JOB), Seen(job=OTHER_JOB), Seen("bob")
    for seen in (every, one, other_job, other_user):
        hub.add(seen.subscription)
    hub.publish([live(logged(builders.queued(), 1)), live(logged(builders.queued(OTHER_JOB), 2))])
    assert every.sequences() == [1, 2]
    assert one.sequences() == [1]
    assert other_job.sequences() == [2]
    assert other_user == []


def test_a_user_is_watched_while_somebody_watches() -> None:
    hub = Hub()
    one, two = Seen(), Seen(job=builders.JOB)
    assert not hub.is_watched(builders.USER)
    hub.add(one.subscription)
    hub.add(two.subscription)
    hub.remove(one.subscription)
    assert hub.is_watched(builders.USER)
    hub.remove(two.subscription)
    hub.remove(two.subscription)
    assert not hub.is_watched(builders.USER)


@pytest.mark.clause("5.4")
def test_the_end_of_its_job_ends_a_subscription() -> None:
    hub = Hub()
    one, every = Seen(job=builders.JOB), Seen()
    hub.add(one.subscription)
    hub.add(every.subscription)
    hub.publish([live(logged(over(0), 1)), live(noted(1))])
    assert [message["type"] for message in one] == ["event", "complete"]
    assert one.completed == 1
    assert [message["type"] for message in every] == ["event", "event"]
    hub.remove(every.subscription)
    assert not hub.is_watched(builders.USER)


def test_poison_is_shown_to_nobody() -> None:
    seen = Seen(job=builders.JOB)
    event = logged(over(0), 1)
    seen.subscription.offer(live(Entry(1, event.stored_at, event.subject, b"\xff")))
    assert seen == []
    assert seen.completed == 0


def test_one_text_is_encoded_once_for_all_who_call_it_the_same() -> None:
    texts: list[Text] = []

    def take(text: Text) -> bool:
        texts.append(text)
        return True

    item = live(logged(builders.queued(), 1))
    for _ in range(2):
        subscription = Subscription(
            "alice", "s", None, encoding=ENCODING, send=take, on_complete=lambda: None
        )
        subscription.offer(item)
    assert texts[0] is texts[1]


def test_what_was_seen_is_not_shown_again() -> None:
    seen = Seen()
    seen.subscription.advance(Position(2, FeedMark(us(10), 5)))
    for sequence in (1, 2, 3):
        seen.subscription.offer(live(logged(builders.queued(), sequence)))
    seen.subscription.offer(live(noted(5, 10)))
    seen.subscription.offer(live(noted(6, 11), Position(3, FeedMark(us(11), 6))))
    assert seen.cursors() == [f"3-{us(10)}.5", f"3-{us(11)}.6"]


def test_a_cursor_never_steps_back_behind_the_replayed_history() -> None:
    """The hub may be a moment behind the log that the history was read from."""
    seen = Seen()
    seen.subscription.advance(Position(100, FeedMark(us(10), 5)))
    seen.subscription.offer(live(noted(6, 11), Position(95, FeedMark(us(11), 6))))
    seen.subscription.offer(live(logged(builders.queued(), 96), Position(96, FeedMark(us(11), 6))))
    seen.subscription.offer(live(logged(builders.queued(), 101), Position(101, FeedMark(us(11), 6))))
    assert seen.cursors() == [f"100-{us(11)}.6", f"101-{us(11)}.6"]


def test_items_are_kept_aside_until_it_is_live() -> None:
    seen = Seen()
    seen.subscription.start_buffering()
    items = [live(logged(builders.queued(), sequence)) for sequence in (1, 2)]
    for item in items:
        seen.subscription.offer(item)
    assert seen == []
    assert [seen.subscription.take_kept() for _ in range(3)] == [*items, None]
    seen.subscription.go_live()
    seen.subscription.offer(live(logged(builders.queued(), 3)))
    assert seen.sequences() == [3]


def test_what_is_kept_aside_is_bounded() -> None:
    seen = Seen()
    seen.subscription.start_buffering()
    large = builders.queued(labels={"large": "x" * KEPT_BYTES_MAX})
    seen.subscription.offer(live(logged(builders.queued(), 1)))
    assert not seen.subscription.buffer_overflowed()
    seen.subscription.offer(live(logged(large, 2)))
    seen.subscription.offer(live(logged(builders.queued(), 3)))
    assert seen.subscription.buffer_overflowed()
    assert seen.subscription.take_kept() is None
    seen.subscription.start_buffering()
    assert not seen.subscription.buffer_overflowed()


def test_what_is_kept_aside_goes_when_the_feed_may_have_lost_it() -> None:
    """It would be shown after a history that has it not, and its place says nothing any more."""
    hub = Hub()
    caught_up, live_one = Seen(), Seen()
    hub.add(caught_up.subscription)
    hub.add(live_one.subscription)
    caught_up.subscription.start_buffering()
    hub.publish([live(noted(1))])
    hub.interrupt()
    hub.publish([live(noted(2))])
    assert caught_up.subscription.buffer_overflowed(), "the history is read again"
    assert caught_up.subscription.take_kept() is None
    assert (len(live_one), live_one.behind) == (2, 0)


@pytest.mark.clause("9.1")
def test_a_live_one_without_room_is_behind_and_has_not_seen_what_it_was_not_shown() -> None:
    hub = Hub()
    seen = Seen()
    hub.add(seen.subscription)
    hub.publish([live(logged(builders.queued(), 1))])
    seen.has_room = False
    hub.publish([live(logged(builders.queued(), sequence)) for sequence in (2, 3)])
    seen.has_room = True
    hub.publish([live(logged(builders.queued(), 4))])
    assert (seen.sequences(), seen.behind) == ([1], 1)
    assert seen.subscription.seen.log == 1, "it goes on from there"
    assert seen.subscription.buffer_overflowed(), "nothing is kept until the history is read"


@pytest.mark.clause("5.4")
def test_the_end_of_a_job_without_room_does_not_complete_it() -> None:
    seen = Seen(job=builders.JOB)
    seen.has_room = False
    seen.subscription.offer(live(logged(over(0), 1)))
    assert (list(seen), seen.completed, seen.behind) == ([], 0, 1)
