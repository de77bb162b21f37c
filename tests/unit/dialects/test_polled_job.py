"""A job as clients poll it: two words while it is unfinished, two at its end, and no other."""

import msgspec
import pytest

from services.api.dialects.polled_job import polled_job
from shared.domain.events import Event
from tests import builders
from tests.builders import JOB

TIME = "2026-01-02T12:00:00.123456Z"


def test_all_fields_are_always_there() -> None:
    assert polled_job(builders.record()) == {
        "job_id": JOB,
        "status": "pending",
        "result": None,
        "created_at": TIME,
        "started_at": None,
        "completed_at": None,
        "timeout_seconds": 10,
    }
    assert polled_job(builders.record(builders.running(), builders.completed())) == {
        "job_id": JOB,
        "status": "completed",
        "result": {
            "success": True,
            "stdout": "42\n",
            "stderr": "",
            "execution_time_ms": 12,
            "error": None,
            "error_type": None,
            "timed_out": False,
        },
        "created_at": TIME,
        "started_at": TIME,
        "completed_at": TIME,
        "timeout_seconds": 10,
    }


@pytest.mark.parametrize(
    ("events", "status", "error_type", "timed_out"),
    [
        ((builders.running(), builders.failed()), "failed", "exit_code", False),
        ((builders.running(), builders.timeout()), "failed", "wall_time", True),
        ((builders.cancelled(),), "failed", "cancelled", False),
    ],
)
def test_whatever_does_not_complete_has_failed(
    events: tuple[Event, ...], status: str, error_type: str, timed_out: bool
) -> None:
    polled = polled_job(builders.record(*events))
    assert polled["status"] == status
    result = polled["result"]
    assert isinstance(result, dict)
    assert (result["success"], result["error_type"], result["timed_out"]) == (False, error_type, timed_out)
    assert result["error"]


def test_statuses_of_a_later_version_are_one_of_the_four() -> None:
    running = builders.record(builders.running())
    ended = builders.record(builders.running(), builders.completed())
    assert polled_job(running)["status"] == "running"
    assert polled_job(msgspec.structs.replace(running, status="paused"))["status"] == "running"
    assert polled_job(msgspec.structs.replace(ended, status="evicted"))["status"] == "failed"
