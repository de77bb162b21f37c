"""How a job's state and end are worded: every status, every reason, every kind of output."""

import base64
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import msgspec
import pytest

from shared.dialects.outcome import exception_in, outcome_of, phase_of, text_of
from shared.dialects.sentences import seconds_text, sentence_of, size_text
from shared.dialects.times import iso_or_none, iso_time
from shared.domain.enumerations import FailureReason, LimitReason, TimeoutReason
from shared.domain.job import Status
from shared.domain.record import JobRecord
from shared.domain.result import Output, Result
from tests import builders

TRACEBACK = 'Traceback (most recent call last):\n  File "main.py", line 1\n    x\nNameError: name\n'


def job(status: str, reason: str | None = None, *, has_ended: bool = True, **result: object) -> JobRecord:
    return msgspec.structs.replace(
        builders.record(),
        status=status,
        reason=reason,
        finished_at=builders.NOON if has_ended else None,
        result=Result(**result) if result else None,  # type: ignore[arg-type]  # the caller names real fields
    )


@pytest.mark.row("all", "4.1")
def test_every_status_is_a_phase_and_a_later_one_is_reduced_to_one() -> None:
    for status in get_args(Status):
        if status != "expired":
            assert phase_of(job(status)) == status
    assert phase_of(job("paused", has_ended=False)) == "running"
    assert phase_of(job("vanished")) == "failed"


@pytest.mark.row("all", "4.2")
@pytest.mark.parametrize(
    ("status", "reason", "sentence"),
    [
        ("completed", None, None),
        ("cancelled", None, "cancelled"),
        ("failed", "memory", "The program used more than 256 MiB of memory."),
        ("failed", "output_limit", "The program printed more than 256 KiB."),
        ("failed", "disk", "The program wrote more than 64 MiB of files."),
        ("failed", "signal", "The program was ended by a signal."),
        ("failed", "exit_code", "The program failed."),
        ("timeout", "wall_time", "The program ran for longer than 10 seconds."),
        ("timeout", "cpu_time", "The program used more than 10 seconds of processor time."),
        ("failed", "melted", "The program failed: melted."),
    ],
)
def test_a_reason_is_one_sentence(status: str, reason: str | None, sentence: str | None) -> None:
    assert sentence_of(job(status, reason)) == sentence


def test_every_reason_has_a_sentence_of_its_own() -> None:
    reasons = [*get_args(FailureReason), *get_args(LimitReason), *get_args(TimeoutReason)]
    sentences = {reason: sentence_of(job("failed", str(reason))) for reason in reasons}
    assert len({*sentences.values()}) == len(sentences)
    assert not [one for one in sentences.values() if one is None or one.startswith("The program failed:")]


def test_numbers_are_named() -> None:
    assert sentence_of(job("failed", "exit_code", exit_code=3)) == "The program ended with exit code 3."
    assert sentence_of(job("failed", "signal", signal=11)) == "The program was ended by SIGSEGV."
    assert sentence_of(job("failed", "signal", signal=77)) == "The program was ended by signal 77."
    assert [size_text(size) for size in (1, 1024, 1536, 2**20, 2**31)] == [
        *("1 bytes", "1 KiB", "1536 bytes", "1 MiB", "2 GiB")
    ]
    assert [seconds_text(ms) for ms in (1, 1_000, 2_500)] == ["0.001 seconds", "1 second", "2.5 seconds"]


@pytest.mark.row("all", "4.3")
def test_output_is_text_whatever_its_bytes() -> None:
    encoded = base64.b64encode(b"caf\xe9\n").decode()
    assert text_of(Output(content=encoded, encoding="base64")) == "caf\ufffd\n"
    assert text_of(Output(content="café")) == "café"


def test_the_exception_of_a_traceback_is_the_type_of_the_error() -> None:
    stderr = Output(content=TRACEBACK)
    failed = outcome_of(job("failed", "exit_code", exit_code=1, stderr=stderr, wall_ms=7))
    assert (failed.error_type, failed.wall_ms, failed.success) == ("NameError", 7, False)
    assert outcome_of(job("timeout", "wall_time", stderr=stderr)).error_type == "wall_time"
    assert outcome_of(job("failed", "exit_code", exit_code=1)).error_type == "exit_code"
    assert exception_in(TRACEBACK.replace("NameError: name", "a.b.MyError")) == "MyError"
    assert exception_in("nothing") is None
    assert exception_in("Traceback (most recent call last):") is None


def test_a_job_that_ended_before_it_ran_has_an_empty_outcome() -> None:
    outcome = outcome_of(job("cancelled"))
    assert (outcome.stdout, outcome.stderr, outcome.wall_ms, outcome.error) == ("", "", 0, "cancelled")
    assert (outcome.success, outcome.timed_out, outcome.error_type) == (False, False, "cancelled")


@pytest.mark.row("all", "4.4")
def test_times_are_utc_with_z() -> None:
    moment = datetime(2026, 1, 2, 13, 0, 0, 123456, timezone(timedelta(hours=1)))
    assert iso_time(moment) == "2026-01-02T12:00:00.123456Z"
    assert iso_time(moment, "milliseconds") == "2026-01-02T12:00:00.123Z"
    assert iso_or_none(datetime(2026, 1, 2, tzinfo=UTC), "seconds") == "2026-01-02T00:00:00Z"
    assert iso_or_none(None) is None
