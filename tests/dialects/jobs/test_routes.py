"""What `jobs` answers over HTTP: submissions, and a job in each of its states."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from services.api.dialects.jobs import dialect
from shared.domain.events import Terminal
from shared.domain.result import Output, Result
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from tests import builders
from tests.builders import JOB
from tests.integration.api_in_process import asked_api
from tests.integration.notifier.writer import Writer

PREFIX = "/dialects/jobs"
EXECUTE = f"{PREFIX}/execute"
NOON = "2026-01-02T12:00:00.123456Z"
TRACEBACK = "Traceback (most recent call last):\n  File ...\nZeroDivisionError: division by zero\n"
NO_RESULT = {
    "success": False,
    "stdout": "",
    "stderr": "",
    "execution_time_ms": 0,
    "error": None,
    "error_type": None,
    "timed_out": False,
}

BROKEN = {
    b"": [],
    b"no JSON": [],
    b"[]": [],
    b"\xff": [],
    b"{}": ["code"],
    b'{"code":""}': ["code"],
    b'{"code":["1"]}': ["code"],
    b'{"code":"1","timeout_seconds":"soon"}': ["timeout_seconds"],
    b'{"code":"1","timeout_seconds":null}': ["timeout_seconds"],
    b'{"code":"1","timeout_seconds":-1}': ["timeout_seconds"],
    b'{"code":"1","timeout_seconds":1e9}': ["timeout_seconds"],
}
"""Bodies, and the field that is wrong."""


@pytest.fixture
async def api(broker: Broker) -> AsyncIterator[httpx.AsyncClient]:
    async with asked_api(broker, dialects=(dialect,)) as client:
        yield client


@pytest.fixture
def writer(broker: Broker, log: Log) -> Writer:
    return Writer(broker, log)


async def polled(api: httpx.AsyncClient, job_id: str = JOB) -> dict[str, Any]:
    answer = await api.get(f"{EXECUTE}/jobs/{job_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.row("jobs", "1.1", "2.1", "2.3", "2.7", "3.1", "3.8")
async def test_a_submission_is_a_pending_job(api: httpx.AsyncClient) -> None:
    answer = await api.post(EXECUTE, json={"code": "print(1)"})
    assert (answer.status_code, [*answer.json()]) == (200, ["job_id", "status"])
    assert answer.json()["status"] == "pending"
    job_id = answer.json()["job_id"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", job_id)
    found = await polled(api, job_id)
    created_at = datetime.fromisoformat(found.pop("created_at"))
    assert timedelta() <= datetime.now(UTC) - created_at < timedelta(minutes=1)
    assert found == {
        "job_id": job_id,
        "status": "pending",
        "result": None,
        "started_at": None,
        "completed_at": None,
        "timeout_seconds": 30,
    }
    native = (await api.get(f"/v1/jobs/{job_id}")).json()
    assert (native["language"], native["ttl_s"]) == ("python", 86_400)
    natively = await api.post("/v1/jobs", json={"language": "python", "code": "1"})
    assert (await polled(api, natively.json()["job_id"]))["timeout_seconds"] == 10


@pytest.mark.row("jobs", "2.2", "3.6")
async def test_the_time_limit_is_of_both_clocks(api: httpx.AsyncClient) -> None:
    for given, wall_ms, shown in ((2, 2_000, "2"), (0.25, 250, "0.25"), (60, 60_000, "60")):
        answer = await api.post(EXECUTE, json={"code": "1", "timeout_seconds": given})
        job_id = answer.json()["job_id"]
        limits = (await api.get(f"/v1/jobs/{job_id}")).json()["limits"]
        assert (limits["wall_ms"], limits["cpu_ms"]) == (wall_ms, wall_ms)
        assert f'"timeout_seconds":{shown}}}' in (await api.get(f"{EXECUTE}/jobs/{job_id}")).text


@pytest.mark.row("jobs", "2.2")
@pytest.mark.full
async def test_without_a_limit_the_most_that_the_operator_allows_is_taken(broker: Broker) -> None:
    changes: Any = {"wall_ms_max": 5_000}
    async with asked_api(broker, dialects=(dialect,), **changes) as api:
        job_id = (await api.post(EXECUTE, json={"code": "1"})).json()["job_id"]
        assert (await polled(api, job_id))["timeout_seconds"] == 5
        refused = await api.post(EXECUTE, json={"code": "1", "timeout_seconds": 5.1})
        assert refused.json()["detail"][0]["loc"] == ["body", "timeout_seconds"]
        assert refused.status_code == 422


@pytest.mark.row("jobs", "2.4")
async def test_a_key_makes_two_requests_one_job(api: httpx.AsyncClient, log: Log) -> None:
    async def post(code: str, **headers: str) -> httpx.Response:
        return await api.post(EXECUTE, json={"code": code}, headers=headers)

    first = await post("1", **{"Idempotency-Key": "k"})
    job_id = first.json()["job_id"]
    for event in (builders.running(job_id), builders.completed(job_id)):
        await log.append(event, expected=await log.last_sequence(), patience_s=10)
    assert (await polled(api, job_id))["status"] == "completed"
    second = await post("1", **{"Idempotency-Key": "k"})
    assert (second.status_code, second.json()) == (200, first.json())
    assert (await post("2", **{"Idempotency-Key": "k"})).status_code == 422
    assert (await post("1")).json()["job_id"] != (await post("1")).json()["job_id"]


@pytest.mark.row("jobs", "2.5")
async def test_a_broken_body_is_422_and_stores_nothing(api: httpx.AsyncClient, log: Log) -> None:
    for body, loc in BROKEN.items():
        answer = await api.post(EXECUTE, content=body)
        assert answer.status_code == 422, answer.text
        (error,) = answer.json()["detail"]
        assert (error["loc"], error.keys()) == (["body", *loc], {"loc", "msg", "type"})
    assert await log.last_sequence() == 0


@pytest.mark.row("jobs", "2.5")
async def test_what_may_not_be_submitted_has_the_status_of_its_reason(broker: Broker, log: Log) -> None:
    body = {"code": "1"}
    changes: Any = {"unfinished_jobs": 1, "unfinished_jobs_max": 1}
    async with asked_api(broker, dialects=(dialect,), **changes) as api:
        large = await api.post(EXECUTE, json={"code": "x" * 5_000_000})
        assert (large.status_code, [*large.json()]) == (413, ["detail"])
        assert await log.last_sequence() == 0
        assert (await api.post(EXECUTE, json=body)).status_code == 200
        refused = await api.post(EXECUTE, json=body)
        assert (refused.status_code, [*refused.json()]) == (429, ["detail"])
        assert int(refused.headers["retry-after"]) > 0
        api.headers["Authorization"] = "Bearer a.b.c"
        for path in (EXECUTE, f"{EXECUTE}/jobs/{JOB}"):
            forged = await api.request("POST" if path == EXECUTE else "GET", path, json=body)
            assert (forged.status_code, [*forged.json()]) == (401, ["detail"])
    async with asked_api(broker, "ops", dialects=(dialect,)) as operator:
        assert (await operator.post(EXECUTE, json=body)).status_code == 403
    assert await log.last_sequence() == 1


ENDS: list[tuple[Terminal, str, dict[str, object]]] = [
    (
        msgspec.structs.replace(
            builders.completed(), result=Result(exit_code=0, stdout=Output(content="hello\n"), wall_ms=12)
        ),
        "completed",
        {"success": True, "stdout": "hello\n", "execution_time_ms": 12},
    ),
    (
        msgspec.structs.replace(
            builders.failed(), result=Result(exit_code=1, stderr=Output(content=TRACEBACK), wall_ms=7)
        ),
        "failed",
        {
            "stderr": TRACEBACK,
            "execution_time_ms": 7,
            "error": "The program ended with exit code 1.",
            "error_type": "ZeroDivisionError",
        },
    ),
    (
        builders.timeout(),
        "failed",
        {
            "error": "The program ran for longer than 10 seconds.",
            "error_type": "wall_time",
            "timed_out": True,
        },
    ),
    (
        builders.cancelled(attempt=1),
        "failed",
        {"error": "cancelled", "error_type": "cancelled"},
    ),
]


@pytest.mark.row("jobs", "3.1", "3.2", "3.3", "3.4", "3.5")
async def test_a_job_is_polled_in_each_state(api: httpx.AsyncClient, writer: Writer) -> None:
    for end, status, result in ENDS:
        job = builders.job_id()
        await writer.append(builders.queued(job))
        pending = await polled(api, job)
        assert (pending["status"], pending["result"]) == ("pending", None)
        await writer.append(builders.running(job))
        running = await polled(api, job)
        assert running == {**pending, "status": "running", "started_at": NOON}
        assert (running["created_at"], running["completed_at"]) == (NOON, None)
        await writer.append(msgspec.structs.replace(end, job_id=job))
        ended = {"status": status, "result": {**NO_RESULT, **result}, "completed_at": NOON}
        assert await polled(api, job) == {**running, **ended}
    await writer.append(builders.queued(JOB))
    await writer.append(builders.cancelled(JOB))
    found = await polled(api)
    assert found["result"] == {**NO_RESULT, "error": "cancelled", "error_type": "cancelled"}
    assert (found["status"], found["started_at"], found["completed_at"]) == ("failed", None, NOON)


@pytest.mark.row("jobs", "3.7")
async def test_what_is_no_job_of_the_user_is_one_404(api: httpx.AsyncClient, writer: Writer) -> None:
    others, expired = builders.job_id(), builders.job_id()
    await writer.run_job(others, user="bob")
    await writer.run_job(expired)
    await writer.append(builders.expired(expired))
    for job_id in (
        others,
        expired,
        builders.job_id(),
        JOB.upper(),
        "nothing",
        "%00",
        "a%2Fb",
        "*",
        JOB + "/",
    ):
        answer = await api.get(f"{EXECUTE}/jobs/{job_id}")
        assert (answer.status_code, answer.content) == (404, b'{"detail":"Job not found"}'), job_id
