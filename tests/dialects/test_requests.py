"""What all dialects answer over HTTP, shown by one that only tests speak."""

from collections.abc import AsyncIterator

import httpx
import pytest

from services.api.settings import ApiSettings
from shared.dialects.names import label_of
from shared.jetstream.connection import Broker
from tests.dialects import echo
from tests.integration.api_in_process import asked_api

PATH = "/dialects/echo/execute"
ORIGIN = "http://localhost:5173"


@pytest.fixture
async def api(broker: Broker) -> AsyncIterator[httpx.AsyncClient]:
    async with asked_api(broker, dialects=(echo.dialect,), api_origins=ORIGIN) as client:
        yield client


@pytest.mark.row("all", "2.1", "2.6", "2.9")
async def test_a_job_is_the_same_here_and_natively(api: httpx.AsyncClient) -> None:
    answer = await api.post(PATH, json={"code": "print(1)"})
    assert (answer.status_code, answer.json()["phase"]) == (200, "queued")
    job = (await api.get(f"/v1/jobs/{answer.json()['id']}")).json()
    assert (job["limits"]["wall_ms"], job["limits"]["cpu_ms"], job["ttl_s"]) == (30_000, 30_000, 86_400)
    assert job["labels"] == {"dialect:a": "b"}
    token = api.headers["Authorization"].removeprefix("Bearer ")
    read = await api.get(f"{PATH}/{job['job_id']}", headers={"Authorization": f"Token {token}"})
    assert read.json() == {"id": job["job_id"], "phase": "queued"}


@pytest.mark.row("all", "2.9")
async def test_a_client_cannot_set_a_label_of_a_dialect(api: httpx.AsyncClient) -> None:
    body = {"language": "python", "code": "1", "labels": {label_of("a"): "b"}}
    assert (await api.post("/v1/jobs", json=body)).status_code == 422


@pytest.mark.row("all", "2.2", "2.3")
@pytest.mark.parametrize(
    ("body", "loc", "kind"),
    [
        (b"", ["body"], "missing"),
        (b"{", ["body"], "json_invalid"),
        (b'{"code":"\\ud800"}', ["body"], "json_invalid"),
        (b"[" * 10_000, ["body"], "json_invalid"),
        (b"\xff", ["body"], "json_invalid"),
        (b"[]", ["body"], "model_type"),
        (b"{}", ["body", "code"], "missing"),
        (b'{"code":""}', ["body", "code"], "string_too_short"),
        (b'{"code":7}', ["body", "code"], "string_type"),
        (b'{"code":"1","timeout_seconds":0}', ["body", "timeout_seconds"], "greater_than"),
        (b'{"code":"1","timeout_seconds":Infinity}', ["body", "timeout_seconds"], "finite_number"),
        (b'{"code":"1","timeout_seconds":1e300}', ["body", "timeout_seconds"], "less_than_equal"),
    ],
)
async def test_a_broken_body_is_422_with_the_place_of_each_error(
    api: httpx.AsyncClient, body: bytes, loc: list[str], kind: str
) -> None:
    answer = await api.post(PATH, content=body)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["detail"]
    assert (error["loc"], error["type"]) == (loc, kind)
    assert error["msg"]
    assert (await api.get("/v1/jobs")).status_code in {200, 503}


@pytest.mark.row("all", "2.3")
async def test_unknown_fields_are_ignored(api: httpx.AsyncClient) -> None:
    assert (await api.post(PATH, json={"code": "1", "more": [1]})).status_code == 200


@pytest.mark.row("all", "2.5")
async def test_a_time_limit_beyond_the_operator_s_is_refused(api: httpx.AsyncClient) -> None:
    most_s = ApiSettings(token_secret="x" * 32).wall_ms_max / 1_000
    statuses = [
        (await api.post(PATH, json={"code": "1", "timeout_seconds": limit})).status_code
        for limit in (most_s, most_s + 0.001)
    ]
    assert statuses == [200, 422]


@pytest.mark.row("all", "2.4")
@pytest.mark.parametrize("job_id", ["0197f000-0000-7000-8000-000000000001", "nothing", "%00", "..%2f.."])
async def test_whatever_is_no_job_of_the_user_is_one_404(api: httpx.AsyncClient, job_id: str) -> None:
    answer = await api.get(f"{PATH}/{job_id}")
    assert (answer.status_code, answer.json()) in [
        (404, {"detail": "Job not found"}),
        (404, {"detail": "Not Found"}),
    ]


@pytest.mark.row("all", "2.2")
async def test_errors_of_no_route_have_the_same_form(api: httpx.AsyncClient) -> None:
    assert (await api.get("/dialects/echo/nowhere")).json() == {"detail": "Not Found"}
    assert (await api.put(PATH)).json() == {"detail": "Method Not Allowed"}
    assert (await api.post(PATH + "/")).status_code in {404, 405}
    del api.headers["Authorization"]
    answer = await api.post(PATH, json={"code": "1"})
    assert (answer.status_code, answer.json()) == (401, {"detail": "Not authenticated"})


@pytest.mark.row("all", "2.7")
async def test_a_key_makes_two_requests_one_job(api: httpx.AsyncClient) -> None:
    async def post(code: str, key: str) -> httpx.Response:
        return await api.post(PATH, json={"code": code}, headers={"Idempotency-Key": key})

    ids = [(await post("1", "k")).json()["id"] for _ in range(2)]
    assert ids[0] == ids[1]
    assert (await post("2", "k")).status_code == 422
    assert (await post("1", "k" * 256)).status_code == 422


@pytest.mark.row("all", "2.8")
async def test_pages_of_listed_origins_may_patch_here_and_not_natively(api: httpx.AsyncClient) -> None:
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    allowed = await api.options(PATH, headers=asked)
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, ORIGIN)
    assert (await api.options("/v1/jobs", headers=asked)).status_code == 400
    assert (await api.options(PATH, headers={**asked, "Origin": "http://evil"})).status_code == 400
