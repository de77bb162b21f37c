"""One user's jobs start in the order in which they were accepted, and no more than K of them run at once."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from shared.domain.events import JobQueued, JobRunning
from tests.faults.rules.story import Story
from tests.faults.rules.violation import Violation


@dataclass(slots=True)
class _Lane:
    """A user's unfinished jobs in the order of the log, and those of them that run."""

    unfinished: dict[str, JobQueued] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)


def check_lanes(story: Story) -> Iterator[Violation]:
    """A job may start once fewer than K earlier jobs of its user are unfinished."""
    lanes: dict[str, _Lane] = defaultdict(_Lane)
    for fact in story.facts:
        job_id, lane = fact.event.job_id, lanes[fact.event.user_id]
        if isinstance(fact.event, JobQueued):
            lane.unfinished.setdefault(job_id, fact.event)
        elif isinstance(fact.event, JobRunning):
            if job_id in lane.unfinished and job_id not in lane.running:
                yield from _check_start(job_id, lane, fact.sequence)
            lane.running.add(job_id)
        elif fact.is_terminal:
            lane.unfinished.pop(job_id, None)
            lane.running.discard(job_id)


def _check_start(job_id: str, lane: _Lane, sequence: int) -> Iterator[Violation]:
    earlier = list(lane.unfinished)[: list(lane.unfinished).index(job_id)]
    most = lane.unfinished[job_id].concurrency
    if len(earlier) < most:
        return
    beside = [one for one in earlier if one in lane.running]
    if len(beside) >= most:
        yield Violation("overlap", job_id, f"started at {sequence} beside {beside}, and K is {most}")
    else:
        yield Violation("out_of_turn", job_id, f"started at {sequence} before {earlier}, and K is {most}")
