"""Times, durations and sizes as a person reads them."""

from datetime import UTC, datetime, timedelta

import pytest

from headrace.cli.readable import ago, duration, local, size

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (999.6, "1.0 s"),
        (1_234, "1.2 s"),
        (59_940, "59.9 s"),
        (59_960, "1 min 0 s"),
        (125_000, "2 min 5 s"),
        (3_599_900, "1 h 0 min"),
        (7_325_000, "2 h 2 min"),
        (86_399_000, "1 d 0 h"),
        (90_000_000, "1 d 1 h"),
    ],
)
def test_a_duration_has_the_units_that_fit(ms: float, text: str) -> None:
    assert duration(ms) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (2**28, "256 MiB"), (2**45, "32 TiB")],
)
def test_a_size_has_binary_units(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s ago"), (59, "59 s ago"), (60, "1 min ago"), (7_300, "2 h ago")]
)
def test_what_was_lately_is_told_by_its_distance(seconds: int, text: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize("days", [1, -1])
def test_what_is_far_away_is_told_by_its_time(days: int) -> None:
    then = NOW - timedelta(days=days)
    assert ago(then, NOW) == local(then) == f"{then.astimezone():%Y-%m-%d %H:%M:%S %Z}"
