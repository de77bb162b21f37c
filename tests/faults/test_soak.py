"""A short soak: everything is measured, nothing is lost, and no cgroup outlives its executor."""

from pathlib import Path

import pytest

from tests.faults.chaos import Pace
from tests.faults.checker import check
from tests.faults.fleet import Fleet
from tests.faults.history_file import read
from tests.faults.report import report
from tests.faults.soak import SPARED, Samples, groups_of, plan_of, slope_an_hour
from tests.faults.whole_run import run

LASTS_S = 10.0


@pytest.mark.full
@pytest.mark.timeout(300)
async def test_a_short_soak(tmp_path: Path) -> None:
    samples = Samples(every_s=0.5)
    fleets: list[Fleet] = []

    async def watch(fleet: Fleet) -> None:
        fleets.append(fleet)
        await samples.take(fleet)

    plan = plan_of(LASTS_S, seed=1, pace=Pace(kill_every_s=2.0, trouble_every_s=4.0))
    await run(plan, tmp_path / "data", tmp_path / "history.jsonl", watch)
    history = read(tmp_path / "history.jsonl")
    verdict = check(history)
    assert verdict.violations == (), report(history, verdict)
    assert verdict.figures.jobs > 0
    # Who is to show its leaks was left alone, and others were not.
    killed = {fault.target.rpartition("-")[0] for fault in history.faults if fault.kind == "kill"}
    assert killed
    assert not killed & set(SPARED)
    for name in SPARED:
        for what in ("memory, MiB", "descriptors", "starts"):
            assert len(samples.values[f"{name}: {what}"]) > 5
    for name in ("jobs delivered, not ended", "consumers of the log", "projector-1: events behind"):
        assert samples.values[name]
    assert [name for name in samples.values if name in "\n".join(samples.report())] == list(samples.values)
    assert [group for executor in fleets[0].of("executor") for group in groups_of(executor)] == []


def test_a_slope_is_what_a_measure_grows_by_in_an_hour() -> None:
    assert slope_an_hour([(at, 5 + at / 1800) for at in (0.0, 10.0, 30.0)]) == pytest.approx(2.0)
    assert slope_an_hour([(0.0, 1.0)]) == 0.0
