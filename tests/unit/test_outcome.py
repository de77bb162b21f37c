"""From a verdict to the terminal event: every ending has its reason, and no character is cut in half."""

import base64
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.executor.attempts.feed_backlog import FeedEnd
from services.executor.attempts.outcome import (
    Attempt,
    StageEnd,
    build_terminal_event,
    kept_output,
    without_verdict,
)
from services.executor.sandbox.interface import Stop, Verdict
from shared.domain.decisions import CommandContext
from shared.domain.enumerations import StageName
from shared.domain.events import JobCancelled, JobCompleted, JobFailed, JobTimeout, Terminal
from shared.domain.output_text import as_text, incomplete_tail
from shared.domain.result import STAGE_OUTPUT_BYTES_MAX, Output, Result
from tests import builders


def stage(
    name: StageName = "run",
    *,
    exit_code: int | None = 0,
    signal: int | None = None,
    stopped_by: Stop | None = None,
    stdout: bytes = b"",
) -> StageEnd:
    verdict = Verdict(
        exit_code=None if signal else exit_code,
        signal=signal,
        stopped_by=stopped_by,
        wall_ms=10,
        cpu_ms=5,
        memory_peak_bytes=1000,
        stdout_bytes=len(stdout),
        stderr_bytes=0,
    )
    return StageEnd(name, verdict, stdout, b"", makes_product=name == "compile")


def test_what_a_compiler_printed_belongs_to_its_stage() -> None:
    warned = stage("compile", stdout="ä".encode() * STAGE_OUTPUT_BYTES_MAX)
    event = concluded(warned, stage(stdout=b"42\n"))
    assert isinstance(event, JobCompleted)
    compiled, run = event.result.stages
    assert compiled.stdout is not None
    assert compiled.stdout.content == "ä" * (STAGE_OUTPUT_BYTES_MAX // 2)
    assert compiled.stdout.truncated
    assert compiled.stdout.total_bytes == 2 * STAGE_OUTPUT_BYTES_MAX
    assert (compiled.stderr, run.stdout, run.stderr) == (None, None, None)


def test_what_the_last_stage_printed_is_the_results() -> None:
    event = concluded(stage("compile", exit_code=1, stdout=b"error"))
    assert isinstance(event, JobFailed)
    assert event.result is not None
    assert event.result.stdout.content == "error"
    assert event.result.stages[0].stdout is None


def concluded(*stages: StageEnd) -> Terminal:
    attempt = Attempt(
        builders.queued(), 2, CommandContext(builders.NOON, "r"), feed=FeedEnd(9), cancelled_by="bob"
    )
    return build_terminal_event(attempt, list(stages))


def test_exit_code_zero_completes() -> None:
    event = concluded(stage(stdout=b"42\n"))
    assert isinstance(event, JobCompleted)
    assert (event.attempt, event.feed_sequence, event.result.stdout.content) == (2, 9, "42\n")


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        (stage(exit_code=3), "exit_code"),
        (stage(signal=11), "signal"),
        (stage(signal=9, stopped_by="memory"), "memory"),
        (stage(signal=9, stopped_by="output_limit"), "output_limit"),
        (stage(signal=9, stopped_by="disk"), "disk"),
        (stage("compile", exit_code=1), "compile_error"),
        (stage("compile", signal=11), "compile_error"),
        (stage("compile", signal=9, stopped_by="memory"), "memory"),
    ],
)
def test_every_failure_has_its_reason(ended: StageEnd, reason: str) -> None:
    event = concluded(ended)
    assert isinstance(event, JobFailed)
    assert event.reason == reason


@pytest.mark.parametrize("name", ["compile", "run"])
@pytest.mark.parametrize("reason", ["wall_time", "cpu_time"])
def test_a_time_limit_is_a_timeout_of_its_stage(name: StageName, reason: Stop) -> None:
    event = concluded(stage(name, signal=9, stopped_by=reason))
    assert isinstance(event, JobTimeout)
    assert (event.reason, event.stage) == (reason, name)


def test_a_stopped_program_is_cancelled_by_who_asked() -> None:
    event = concluded(stage(signal=9, stopped_by="stopped"))
    assert isinstance(event, JobCancelled)
    assert event.by == "bob"


def test_a_result_adds_up_its_stages() -> None:
    event = concluded(stage("compile"), stage("run"))
    assert isinstance(event, JobCompleted)
    assert [report.name for report in event.result.stages] == ["compile", "run"]
    assert (event.result.wall_ms, event.result.cpu_ms, event.result.memory_peak_bytes) == (20, 10, 1000)


@given(st.text(), st.integers(0, 200))
def test_truncated_text_ends_with_a_whole_character(text: str, length: int) -> None:
    whole = text.encode()
    output = kept_output(whole[:length], len(whole))
    assert output.encoding == "utf-8"
    assert text.startswith(output.content)
    assert output.truncated == (length < len(whole))
    assert output.kept_bytes == len(output.content.encode()) > min(length, len(whole)) - 4


@given(st.binary())
def test_any_bytes_survive(content: bytes) -> None:
    text, encoding = as_text(content)
    assert (base64.b64decode(text) if encoding == "base64" else text.encode()) == content


@pytest.mark.parametrize(
    ("content", "tail"),
    [
        (b"", 0),
        (b"a", 0),
        (b"\xc3", 1),
        (b"\xc3\xa4", 0),
        (b"\xf0\x9f\x98", 3),
        (b"\xf0\x9f\x98\x80", 0),
        (b"\x80", 0),
    ],
)
def test_the_incomplete_tail(content: bytes, tail: int) -> None:
    assert incomplete_tail(content) == tail


@pytest.mark.parametrize(
    "printed",
    [
        b"/work/ccX.s: fatal error: No space left on device\n",
        b"rustc-LLVM ERROR: IO failure on output stream: No space left on device\n",
        b"go build: write /work/b001/_pkg_.a: no space left on device\n",
        b"as: final close: File too large\n",
    ],
)
def test_a_compiler_without_room_met_a_limit(printed: bytes) -> None:
    event = concluded(stage("compile", exit_code=1, stdout=printed))
    assert isinstance(event, JobFailed)
    assert (event.reason, event.detail) == ("disk", "in the compile stage")


def test_a_program_that_prints_so_met_none() -> None:
    event = concluded(stage(exit_code=1, stdout=b"No space left on device"))
    assert isinstance(event, JobFailed)
    assert (event.reason, event.detail) == ("exit_code", "exit code 1")


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        (139, "exit code 139, which in a shell means SIGSEGV"),
        (137, "exit code 137, which in a shell means SIGKILL"),
        (127, "exit code 127"),
        (128, "exit code 128"),
        (255, "exit code 255"),
    ],
)
def test_the_exit_code_of_a_shell_names_the_signal(code: int, detail: str) -> None:
    event = concluded(stage(exit_code=code))
    assert isinstance(event, JobFailed)
    assert event.detail == detail


def test_a_limit_says_more_where_there_is_more_to_say() -> None:
    end = stage("compile", stopped_by="output_limit")
    verdict = dataclasses.replace(end.verdict, detail="a.out is longer than 64 bytes")
    event = concluded(dataclasses.replace(end, verdict=verdict))
    assert isinstance(event, JobFailed)
    assert event.detail == "in the compile stage: a.out is longer than 64 bytes"


def test_who_could_not_be_run_has_a_result_without_output() -> None:
    attempt = Attempt(
        builders.queued(), 1, CommandContext(builders.NOON, "r"), feed=FeedEnd(), cancelled_by=None
    )
    assert without_verdict(attempt, "rejected", "why").result == Result()
    after = without_verdict(attempt, "sandbox_error", "why", [stage("compile", stdout=b"warning")]).result
    assert after is not None
    assert (after.exit_code, after.stdout, len(after.stages)) == (None, Output(), 1)
    assert after.stages[0].stdout is not None


def test_a_compiler_that_makes_nothing_has_failed() -> None:
    event = concluded(stage("compile"))
    assert isinstance(event, JobFailed)
    assert (event.reason, event.detail) == ("compile_error", "the compiler made nothing that can be run")
