"""What `headrace run` and `logs` write: the output of programs on their streams, of compilers on stderr."""

import io

from headrace.run import Printer
from shared.contract.codec import EventObject
from shared.domain.events import Output, Result, StageReport
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
