"""What is counted of a history: how long a dead executor's job waited, and who was superseded alive."""

from datetime import datetime, timedelta

import pytest

from tests import builders
from tests.faults.figures import figures_of
from tests.faults.history import Began, Fault, History, Life
from tests.faults.rules.story import story_of
from tests.faults.sound_log import BEGAN, STEP, stored_at

FIRST, SECOND = "executor-1-1", "executor-2-1"
DIED_AT = BEGAN + 2.5 * STEP
"""Between `running` and what follows."""

LOG = [
    stored_at(1, builders.queued()),
    stored_at(2, builders.running(executor_id=FIRST)),
    stored_at(1_000, builders.running(attempt=2, executor_id=SECOND)),
    stored_at(1_001, builders.completed(attempt=2)),
]
AGAIN_AT = LOG[2].stored_at


def history(ended_at: datetime | None, code: int | None, *faults: Fault) -> History:
    """The first executor ended then and so."""
    lives = (
        Life(name=FIRST, service="executor", pid=1, began_at=BEGAN, ended_at=ended_at, exit_code=code),
        Life(name=SECOND, service="executor", pid=2, began_at=BEGAN),
        Life(name="nats-1", service="nats", pid=3, began_at=BEGAN),
    )
    return History(Began(at=BEGAN, seed=0), log=tuple(LOG), lives=lives, faults=faults)


def fault(kind: str, target: str, at: datetime) -> Fault:
    return Fault(kind=kind, target=target, began_at=at)


def test_a_dead_executors_job_runs_again() -> None:
    told = history(DIED_AT, -9, fault("kill", FIRST, DIED_AT))
    figures = figures_of(told, story_of(told.log))
    (rerun,) = figures.reruns
    assert rerun.after_s == rerun.calm_s == pytest.approx((AGAIN_AT - DIED_AT).total_seconds())
    assert not rerun.is_disturbed
    assert figures.overlaps == ()
    assert figures.later_attempts == 1


def test_it_waits_for_others_too() -> None:
    at = AGAIN_AT - timedelta(seconds=1)
    told = history(DIED_AT, -9, fault("kill", FIRST, DIED_AT), fault("kill", "nats-1", at))
    (rerun,) = figures_of(told, story_of(told.log)).reruns
    assert rerun.is_disturbed
    assert rerun.calm_s == pytest.approx(1.0)
    assert rerun.after_s > 9


def test_an_executor_that_was_paused_is_superseded_alive() -> None:
    told = history(None, None, fault("pause", FIRST, DIED_AT))
    figures = figures_of(told, story_of(told.log))
    assert figures.reruns == ()
    (overlap,) = figures.overlaps
    assert (overlap.attempt, overlap.executor, overlap.why) == (1, FIRST, "pause")


def test_what_ended_in_peace_did_not_end_under_faults() -> None:
    kill = fault("kill", FIRST, DIED_AT)
    told = history(DIED_AT, -9, kill)
    figures = figures_of(told, story_of(told.log))
    assert figures.ended_by_then == 0
    assert figures.disturbed_s == pytest.approx((DIED_AT - BEGAN).total_seconds())
    later = history(DIED_AT, -9, kill, fault("kill", SECOND, LOG[3].stored_at))
    assert figures_of(later, story_of(later.log)).ended_by_then == 1
