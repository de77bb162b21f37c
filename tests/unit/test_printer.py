"""What `headrace run` and `logs` write: the output of programs on their streams, of compilers on stderr."""

import io
import json

import msgspec
import pytest

from headrace.cli.logs import Pieces
from headrace.cli.printer import FROM_NEWER, Printer
from headrace.client.models import kept_bytes, output_pieces
from shared.contract.codec import EventObject
from shared.domain.result import Output, OutputOrder, OutputRun, OutputTail, Result, StageReport
from tests.builders import JOB, NOON

WARNED = Result(
    stdout=Output(content="42\n", kept_bytes=3, total_bytes=3),
    stages=(
        StageReport(
            name="compile",
            wall_ms=1,
            cpu_ms=1,
            stdout=Output(content="note\n", kept_bytes=5, total_bytes=5),
            stderr=Output(content="warning\n", kept_bytes=8, total_bytes=8),
        ),
        StageReport(name="run", wall_ms=1, cpu_ms=1),
    ),
)


def shown(kind: str, **data: object) -> EventObject:
    return EventObject(
        cursor="", type=f"job.{kind}.v1", job_id=JOB, time=NOON.isoformat(), stored_at=NOON, data=data
    )


def note(stage: str, stream: str, offset: int, content: str) -> EventObject:
    return shown(
        "output", attempt=1, stage=stage, stream=stream, offset=offset, content=content, encoding="utf-8"
    )


def test_a_result_alone_tells_of_the_compiler_too() -> None:
    stdout, stderr = io.BytesIO(), io.BytesIO()
    Printer(stdout, stderr).finish(WARNED)
    assert (stdout.getvalue(), stderr.getvalue()) == (b"42\n", b"note\nwarning\n")


def test_what_the_feed_brought_is_not_written_again() -> None:
    stdout, stderr = io.BytesIO(), io.BytesIO()
    printer = Printer(stdout, stderr)
    printer.show(shown("running", attempt=1))
    printer.show(note("compile", "stderr", 0, "warn"))
    printer.show(note("run", "stdout", 0, "4"))
    printer.finish(WARNED)
    assert (stdout.getvalue(), stderr.getvalue()) == (b"42\n", b"warnnote\ning\n")


def test_the_first_output_of_an_attempt_may_come_before_the_event_that_it_runs() -> None:
    """As after a question: its answer is waited for."""
    stdout = io.BytesIO()
    printer = Printer(stdout, io.BytesIO())
    for attempt in (1, 2):
        asks = note("run", "stdout", 0, "name? ")
        asks.data["attempt"] = attempt
        printer.show(asks)
        assert stdout.getvalue() == b"name? " * attempt
        printer.show(shown("running", attempt=attempt))
        printer.show(asks)
    assert stdout.getvalue() == b"name? " * 2


def test_a_compile_error_is_written_once() -> None:
    stdout, stderr = io.BytesIO(), io.BytesIO()
    printer = Printer(stdout, stderr)
    printer.show(shown("running", attempt=1))
    printer.show(note("compile", "stderr", 0, "err"))
    printer.finish(
        Result(
            stderr=Output(content="error\n", kept_bytes=6, total_bytes=6),
            stages=(StageReport(name="compile", wall_ms=1, cpu_ms=1, exit_code=1),),
        )
    )
    assert (stdout.getvalue(), stderr.getvalue()) == (b"", b"error\n")


TURNS = Result(
    stdout=Output(content="one three", kept_bytes=9, total_bytes=9),
    stderr=Output(content="two four", kept_bytes=8, total_bytes=8),
    order=OutputOrder(
        runs=(
            OutputRun(stream="stdout", offset=0, length=4),
            OutputRun(stream="stderr", offset=0, length=4),
            OutputRun(stream="stdout", offset=4, length=5),
        ),
        truncated=True,
    ),
)


def test_both_streams_are_written_in_the_order_in_which_they_came() -> None:
    both = io.BytesIO()
    Printer(both, both).finish(TURNS)
    assert both.getvalue() == b"one two threefour"


def test_what_the_feed_brought_of_them_is_not_written_again() -> None:
    both = io.BytesIO()
    printer = Printer(both, both)
    printer.show(shown("running", attempt=1))
    printer.show(note("run", "stdout", 0, "one th"))
    printer.show(note("run", "stderr", 0, "t"))
    printer.finish(TURNS)
    assert both.getvalue() == b"one thtwo reefour"


LINTED = Result(
    stdout=Output(content="42\n", kept_bytes=3, total_bytes=3),
    stderr=Output(content="late\n", kept_bytes=5, total_bytes=5),
    stages=(
        StageReport(
            name="lint",
            wall_ms=1,
            cpu_ms=1,
            stdout=Output(content="fine\n", kept_bytes=5, total_bytes=5),
        ),
        StageReport(name="grade", wall_ms=1, cpu_ms=1),
    ),
)


def test_stages_of_a_later_version_are_held_back_until_it_is_known_which_was_the_last() -> None:
    stdout, stderr = io.BytesIO(), io.BytesIO()
    printer = Printer(stdout, stderr)
    printer.show(shown("running", attempt=1))
    printer.show(note("lint", "stdout", 0, "fine\n"))
    printer.show(note("grade", "stdout", 0, "42\n"))
    assert (stdout.getvalue(), stderr.getvalue(), printer.held_back) == (b"", b"", FROM_NEWER)
    printer.finish(LINTED)
    assert (stdout.getvalue(), stderr.getvalue()) == (b"42\n", b"fine\nlate\n")


def test_a_stream_of_a_later_version_is_not_the_programs_stdout() -> None:
    stdout, stderr = io.BytesIO(), io.BytesIO()
    printer = Printer(stdout, stderr)
    printer.show(shown("running", attempt=1))
    printer.show(note("run", "trace", 0, "here "))
    printer.show(note("run", "trace", 5, "there\n"))
    printer.finish(Result(stages=(StageReport(name="run", wall_ms=1, cpu_ms=1),)))
    assert (stdout.getvalue(), stderr.getvalue()) == (b"", b"here there\n")


def test_an_encoding_of_a_later_version_is_left_as_it_is_in_the_end() -> None:
    stdout = io.BytesIO()
    printer = Printer(stdout, io.BytesIO())
    printer.show(shown("running", attempt=1))
    printer.show(
        shown("output", attempt=1, stage="run", stream="stdout", offset=0, content="&4", encoding="ascii85")
    )
    assert (stdout.getvalue(), printer.held_back) == (b"", FROM_NEWER)
    printer.finish(Result(stdout=Output(content="&4", encoding="ascii85", kept_bytes=3, total_bytes=3)))
    assert stdout.getvalue() == b"&4"


def test_events_of_a_later_version_are_passed_over() -> None:
    stdout = io.BytesIO()
    printer = Printer(stdout, io.BytesIO())
    for kind, data in (("running", {}), ("output", {}), ("output", {"stage": 7}), ("paused", {})):
        event = shown(kind, **data)
        printer.show(msgspec.structs.replace(event, type=f"job.{kind}.v9"))
    printer.finish(WARNED)
    assert stdout.getvalue() == b"42\n"


def test_programs_that_read_json_are_told_of_each_stage_and_stream_by_its_name(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    printer = Printer(io.BytesIO(), io.BytesIO(), Pieces)
    printer.show(shown("running", attempt=1))
    printer.show(note("lint", "stdout", 0, "fi"))
    printer.show(note("grade", "trace", 0, "x"))
    printer.finish(LINTED)
    told = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    assert [(one["stage"], one["stream"], one["content"]) for one in told] == [
        ("lint", "stdout", "fi"),
        ("grade", "trace", "x"),
        ("lint", "stdout", "ne\n"),
        ("grade", "stdout", "42\n"),
        ("grade", "stderr", "late\n"),
    ]


LONG = Result(
    stdout=Output(
        content="0123",
        kept_bytes=4,
        total_bytes=16,
        truncated=True,
        tail=OutputTail(offset=8, content="89abcdef"),
    ),
    stages=(StageReport(name="run", wall_ms=1, cpu_ms=1),),
)


@pytest.mark.parametrize(
    ("live", "written", "missing"),
    [
        ("", b"012389abcdef", 4),
        ("01", b"012389abcdef", 4),
        ("012345", b"01234589abcdef", 2),
        ("0123456789", b"0123456789abcdef", 0),
        ("0123456789abcdef", b"0123456789abcdef", 0),
    ],
)
def test_the_middle_that_is_not_kept_is_told(live: str, written: bytes, missing: int) -> None:
    stdout, stderr = io.BytesIO(), io.BytesIO()
    printer = Printer(stdout, stderr)
    printer.show(shown("running", attempt=1))
    printer.show(note("run", "stdout", 0, live))
    printer.finish(LONG)
    said = b"headrace: %d bytes of the output are not kept here\n" % missing if missing else b""
    assert (stdout.getvalue(), stderr.getvalue()) == (written, said)


def test_what_is_live_goes_on_after_a_gap() -> None:
    both = io.BytesIO()
    printer = Printer(both, both, is_live=True, line_end=lambda: b"\r\n")
    printer.show(shown("running", attempt=1))
    printer.show(note("run", "stdout", 4, "45"))
    printer.show(note("run", "stdout", 6, "6789abcdef"))
    printer.finish(LONG)
    assert both.getvalue() == b"headrace: 4 bytes of the output are not kept here\r\n456789abcdef"
    assert printer.held_back is None


def test_the_clients_pieces_have_the_end_too() -> None:
    assert kept_bytes(LONG.stdout) == b"012389abcdef"
    assert list(output_pieces(LONG)) == [("stdout", b"0123"), ("stdout", b"89abcdef")]
