"""What an executor holds is counted as memory, which one emoji makes four times as much."""

import pytest

from services.executor.scheduling.held_deliveries import HeldDeliveries, memory_bytes
from shared.domain.events import JobQueued, SourceFile
from shared.jetstream.delivery import Delivery
from tests import builders

LARGE = 100_000


def holding(text: str) -> JobQueued:
    return builders.queued(builders.job_id(), args=(text,), labels={"a": "b"}, env={"c": "d"})


@pytest.mark.parametrize(("ending", "width"), [("a", 1), ("ä", 1), ("\u0416", 2), ("🦉", 4)])
def test_a_text_counts_as_wide_as_its_widest_character(ending: str, width: int) -> None:
    size = memory_bytes(holding("a" * (LARGE - 1) + ending))
    assert width * LARGE <= size < width * LARGE + 2_000


def test_every_text_of_a_submission_counts() -> None:
    text = "x" * LARGE
    source = SourceFile(name="main.py", content=text)
    whole = builders.queued(
        files=(source,), stdin=source, args=(text,), env={"A": text}, labels={"a": text}, artifacts=(text,)
    )
    assert memory_bytes(whole) >= 6 * LARGE


def test_what_is_beyond_the_bound_is_taken_away_again() -> None:
    held = HeldDeliveries(jobs_max=100, bytes_max=1_000_000)
    for sequence in range(1, 11):
        held.keep(holding("a" * (LARGE - 1) + "🦉"), Delivery("", sequence, 1, ""), builders.NOON)
    taken = [one.delivery.sequence for one in held.take_farthest(lambda _: True, besides=0)]
    assert taken == list(range(10, 2, -1))
    assert len(held) == 2
