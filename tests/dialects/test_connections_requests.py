"""What the dialect `connections` takes and answers over HTTP, where no job ends."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.api.dialects import connections
from services.api.settings import ApiSettings
from shared.dialects.connections import new_connection_id
from shared.dialects.names import prefix_of
from shared.jetstream.connection import Broker
from tests.integration.api_in_process import asked_api

AT = prefix_of("connections")
UNKNOWN = "0197f000-0000-7000-8000-000000000001"
MAX_S = ApiSettings(token_secret="x" * 32).wall_ms_max / 1_000

BROKEN = {
    b"": "body",
    b"{": "body",
    b"[1]": "body",
    b"{}": "code",
    b'{"code":""}': "code",
    b'{"code":null}': "code",
    b'{"code":"1","timeout_seconds":0}': "timeout_seconds",
    b'{"code":"1","timeout_seconds":-1}': "timeout_seconds",
    b'{"code":"1","timeout_seconds":null}': "timeout_seconds",
    b'{"code":"1","timeout_seconds":"soon"}': "timeout_seconds",
    b'{"code":"1","timeout_seconds":1e9}': "timeout_seconds",
}


@pytest.fixture
async def api(broker: Broker) -> AsyncIterator[httpx.AsyncClient]:
    limits: dict[str, Any] = {"wait_s_max": 1}
    async with asked_api(broker, dialects=(connections.dialect,), **limits) as client:
        yield client


async def native(api: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    """The job as the native API shows it."""
    job: dict[str, Any] = (await api.get(f"/v1/jobs/{job_id}")).json()
    return job


@pytest.mark.row("connections", "1.1", "1.2", "1.3", "1.4")
async def test_a_submission_is_queued_with_the_defaults_of_the_older_service(api: httpx.AsyncClient) -> None:
    connection_id = new_connection_id(datetime.now(UTC))
    body = {"code": "print(1)", "connection_id": connection_id, "more": [1]}
    answer = await api.post(f"{AT}/execute/async", json=body)
    assert answer.status_code == 200
    assert answer.json() == {"job_id": answer.json()["job_id"], "status": "queued"}
    job = await native(api, answer.json()["job_id"])
    assert (job["language"], job["ttl_s"]) == ("python", 86_400)
    assert (job["limits"]["wall_ms"], job["limits"]["cpu_ms"]) == (30_000, 30_000)
    assert job["labels"] == {"dialect:connection_id": connection_id}


@pytest.mark.row("connections", "1.3")
async def test_the_default_limit_is_no_more_than_the_operator_allows(broker: Broker) -> None:
    limits: dict[str, Any] = {"wall_ms_max": 5_000, "cpu_ms_max": 4_000}
    async with asked_api(broker, dialects=(connections.dialect,), **limits) as api:
        answer = await api.post(f"{AT}/execute/async", json={"code": "1"})
        job = await native(api, answer.json()["job_id"])
        assert (job["limits"]["wall_ms"], job["limits"]["cpu_ms"]) == (5_000, 4_000)
        asked = {"code": "1", "timeout_seconds": 30}
        assert (await api.post(f"{AT}/execute/async", json=asked)).status_code == 422


@pytest.mark.row("connections", "1.2", "1.3", "2.1")
async def test_a_broken_body_is_422(api: httpx.AsyncClient) -> None:
    for body, field in BROKEN.items():
        for path in ("/execute/async", "/execute"):
            answer = await api.post(AT + path, content=body)
            assert answer.status_code == 422, (path, body)
            assert [error["loc"][-1] for error in answer.json()["detail"]] == [field]


@pytest.mark.row("connections", "1.5")
async def test_a_job_is_accepted_whatever_connection_it_names(api: httpx.AsyncClient) -> None:
    texts: list[str | None] = [None, "", "x" * 10_000]
    for body in ({"code": "1"}, *({"code": "1", "connection_id": text} for text in texts)):
        answer = await api.post(f"{AT}/execute/async", json=body)
        assert (answer.status_code, answer.json()["status"]) == (200, "queued")
        assert (await native(api, answer.json()["job_id"]))["labels"] == {}
        polled = await api.get(f"{AT}/execute/jobs/{answer.json()['job_id']}")
        assert (polled.status_code, polled.json()["status"]) == (200, "pending")
    others: list[object] = [7, ["conn"], {}]
    for other in others:
        named = {"code": "1", "connection_id": other}
        answer = await api.post(f"{AT}/execute/async", json=named)
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["body", "connection_id"]


@pytest.mark.row("connections", "1.2", "1.6", "4.5")
async def test_errors_have_the_form_of_the_older_service(api: httpx.AsyncClient) -> None:
    most = ApiSettings(token_secret="x" * 32).body_bytes_max
    for path in ("/execute/async", "/execute"):
        answer = await api.post(AT + path, json={"code": "#" * most})
        assert (answer.status_code, [*answer.json()]) == (413, ["detail"])
    for job_id in (UNKNOWN, "nothing", "%00"):
        answer = await api.get(f"{AT}/execute/jobs/{job_id}")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Job not found"})
    for authorization in ("", "Bearer a.b.c", api.headers["Authorization"][:-3], "Basic YTpi"):
        api.headers["Authorization"] = authorization
        for method, path in (
            ("POST", "/execute/async"),
            ("POST", "/execute"),
            ("GET", f"/execute/jobs/{UNKNOWN}"),
        ):
            answer = await api.request(method, AT + path)
            assert (answer.status_code, [*answer.json()]) == (401, ["detail"])


@pytest.mark.full
@pytest.mark.row("connections", "2.3")
async def test_a_job_that_does_not_end_in_time_is_504_and_goes_on(api: httpx.AsyncClient) -> None:
    answer = await api.post(f"{AT}/execute", json={"code": "1", "timeout_seconds": MAX_S})
    assert answer.status_code == 504
    assert [*answer.json()] == ["detail", "job_id"]
    assert isinstance(answer.json()["detail"], str)
    polled = (await api.get(f"{AT}/execute/jobs/{answer.json()['job_id']}")).json()
    assert (polled["status"], polled["timeout_seconds"]) == ("pending", MAX_S)


@pytest.mark.row("connections", "2.3")
async def test_without_a_place_to_wait_it_is_504_at_once(broker: Broker) -> None:
    limits: dict[str, Any] = {"user_waits": 0}
    async with asked_api(broker, dialects=(connections.dialect,), **limits) as api:
        answer = await api.post(f"{AT}/execute", json={"code": "1"})
        assert (answer.status_code, [*answer.json()]) == (504, ["detail", "job_id"])
