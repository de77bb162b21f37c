"""A verdict in words."""

from collections.abc import Iterator, Sequence

from tests.faults.checker import Verdict
from tests.faults.figures import nearest_rank
from tests.faults.history import History

SHOWN_MAX = 20


def report(history: History, verdict: Verdict) -> str:
    """Lines for people, and for docs/reliability.md."""
    return "\n".join(_lines(history, verdict)) + "\n"


def _lines(history: History, verdict: Verdict) -> Iterator[str]:
    figures = verdict.figures
    yield f"seed {history.began.seed}; {history.began.options.get('plan', '')}"
    yield f"jobs                       {figures.jobs} in {figures.lasted_s:.0f} s; {_counts(figures.endings)}"
    yield f"faults                     {figures.faults.total()}: {_counts(figures.faults)}"
    disturbed = f"for {figures.disturbed_s:.0f} s, until {figures.ended_by_then} jobs had ended"
    yield f"disturbed                  {disturbed}"
    yield f"requests                   {figures.calls}, {figures.calls_repeated} of them in vain"
    yield f"connections of subscribers {figures.connections}, {figures.resumes} of them resumed"
    yield f"events shown               {figures.events_shown}; gaps of the feed told: {figures.gaps_of_feed}"
    yield f"notes of older attempts    {figures.late_notes} after the end of their job"
    yield f"attempts beyond the first  {figures.later_attempts}"
    yield f"late results refused       {figures.refused}"
    whys = sorted({overlap.why for overlap in figures.overlaps})
    yield f"superseded while alive     {len(figures.overlaps)}: {'; '.join(whys) or '-'}"
    undisturbed = [rerun for rerun in figures.reruns if not rerun.is_disturbed]
    yield f"dead executor's job again  {_times([rerun.after_s for rerun in figures.reruns])}"
    yield f"  where no other fault was {_times([rerun.after_s for rerun in undisturbed])}"
    yield f"  since the last fault     {_times([rerun.calm_s for rerun in figures.reruns])}"
    yield f"verdict                    {len(verdict.violations)} violations {_counts(verdict.kinds)}".rstrip()
    for violation in verdict.violations[:SHOWN_MAX]:
        yield f"  {violation}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def _times(seconds: Sequence[float]) -> str:
    if not seconds:
        return "none"
    p50, p99 = nearest_rank(seconds, 50), nearest_rank(seconds, 99)
    return f"{len(seconds)} jobs: p50 {p50:.1f} s, p99 {p99:.1f} s, max {max(seconds):.1f} s"
