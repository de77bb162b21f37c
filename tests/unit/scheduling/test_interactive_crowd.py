"""Many interactive jobs that find no slot: other jobs are found behind them, and they do not go round."""

import pytest

from services.executor.scheduling.fetch_policy import SWEEP_MAX
from services.executor.scheduling.slot_policy import ASIDE_EACH_S, ASIDE_MAX_S
from tests.unit.scheduling.test_core import Bench
from tests.unit.scheduling.test_interactive import given_back, started, talk


def crowd(bench: Bench, count: int) -> list[str]:
    """The only slot is taken, and so many jobs wait for it."""
    talk(bench, "first")
    bench.start("first")
    jobs = [f"t{number}" for number in range(count)]
    for job in jobs:
        talk(bench, job, user=job)
    return jobs


@pytest.mark.parametrize(("count", "delay_s"), [(100, 100 * ASIDE_EACH_S), (6_500, ASIDE_MAX_S)])
def test_the_more_wait_the_later_each_comes_again(count: int, delay_s: float) -> None:
    """Found with a thousand: they were delivered 700 times a second, and other jobs waited for seconds."""
    bench = Bench(interactive_slots=1)
    job = crowd(bench, count)[0]
    assert given_back(bench.deliver(job)) == [(bench.delivery(job).sequence, delay_s)]


def test_other_jobs_are_looked_for_behind_them() -> None:
    bench = Bench(interactive_slots=1)
    jobs = crowd(bench, 600)
    bench.queue("computes", user="carol")
    for job in jobs[:12]:
        bench.deliver(job)
    assert bench.fetched() == SWEEP_MAX
    assert started(bench.deliver("computes")) == ["computes"]
