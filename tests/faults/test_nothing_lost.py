"""Six hundred jobs of thirty users while a random process is killed every two seconds, and everything else
that befalls processes and connections in between: every promise is kept. `tests.faults.run` does the same for
as long as one likes.
"""

from pathlib import Path

import pytest

from tests.faults.chaos import Pace
from tests.faults.checker import check
from tests.faults.history_file import read
from tests.faults.report import report
from tests.faults.whole_run import Plan, run

PACE = Pace(kill_every_s=2.0, trouble_every_s=1.0, kills_max=12, troubles_max=16)
PLAN = Plan(jobs=600, users=30, seed=1, pace=PACE)
KINDS = {"kill", "pause", "restart", "latency", "reset", "black", "bandwidth", "single"}


@pytest.mark.full
@pytest.mark.timeout(600)
async def test_nothing_is_lost_whatever_fails(tmp_path: Path) -> None:
    history_file = tmp_path / "history.jsonl"
    await run(PLAN, tmp_path / "data", history_file)
    history = read(history_file)
    verdict = check(history)
    assert verdict.violations == (), report(history, verdict)
    assert verdict.figures.jobs == PLAN.jobs
    # The attack happened: every kind of fault, jobs whose executor died, connections that broke.
    assert {fault.kind.split()[0] for fault in history.faults} == KINDS
    assert verdict.figures.later_attempts > 0
    assert verdict.figures.calls_repeated > 0
    assert verdict.figures.resumes > PLAN.users
