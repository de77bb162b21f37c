"""How much an executor keeps at hand, and how it lets go of what it gave back."""

from services.executor.scheduling.delayed_deliveries import (
    DELAY_MAX_S,
    DELAY_MIN_S,
    MARGIN_S,
    CompletionRate,
    DelayedDeliveries,
)
from services.executor.scheduling.prefetch import PrefetchSize
from shared.consumer import Delivery


def stock(*seconds: float, slots: int = 2) -> PrefetchSize:
    learned = PrefetchSize(slots)
    for one in seconds:
        learned.learn(one)
    return learned


def test_nothing_is_kept_while_nothing_is_known() -> None:
    assert stock().size({}, 0, nobody_is_idle=False) == 0


def test_as_many_as_there_are_slots_where_jobs_are_quick() -> None:
    assert stock(0.01).size({"a": 0, "b": 0}, 0.005, nobody_is_idle=False) == 2


def test_none_where_they_are_long() -> None:
    assert stock(2.0).size({"a": 0, "b": 0}, 0.005, nobody_is_idle=False) == 0


def test_what_runs_for_longer_than_usual_counts() -> None:
    quick = stock(0.01)
    assert quick.size({"a": 0, "b": 0}, 10, nobody_is_idle=False) == 0
    assert quick.size({"a": 0, "b": 10}, 10, nobody_is_idle=False) == 2


def test_one_is_at_hand_while_others_wait_elsewhere() -> None:
    assert stock().size({}, 0, nobody_is_idle=True) == 1
    assert stock(2.0).size({"a": 0}, 0, nobody_is_idle=True) == 1


def test_the_mean_follows_what_changes() -> None:
    changed = stock(*[0.01] * 20, *[2.0] * 20)
    assert changed.size({"a": 0, "b": 0}, 0, nobody_is_idle=False) == 0


def delivery(sequence: int) -> Delivery:
    return Delivery("jobs.a.b.queued", sequence, 1, "reply")


def test_what_was_sent_away_can_be_taken_once() -> None:
    parked = DelayedDeliveries(lambda: 0.0)
    parked.add("a", delivery(1), DELAY_MIN_S)
    assert len(parked) == 1
    assert parked.take("a") == delivery(1)
    assert parked.take("a") is None


def test_what_is_nearly_due_is_somebody_elses() -> None:
    now = 0.0
    parked = DelayedDeliveries(lambda: now)
    parked.add("a", delivery(1), DELAY_MIN_S)
    parked.add("b", delivery(2), DELAY_MIN_S * 2)
    now = DELAY_MIN_S - MARGIN_S
    assert parked.take("a") is None
    parked.add("a", delivery(3), DELAY_MIN_S)
    assert sorted(parked) == ["a", "b"]
    now += DELAY_MIN_S - MARGIN_S
    assert list(parked) == ["b"]
    assert len(parked) == 1


def test_the_farther_away_the_longer_it_may_stay_there() -> None:
    pace = CompletionRate(2, lambda: 0.0)
    assert pace.delay_s(depth=10, lanes=1) == DELAY_MIN_S
    assert DELAY_MIN_S < pace.delay_s(depth=1_000, lanes=1) < DELAY_MAX_S
    assert pace.delay_s(depth=1_000, lanes=90) == DELAY_MAX_S


def test_where_much_ends_nothing_may_stay_away_for_long() -> None:
    now = 0.0
    pace = CompletionRate(2, lambda: now)
    before = pace.delay_s(depth=1_000, lanes=1)
    for _ in range(2_000):
        now += 0.01
        pace.ended()
    assert pace.delay_s(depth=1_000, lanes=1) == DELAY_MIN_S
    now += 100
    assert pace.delay_s(depth=1_000, lanes=1) == before
