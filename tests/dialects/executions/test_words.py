"""What the dialect tells of a job: its words, its figures, its times, its program."""

import base64
from datetime import timedelta

import msgspec
import pytest

from services.api.dialects.executions.mapping import status_of
from services.api.dialects.executions.schemas import ExecutionStatus
from shared.dialects.executions import megabytes_of, seconds_of, update_of
from shared.dialects.names import label_of
from shared.domain.events import Event, JobQueued, SourceFile
from shared.domain.record import JobRecord, fold
from shared.domain.result import Output, Result
from tests import builders

LOST = msgspec.structs.replace(builders.failed(), reason="executor_lost", result=None)
PRINTED = msgspec.structs.replace(
    builders.failed(),
    result=Result(exit_code=1, stdout=Output(content="a\n"), stderr=Output(content="b\n"), wall_ms=47),
)


@pytest.mark.row("executions", "2.2", "2.5", "2.6", "4.7")
@pytest.mark.parametrize(
    ("later", "word", "output", "error_output"),
    [
        ((), "pending", "", ""),
        ((builders.running(),), "running", "", ""),
        ((builders.running(), builders.cancel_requested()), "running", "", ""),
        ((builders.running(), builders.completed()), "completed", "42\n", ""),
        ((builders.running(), PRINTED), "error", "a\n", "b\n"),
        ((builders.running(), builders.failed()), "error", "", "The program ended with exit code 3."),
        (
            (builders.running(), builders.timeout()),
            "error",
            "",
            "The program ran for longer than 10 seconds.",
        ),
        ((builders.running(), builders.cancelled(attempt=1)), "error", "", "cancelled"),
        ((builders.cancelled(),), "error", "", "cancelled"),
        ((LOST,), "error", "", "The machine that ran the program was lost."),
    ],
)
def test_every_state_is_one_of_four_words(
    later: tuple[Event, ...], word: str, output: str, error_output: str
) -> None:
    update = update_of(builders.record(*later))
    assert (update.status, update.output, update.error_output) == (word, output, error_output)


@pytest.mark.row("executions", "2.7", "2.8")
def test_figures_have_their_units() -> None:
    assert [seconds_of(wall_ms) for wall_ms in (0, 4, 47, 1_234, 61_000)] == [
        *("0.00s", "0.00s", "0.05s", "1.23s", "61.00s")
    ]
    sizes = (None, 0, 2_100_000, 268_435_456)
    assert [megabytes_of(size) for size in sizes] == [None, "0.0MB", "2.1MB", "268.4MB"]
    before = update_of(builders.record(builders.running()))
    assert (before.execution_time, before.memory_usage) == (None, None)
    never_ran = update_of(builders.record(builders.cancelled()))
    assert (never_ran.execution_time, never_ran.memory_usage) == ("0.00s", None)
    measured = msgspec.structs.replace(builders.completed(), result=Result(memory_peak_bytes=2_149_000))
    assert update_of(builders.record(measured)).memory_usage == "2.1MB"


def told(queued: JobQueued, *later: Event) -> ExecutionStatus:
    """The status of a job after these events, each of them a second later than the one before."""
    job: JobRecord | None = None
    for number, event in enumerate((queued, *later)):
        moment = builders.NOON + timedelta(seconds=number)
        job = fold(job, msgspec.structs.replace(event, time=moment), number + 1)
    assert job is not None
    return status_of(job, queued)


@pytest.mark.row("executions", "2.9")
def test_times_have_milliseconds_and_the_last_event_updates() -> None:
    first, second, third = (f"2026-01-02T12:00:0{number}.123Z" for number in range(3))
    stories: list[tuple[tuple[Event, ...], tuple[str, str | None]]] = [
        ((), (first, None)),
        ((builders.running(),), (second, None)),
        ((builders.running(), builders.cancel_requested()), (third, None)),
        ((builders.running(), builders.running(attempt=2)), (third, None)),
        ((builders.running(), builders.completed()), (third, third)),
    ]
    for later, times in stories:
        status = told(builders.queued(), *later)
        assert (status.created_at, status.updated_at, status.completed_at) == (first, *times)


@pytest.mark.row("executions", "2.3", "2.4")
def test_the_program_is_told_as_it_was_submitted() -> None:
    plain = told(builders.queued())
    assert (plain.user_id, plain.code, plain.language, plain.input_data) == (
        *(builders.USER, "print(42)", "python", ""),
    )
    named = told(
        builders.queued(labels={label_of("language"): "py"}, stdin=SourceFile(name="stdin", content="a\n"))
    )
    assert (named.language, named.input_data) == ("py", "a\n")


@pytest.mark.row("executions", "2.4")
def test_of_several_files_the_one_that_is_run_is_told() -> None:
    encoded = base64.b64encode(b"print('\xff')").decode()
    files = (
        SourceFile(name="other.py", content="1"),
        SourceFile(name="main.py", content=encoded, encoding="base64"),
    )
    assert told(builders.queued(files=files)).code == "print('\ufffd')"
