"""The token bucket: a burst at once, the rate for ever after, and never more than both together."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.token_bucket import TokenBucket

ROUNDING = 1e-6
PAUSES_S = st.lists(st.floats(0, 20), max_size=60)
RATES = st.floats(0.01, 500)
BURSTS = st.floats(1, 50)


def test_a_burst_is_let_through_and_then_the_rate() -> None:
    bucket = TokenBucket(rate_per_s=2, burst=3, now=100.0)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(100.25)
    assert bucket.take(100.5)
    assert not bucket.take(100.5)


def test_a_refused_event_takes_nothing() -> None:
    bucket = TokenBucket(rate_per_s=1, burst=1, now=0.0)
    assert bucket.take(0.0)
    assert not any(bucket.take(at / 10) for at in range(1, 10))
    assert bucket.take(1.0)


def test_other_limits_hold_from_the_next_event_on() -> None:
    bucket = TokenBucket(rate_per_s=1, burst=10, now=0.0)
    bucket.resize(rate_per_s=1, burst=2)
    assert [bucket.take(0.0) for _ in range(3)] == [True, True, False]
    bucket.resize(rate_per_s=4, burst=2)
    assert bucket.take(0.25)


@given(RATES, BURSTS, PAUSES_S)
def test_no_span_of_time_lets_more_through_than_burst_and_rate(
    rate_per_s: float, burst: float, pauses_s: list[float]
) -> None:
    bucket = TokenBucket(rate_per_s=rate_per_s, burst=burst, now=0.0)
    now, taken_at = 0.0, []
    for pause_s in pauses_s:
        now += pause_s
        taken_at += [now] * sum(bucket.take(now) for _ in range(3))
    for first, began in enumerate(taken_at):
        for last, ended in enumerate(taken_at[first:]):
            assert last + 1 <= burst + (ended - began) * rate_per_s + ROUNDING


@given(RATES, BURSTS, PAUSES_S)
def test_an_event_is_let_through_after_the_wait_and_not_before(
    rate_per_s: float, burst: float, pauses_s: list[float]
) -> None:
    bucket = TokenBucket(rate_per_s=rate_per_s, burst=burst, now=0.0)
    now = 0.0
    for pause_s in pauses_s:
        now += pause_s
        if not bucket.take(now):
            wait_s = bucket.wait_s(1)
            assert not bucket.take(now + wait_s * 0.99 - ROUNDING / rate_per_s) or wait_s < ROUNDING
            now += wait_s + ROUNDING / rate_per_s
            assert bucket.take(now)
        assert 0 <= bucket.tokens <= burst
