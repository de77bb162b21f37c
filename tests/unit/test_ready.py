"""How long a local stack waits for a service: for one that comes on, as long as it takes."""

from headrace.local.ready import READY_WITHIN_S, Patience, behind_of


def test_one_that_reads_on_is_waited_for() -> None:
    patience = Patience(until=READY_WITHIN_S)
    for minute in range(100):
        patience.hear(1_000_000 - minute, minute * 50.0)
    assert patience.until == 99 * 50.0 + READY_WITHIN_S


def test_one_that_stands_still_is_not() -> None:
    patience = Patience(until=READY_WITHIN_S)
    patience.hear(500, 10.0)
    for behind in (500, 501, None):
        patience.hear(behind, 20.0)
    assert patience.until == 10.0 + READY_WITHIN_S


def test_what_readyz_says() -> None:
    assert behind_of({}) is None
    assert behind_of({"status": "unready", "facts": {"broker": {"server": "x"}}}) is None
    log, feed = {"stream": "JOBS", "behind": 7}, {"stream": "FEED", "behind": None}
    assert behind_of({"facts": {"log": log, "feed": feed, "broker": {}}}) == 7
