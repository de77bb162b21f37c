"""The notes that events of the log tell: those that were not sent, each once, wherever a client goes on."""

import base64
from itertools import pairwise

import msgspec
import pytest

from services.notifier.events.item import log_items
from services.notifier.events.poison import parse_subject
from services.notifier.events.position import FeedMark, Position, parse_after
from services.notifier.events.told_notes import notes_after, notes_before, told_notes
from shared.contract.codec import decode_event, encode
from shared.contract.subjects import job_event
from shared.domain.events import JobCompleted, JobOutput, JobProgress
from shared.domain.result import Output, Result, StageReport
from shared.domain.unsent import UnsentNote
from shared.jetstream.stored_message import Entry
from tests import builders
from tests.unit.notifier.stored import logged

DONE = UnsentNote(stage="run", percent=100, message="run complete", remaining_s=0.0)


def out(offset: int, length: int, stage: str = "run", stream: str = "stdout") -> UnsentNote:
    return UnsentNote(stage=stage, stream=stream, offset=offset, length=length)


def ended(*unsent: UnsentNote, stdout: Output | None = None, **result: object) -> JobCompleted:
    stages = (StageReport(name="run", wall_ms=1, cpu_ms=1),)
    kept = Output(content="hello, world", kept_bytes=12, total_bytes=12) if stdout is None else stdout
    whole = msgspec.structs.replace(Result(stages=stages, stdout=kept), **result)
    return msgspec.structs.replace(builders.completed(), result=whole, unsent_notes=unsent)


def told(event: JobCompleted) -> list[object]:
    return [
        (note.stream, note.offset, note.content) if isinstance(note, JobOutput) else note.message
        for note in notes_before(event)
        if isinstance(note, JobOutput | JobProgress)
    ]


def test_an_attempt_begins_with_the_progress_that_its_start_tells() -> None:
    (note,) = notes_after(msgspec.structs.replace(builders.running(), stage="run", remaining_s=0.5))
    assert isinstance(note, JobProgress)
    assert (note.stage, note.percent, note.message, note.remaining_s) == ("run", 0, "run started", 0.5)
    assert (note.attempt, note.time, note.job_id) == (1, builders.NOON, builders.JOB)


@pytest.mark.parametrize("event", [builders.queued(), builders.running(), builders.completed()])
def test_events_of_earlier_versions_tell_no_notes(event: JobCompleted) -> None:
    assert (notes_before(event), notes_after(event)) == ([], [])


def test_output_and_progress_that_were_not_sent_come_from_the_result() -> None:
    assert told(ended(out(0, 7), DONE)) == [("stdout", 0, "hello, "), "run complete"]
    assert told(ended(out(7, 5), DONE)) == [("stdout", 7, "world"), "run complete"]


def test_bytes_that_are_no_text_are_told_as_notes_of_the_feed_would() -> None:
    kept = Output(content=base64.b64encode(b"text\xff").decode(), encoding="base64", kept_bytes=5)
    (text, other) = notes_before(ended(out(0, 4), out(4, 1), stdout=kept))
    assert isinstance(text, JobOutput)
    assert isinstance(other, JobOutput)
    assert (text.content, text.encoding) == ("text", "utf-8")
    assert (other.content, other.encoding) == (base64.b64encode(b"\xff").decode(), "base64")


def test_what_the_result_did_not_keep_is_not_told() -> None:
    assert told(ended(out(10, 5), out(15, 5))) == [("stdout", 10, "ld")]


def test_a_stage_before_the_last_tells_what_its_report_keeps() -> None:
    compiled = StageReport(name="compile", wall_ms=1, cpu_ms=1, stderr=Output(content="warning"))
    stages = compiled, StageReport(name="run", wall_ms=1, cpu_ms=1)
    event = ended(out(0, 7, "compile", "stderr"), out(0, 5), stages=stages)
    assert told(event) == [("stderr", 0, "warning"), ("stdout", 0, "hello")]


@pytest.mark.parametrize("unsent", [out(0, 5, "link"), out(0, 5, "run", "stdlog"), out(99, 5)])
def test_what_a_later_version_left_and_this_one_cannot_find_is_skipped(unsent: UnsentNote) -> None:
    assert told(ended(unsent, DONE)) == ["run complete"]


def test_an_event_that_cannot_be_read_tells_nothing() -> None:
    whole = logged(builders.completed(), 7)
    assert told_notes(msgspec.structs.replace(whole, payload=b"{")) == ([], [])


def test_a_later_version_may_leave_more_than_this_one_knows() -> None:
    payload = msgspec.json.decode(encode(ended(DONE)))
    payload["unsent_notes"][0] |= {"colour": "red", "stage": "link"}
    subject = job_event(builders.USER, builders.JOB, "completed")
    event = decode_event(subject, msgspec.json.encode(payload))
    assert told_notes(Entry(1, builders.NOON, subject, encode(builders.completed()))) == ([], [])
    assert [note.message for note in notes_before(event) if isinstance(note, JobProgress)] == ["run complete"]


@pytest.mark.parametrize(
    "event",
    [ended(out(0, 7), out(7, 5), DONE), msgspec.structs.replace(builders.running(), stage="run")],
)
def test_a_client_may_go_on_between_any_two_parts(event: JobCompleted) -> None:
    entry = logged(event, 5)
    named = parse_subject(entry)
    assert named is not None
    seen = FeedMark(99, 3)
    items = log_items(entry, named, seen)
    assert items[-1].position == Position(5, seen)
    assert [item.is_terminal for item in items].count(True) == (1 if items[-1].is_terminal else 0)
    cursors = [str(Position(4, seen)), *(str(item.position) for item in items)]
    for number, cursor in enumerate(cursors):
        after = parse_after(cursor, of_one_job=True)
        assert isinstance(after, Position)
        assert [item for item in items if not item.is_covered_by(after)] == items[number:]
    assert all(earlier.position != later.position for earlier, later in pairwise(items))
