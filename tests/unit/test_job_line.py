"""What is said of a job that is waited for: why it is queued, then its stage and since when."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from headrace.cli.job_line import JobLine, queue_reason
from headrace.cli.waiting_line import WaitingLine
from headrace.client.models import JobShown, WaitingFor
from shared.contract.codec import EventObject
from tests import builders


class Recorder(WaitingLine):
    """A line that keeps what it was told, with whole seconds."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.told: list[tuple[str, int | None]] = []

    def tell(self, text: str, *, lasted_s: float | None = None) -> None:
        self.told.append((text, None if lasted_s is None else int(lasted_s)))


def job(waiting_for: WaitingFor | None = None, **changes: object) -> JobShown:
    fields = {**msgspec.structs.asdict(builders.record()), **changes}
    return JobShown(**fields, waiting_for=waiting_for)


def event(kind: str, ago_s: float, **data: object) -> EventObject:
    stored_at = datetime.now(UTC) - timedelta(seconds=ago_s)
    return EventObject(
        cursor="",
        type=f"job.{kind}.v1",
        job_id=builders.JOB,
        time=stored_at.isoformat(),
        stored_at=stored_at,
        data=data,
    )


@pytest.mark.parametrize(
    ("waiting_for", "reason"),
    [
        (WaitingFor(reason="earlier_jobs", position=1), "behind 1 earlier job of yours"),
        (WaitingFor(reason="earlier_jobs", position=3), "behind 3 earlier jobs of yours"),
        (WaitingFor(reason="executor", position=3), "until an executor has python: none has now"),
        (WaitingFor(reason="slot"), "until a slot is free"),
        (WaitingFor(reason="something newer"), None),
        (None, None),
    ],
)
def test_a_queued_job_waits_for_something(waiting_for: WaitingFor | None, reason: str | None) -> None:
    line = Recorder()
    JobLine(line, job(waiting_for))
    assert queue_reason(job(waiting_for)) == reason
    assert line.told == [("queued" if reason is None else f"queued {reason}", None)]


def test_each_stage_is_told_once_with_how_long_it_has_lasted() -> None:
    line = Recorder()
    told = JobLine(line, job())
    told.show(event("running", 9.5, attempt=1))
    told.show(event("progress", 8.5, stage="compile", percent=0))
    told.show(event("progress", 5.5, stage="compile", percent=50))
    told.show(event("progress", 4.5, stage="run", percent=50))
    told.show(event("output", 3.5, stage="run"))
    told.show(event("cancel_requested", 2.5))
    assert line.told[1:] == [("running", 9), ("compiling", 8), ("running", 4), ("cancelling", None)]


def test_a_job_that_runs_already_is_told_since_its_start() -> None:
    line = Recorder()
    JobLine(line, job(status="running", started_at=datetime.now(UTC) - timedelta(seconds=7.5)))
    assert line.told == [("running", 7)]


def test_nothing_is_told_of_a_job_that_has_ended() -> None:
    line = Recorder()
    JobLine(line, job(status="completed", finished_at=datetime.now(UTC)))
    assert line.told == []
