"""How much an executor keeps at hand, and how it lets go of what it gave back."""

from services.executor.scheduling.delayed_deliveries import (
    DELAY_MAX_S,
    DELAY_MIN_S,
    MARGIN_S,
    CompletionRate,
    DelayedDeliveries,
)
from services.executor.scheduling.prefetch import PrefetchSize
from shared.jetstream.delivery import Delivery


def stock(*seconds: float, slots: int = 2) -> PrefetchSize:
    learned = PrefetchSize(slots)
    for one in seconds:
        learned.learn(one)
    return learned


def test_nothing_is_kept_while_nothing_is_known() -> None:
    assert stock().size({}, 0, is_contended=False) == 0


def test_as_many_as_there_are_slots_where_jobs_are_quick() -> None:
    assert stock(0.01).size({"a": 0, "b": 0}, 0.005, is_contended=False) == 2


def test_none_where_they_are_long() -> None:
    assert stock(2.0).size({"a": 0, "b": 0}, 0.005, is_contended=False) == 0


def test_what_runs_for_longer_than_usual_counts() -> None:
    quick = stock(0.01)
    assert quick.size({"a": 0, "b": 0}, 10, is_contended=False) == 0
    assert quick.size({"a": 0, "b": 10}, 10, is_contended=False) == 2


def test_one_is_at_hand_while_others_wait_elsewhere() -> None:
    assert stock().size({}, 0, is_contended=True) == 1
    assert stock(2.0).size({"a": 0}, 0, is_contended=True) == 1


def test_the_mean_follows_what_changes() -> None:
    changed = stock(*[0.01] * 20, *[2.0] * 20)
    assert changed.size({"a": 0, "b": 0}, 0, is_contended=False) == 0


def delivery(sequence: int) -> Delivery:
    return Delivery("jobs.a.b.queued", sequence, 1, "reply")


def test_what_was_sent_away_can_be_taken_once() -> None:
    delayed = DelayedDeliveries()
    delayed.add("a", delivery(1), DELAY_MIN_S, 0.0)
    assert delayed.count(0.0) == 1
    assert delayed.take("a", 0.0) == delivery(1)
    assert delayed.take("a", 0.0) is None


def test_what_is_nearly_due_is_somebody_elses() -> None:
    now = 0.0
    delayed = DelayedDeliveries()
    delayed.add("a", delivery(1), DELAY_MIN_S, now)
    delayed.add("b", delivery(2), DELAY_MIN_S * 2, now)
    now = DELAY_MIN_S - MARGIN_S
    assert delayed.take("a", now) is None
    delayed.add("a", delivery(3), DELAY_MIN_S, now)
    assert sorted(delayed.jobs(now)) == ["a", "b"]
    now += DELAY_MIN_S - MARGIN_S
    assert delayed.jobs(now) == ["b"]
    assert delayed.count(now) == 1


def test_the_farther_away_the_longer_it_may_stay_there() -> None:
    rate = CompletionRate(2)
    assert rate.delay_s(depth=10, lanes=1, now_s=0) == DELAY_MIN_S
    assert DELAY_MIN_S < rate.delay_s(depth=1_000, lanes=1, now_s=0) < DELAY_MAX_S
    assert rate.delay_s(depth=1_000, lanes=90, now_s=0) == DELAY_MAX_S


def test_where_much_ends_nothing_may_stay_away_for_long() -> None:
    now = 0.0
    rate = CompletionRate(2)
    before = rate.delay_s(depth=1_000, lanes=1, now_s=now)
    for _ in range(2_000):
        now += 0.01
        rate.count(now)
    assert rate.delay_s(depth=1_000, lanes=1, now_s=now) == DELAY_MIN_S
    now += 100
    assert rate.delay_s(depth=1_000, lanes=1, now_s=now) == before
