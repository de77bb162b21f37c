"""When an executor starts nothing because it cannot make cells, and what becomes of a job that got none."""

import pytest

from services.executor.scheduling.circuit import (
    PAUSE_FIRST_S,
    PAUSE_MOST_S,
    REFUSALS_MAX,
    Closed,
    Doubtful,
    GiveUp,
    Later,
    Open,
    after_failure,
    after_trial,
    decide_refusal,
    is_hopeless,
    pause_s,
    trial_at_s,
)

WHY = "fork: Resource temporarily unavailable"
OPEN = Open(WHY, since_s=100.0, trials=1, trial_at_s=101.0)


def test_one_failure_asks_for_a_trial_at_once() -> None:
    doubtful = after_failure(Closed(), WHY, 100.0)
    assert doubtful == Doubtful(WHY, 100.0)
    assert trial_at_s(doubtful) == 100.0


def test_a_trial_that_succeeds_closes() -> None:
    assert after_trial(Doubtful(WHY, 100.0), None, 100.1, 0.5) == Closed()
    assert after_trial(OPEN, None, 130.0, 0.5) == Closed()


def test_a_trial_that_fails_opens_and_the_next_comes_later_and_later() -> None:
    state = after_trial(Doubtful(WHY, 100.0), "no memory", 100.1, 0.5)
    assert state == Open("no memory", 100.0, 1, 100.1 + PAUSE_FIRST_S)
    pauses = []
    for _ in range(10):
        now_s = trial_at_s(state)
        assert now_s is not None
        state = after_trial(state, WHY, now_s, 0.5)
        pauses.append((trial_at_s(state) or 0.0) - now_s)
    assert [round(each, 6) for each in pauses] == [2.0, 4.0, 8.0, 16.0, *[PAUSE_MOST_S] * 6]


def test_more_failures_neither_close_nor_hurry() -> None:
    assert after_failure(OPEN, "other", 105.0) == Open("other", 100.0, 1, 101.0)
    assert after_failure(Doubtful(WHY, 100.0), "other", 100.1) == Doubtful("other", 100.0)


def test_a_trial_of_a_closed_circuit_changes_nothing() -> None:
    assert after_trial(Closed(), WHY, 1.0, 0.5) == Closed()


@pytest.mark.parametrize("count", [0, 1, 5, 1000])
def test_pauses_are_spread_by_half(count: int) -> None:
    assert pause_s(count, 0.0) == 0.6 * pause_s(count, 1.0) == 0.75 * pause_s(count, 0.5)


@pytest.mark.parametrize(
    ("now_s", "ended_s", "age_s", "hopeless"),
    [
        (161.0, 0.0, 61.0, True),
        (159.0, 0.0, 61.0, False),  # not for long enough
        (161.0, 120.0, 61.0, False),  # another executor ends jobs
        (161.0, 0.0, 59.0, False),  # the job came later
    ],
)
def test_a_job_waits_as_long_as_there_is_hope(
    now_s: float, ended_s: float, age_s: float, *, hopeless: bool
) -> None:
    assert is_hopeless(OPEN, now_s=now_s, ended_s=ended_s, age_s=age_s, patience_s=60.0) is hopeless


def test_there_is_hope_while_cells_can_be_made() -> None:
    for state in (Closed(), Doubtful(WHY, 0.0)):
        assert not is_hopeless(state, now_s=1e6, ended_s=0.0, age_s=1e6, patience_s=60.0)


def test_a_refused_job_comes_again_later_and_later() -> None:
    delays = []
    for refused in range(REFUSALS_MAX):
        decision = decide_refusal(refused, why=WHY, hopeless=False, patience_s=60.0, chance=0.5)
        assert isinstance(decision, Later)
        delays.append(decision.delay_s)
    assert delays == sorted(delays)
    assert sum(delays) > 60.0


@pytest.mark.parametrize(("refused", "hopeless"), [(REFUSALS_MAX, False), (0, True)])
def test_it_ends_with_the_reason(refused: int, *, hopeless: bool) -> None:
    decision = decide_refusal(refused, why=WHY, hopeless=hopeless, patience_s=60.0, chance=0.5)
    assert isinstance(decision, GiveUp)
    assert WHY in decision.why
