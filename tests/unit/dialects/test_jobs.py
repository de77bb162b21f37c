"""The words, answers and messages of the dialect `jobs`, without a service."""

from typing import get_args

import msgspec
import pytest

from services.api.dialects.bodies import TimedProgram
from services.api.dialects.polled_job import polled_job
from services.api.settings import ApiSettings
from services.notifier.transports.dialects.jobs.messages import (
    Ping,
    Subscribe,
    Unknown,
    error,
    job_result,
    job_status,
    parse,
)
from shared.dialects.results import Word, word_of
from shared.domain.events import Limits
from shared.domain.job import Status
from tests import builders
from tests.builders import JOB, NOON

TIME = "2026-01-02T12:00:00.123456Z"


@pytest.mark.row("jobs", "3.2")
def test_no_status_has_another_word() -> None:
    for status in (*get_args(Status), "of a later version"):
        for finished_at in (None, NOON):
            job = msgspec.structs.replace(builders.record(), status=status, finished_at=finished_at)
            assert word_of(job) in get_args(Word)
            assert (word_of(job) == "pending") == (status == "queued")


@pytest.mark.row("jobs", "2.2")
def test_a_limit_that_is_not_given_is_one_that_the_operator_allows() -> None:
    for wall_ms_max, given, taken in ((60_000, None, 30), (5_000, None, 5), (5_000, 60, 60)):
        settings = ApiSettings(token_secret="x" * 32, wall_ms_max=wall_ms_max)
        limit = {} if given is None else {"timeout_seconds": given}
        assert TimedProgram.model_validate({"code": "1", **limit}).timeout_s(settings) == taken


@pytest.mark.row("jobs", "3.1", "3.6", "5.2", "5.3")
def test_a_job_is_pushed_as_it_is_polled() -> None:
    waits = polled_job(builders.record())
    assert (waits["status"], waits["result"], waits["started_at"]) == ("pending", None, None)
    assert job_status(JOB, NOON) == {
        "type": "job.status",
        "job_id": JOB,
        "status": "running",
        "timestamp": TIME,
    }
    job = builders.record(builders.running(), builders.completed())
    told, polled = job_result(job), polled_job(job)
    assert polled == {
        "job_id": JOB,
        "status": "completed",
        "result": told["result"],
        "created_at": TIME,
        "started_at": TIME,
        "completed_at": TIME,
        "timeout_seconds": 10,
    }
    assert told == {"type": "job.result", "job_id": JOB, "status": "completed", "result": polled["result"]}
    for wall_ms, seconds in ((1_500, 1.5), (2_000, 2)):
        limited = msgspec.structs.replace(job, limits=Limits(wall_ms=wall_ms))
        assert repr(polled_job(limited)["timeout_seconds"]) == repr(seconds)


@pytest.mark.row("jobs", "4.4")
def test_a_message_is_one_of_two_or_unknown() -> None:
    assert parse({"action": "subscribe", "job_id": "x"}) == Subscribe("x")
    assert parse({"action": "ping"}) == Ping()
    for message in ({}, {"action": "subscribe"}, {"action": ["ping"]}, {"type": "ping"}, {"action": "PING"}):
        unknown = parse(message)
        assert isinstance(unknown, Unknown)
        assert error(unknown.why) == {"type": "error", "message": unknown.why}
