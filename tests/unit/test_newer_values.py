"""A job whose events a newer version wrote is known, ends, and is shown, by everything that folds events."""

import io
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from headrace.cli.job_sheet import show_job
from headrace.cli.listings import jobs_listing, states_listing
from headrace.cli.render import event_fields, event_line
from headrace.cli.run import EXIT_FAILED, EXIT_TIMEOUT, exit_code, explain
from headrace.client.models import JobShown
from headrace.history.check import check_history
from headrace.history.file import Header, write_history
from headrace.history.replay import states_at
from services.executor.scheduling.unfinished_jobs import Change, UnfinishedJobs
from services.projector.queries import count_jobs, list_jobs
from services.projector.rows import select_record
from services.projector.view import Applied, apply_entries
from shared.contract.codec import EventObject, event_object
from shared.contract.view_api import JobsQuestion
from shared.domain.cursor import of_log
from shared.domain.events import Event, JobFailed, JobTimeout, Terminal
from shared.domain.job import Finished
from shared.domain.record import JobRecord, fold
from shared.domain.result import Result, StageReport
from shared.jetstream.job_history import is_end
from shared.jetstream.stored_message import Entry
from tests import builders
from tests.newer import from_newer, subject_of
from tests.unit.projector.histories import empty_view
from tests.unit.test_replay import each

STAGES = tuple(StageReport(name=name, wall_ms=1, cpu_ms=1) for name in ("compile", "run"))
RESULT = msgspec.structs.replace(builders.result(), stages=STAGES)
ENDS: tuple[Terminal, ...] = (
    msgspec.structs.replace(builders.completed(), result=RESULT),
    msgspec.structs.replace(builders.failed(), result=RESULT),
    msgspec.structs.replace(builders.timeout(), result=RESULT),
    msgspec.structs.replace(builders.cancelled(attempt=1), result=RESULT),
)
STATUSES = ("completed", "failed", "timeout", "cancelled")
each_end = pytest.mark.parametrize(("end", "status"), list(zip(ENDS, STATUSES, strict=True)), ids=STATUSES)


def stored(*events: Event) -> list[Entry]:
    """As a newer version has stored them."""
    return [
        Entry(sequence, builders.NOON + timedelta(seconds=sequence), subject_of(event), from_newer(event))
        for sequence, event in enumerate(events, start=1)
    ]


def life(end: Event) -> list[Entry]:
    return stored(builders.queued(), builders.running(), end)


def shown(entries: list[Entry]) -> list[EventObject]:
    return [
        event_object(
            entry.payload,
            cursor=of_log(entry.sequence, entry.stored_at),
            stored_at=entry.stored_at,
            seq=entry.sequence,
        )
        for entry in entries
    ]


def folded(entries: list[Entry]) -> JobRecord:
    record = None
    for entry in entries:
        record = fold(record, entry.event(), entry.sequence)
    assert record is not None
    return record


def check(record: JobRecord, end: Terminal, status: str) -> None:
    assert (record.status, record.is_finished, record.last_sequence) == (status, True, 3)
    has_reason = isinstance(end, JobFailed | JobTimeout)
    assert record.reason == ("later_reason" if has_reason else None)
    assert record.result is not None
    assert [stage.name for stage in record.result.stages] == ["later_stage_0", "later_stage_1"]
    assert record.result.stdout.encoding == "later_encoding"


@each_end
def test_an_end_is_an_end_in_every_fold(end: Terminal, status: str) -> None:
    entries = life(end)
    check(folded(entries), end, status)
    assert is_end(entries[-1])


@each_end
def test_an_end_is_an_end_in_the_view(end: Terminal, status: str) -> None:
    with closing(empty_view()) as view:
        assert apply_entries(view, life(end)) == Applied(3)
        record = select_record(view, (builders.USER, builders.JOB))
        assert record is not None
        check(record, end, status)
        assert count_jobs(view).jobs[status] == 1
        listed = list_jobs(view, JobsQuestion(user_id=builders.USER, status=status))
        assert [job.reason for job in listed.jobs] == [record.reason]


def test_a_view_knows_no_job_of_a_status_of_a_later_version() -> None:
    with closing(empty_view()) as view:
        apply_entries(view, life(builders.completed()))
        assert list_jobs(view, JobsQuestion(user_id=builders.USER, status="paused")).jobs == ()


@each_end
def test_a_lane_moves_on_behind_it(end: Terminal, status: str) -> None:
    unfinished = UnfinishedJobs()
    second = builders.job_id()
    entries = stored(builders.queued(), builders.queued(second), builders.running(), end)
    for entry in entries[:-1]:
        assert unfinished.apply(entry.sequence, entry.event()) is not None, "an executor knows the job"
    assert second not in unfinished.startable
    change = unfinished.apply(entries[-1].sequence, entries[-1].event())
    assert isinstance(change, Change)
    assert isinstance(change.state, Finished)
    assert builders.JOB not in unfinished
    assert second in unfinished.startable


def test_a_tombstone_is_one_for_whatever_reason() -> None:
    entries = stored(builders.queued(), builders.running(), builders.completed(), builders.expired())
    unfinished = UnfinishedJobs()
    changes = [unfinished.apply(entry.sequence, entry.event()) for entry in entries]
    assert len(unfinished) == 0
    with closing(empty_view()) as view:
        assert apply_entries(view, entries) == Applied(4)
        assert select_record(view, (builders.USER, builders.JOB)) is None
    assert changes[0] is not None


@each_end
async def test_a_history_of_a_newer_version_is_whole(end: Terminal, status: str, tmp_path: Path) -> None:
    path = tmp_path / "kept.ndjson"
    await write_history(path, Header(made_at=builders.NOON), each(shown(life(end))))
    checked = check_history(path)
    assert (checked.events, checked.jobs, checked.finished) == (3, 1, 1)
    (job,) = (await states_at(each(shown(life(end))), 3)).jobs
    check(job, end, status)


@each_end
def test_a_terminal_shows_what_it_does_not_know(
    end: Terminal, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    record = folded(life(end))
    job = JobShown(**{name: getattr(record, name) for name in JobRecord.__struct_fields__})
    text = io.StringIO()
    console = Console(file=text)
    show_job(job, console)
    jobs_listing([job]).show(console)
    states_listing([job]).show(console)
    for event in shown(life(end)):
        console.print(event_line(event, "name", builders.NOON))
        console.print("\t".join(event_fields(event)))
    explain(job)
    told = text.getvalue()
    assert "later_stage_0" in told
    assert "42" in told, "what was printed, in whatever encoding it is kept"
    if record.reason is not None:
        assert "later_reason" in told
        assert "later_reason" in capsys.readouterr().err
    codes = {"completed": 0, "failed": EXIT_FAILED, "timeout": EXIT_TIMEOUT, "cancelled": 130}
    assert exit_code(job) == codes[status]


def test_a_status_of_a_later_version_is_shown_and_fails() -> None:
    record = msgspec.structs.replace(folded(life(builders.completed())), status="paused", result=Result())
    text = io.StringIO()
    jobs_listing([record]).show(Console(file=text))
    assert "paused" in text.getvalue()
    assert exit_code(record) == EXIT_FAILED


@pytest.mark.parametrize("kind", ["queued", "running", "completed", "failed", "output", "progress", "paused"])
def test_an_event_of_a_later_type_is_shown_by_its_type(kind: str) -> None:
    event = EventObject(
        cursor="1-1",
        type=f"job.{kind}.v9",
        job_id=builders.JOB,
        time=builders.NOON.isoformat(),
        stored_at=builders.NOON,
        data={"user_id": builders.USER},
        seq=1,
    )
    assert kind in event_line(event, "name", builders.NOON)
    assert event_fields(event)[-2:] == (event.type, "")
