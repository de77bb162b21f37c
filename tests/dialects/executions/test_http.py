"""The dialect over HTTP: submitting, the status, the health; every bad request in its form."""

from collections.abc import AsyncIterator
from typing import cast

import httpx
import pytest
from starlette.applications import Starlette

from services.api.dependencies import ApiDependencies
from services.api.dialects.executions import dialect
from shared.contract.subjects import JOBS
from shared.dialects.executions import PATHS
from shared.dialects.names import prefix_of
from shared.jetstream.connection import Broker
from shared.service.runtime import Service
from tests import builders
from tests.builders import JOB
from tests.dialects.executions.page import EXECUTE, MISSING, NOTHING_YET, execute, status
from tests.integration.api_in_process import asked_api
from tests.integration.notifier.writer import Writer


@pytest.fixture
async def page(broker: Broker) -> AsyncIterator[httpx.AsyncClient]:
    async with asked_api(broker, dialects=(dialect,)) as client:
        client.base_url = httpx.URL(f"http://api{prefix_of('executions')}")
        yield client


async def native(page: httpx.AsyncClient, execution_id: str) -> dict[str, object]:
    answer = await page.get(f"http://api/v1/jobs/{execution_id}")
    job: dict[str, object] = answer.json()
    return job


async def stored(broker: Broker) -> int:
    """How many events the log has."""
    answer = await broker.api(f"STREAM.INFO.{JOBS}")
    return int(answer["state"]["messages"])


@pytest.mark.row("executions", "1.1", "1.2", "1.4", "1.5")
async def test_a_program_alone_is_python_without_input(page: httpx.AsyncClient) -> None:
    answer = await page.post(EXECUTE, json={"code": "print(1)", "contest_id": 7})
    assert answer.status_code == 200
    body = answer.json()
    assert tuple(body) == ("execution_id", "status", "message")
    assert (body["status"], bool(body["message"])) == ("pending", True)
    job = await native(page, body["execution_id"])
    assert (job["language"], job["ttl_s"]) == ("python", 3_600)
    (python,) = (await page.get("http://api/v1/languages")).json()["languages"]
    assert job["limits"] == python["limits"]
    shown = await status(page, body["execution_id"])
    assert (shown["code"], shown["language"], shown["input_data"]) == ("print(1)", "python", "")
    assert {name: shown[name] for name in NOTHING_YET} == NOTHING_YET
    assert shown["completed_at"] is None


@pytest.mark.row("executions", "1.3", "2.1", "2.3", "2.4")
async def test_it_is_told_by_the_name_of_the_language_that_was_sent(page: httpx.AsyncClient) -> None:
    execution_id = await execute(page, "print(input())\n", language="py", input_data="ä\n")
    assert (await native(page, execution_id))["language"] == "python"
    shown = await status(page, execution_id)
    assert (shown["execution_id"], shown["user_id"]) == (execution_id, builders.USER)
    assert (shown["code"], shown["language"], shown["input_data"]) == ("print(input())\n", "py", "ä\n")


@pytest.mark.row("executions", "1.2")
async def test_a_repeated_key_is_answered_with_the_execution_as_it_stands(page: httpx.AsyncClient) -> None:
    async def post() -> dict[str, str]:
        answer = await page.post(EXECUTE, json={"code": "1"}, headers={"Idempotency-Key": "k"})
        found: dict[str, str] = answer.json()
        return found

    first = await post()
    assert (await page.post(f"http://api/v1/jobs/{first['execution_id']}/cancel")).status_code < 300
    assert await post() == {**first, "status": "error"}


@pytest.mark.row("executions", "1.1", "1.3", "1.6", "1.8")
@pytest.mark.parametrize(
    ("content", "code", "loc"),
    [
        (b"", 422, ["body"]),
        (b"{", 422, ["body"]),
        (b"[]", 422, ["body"]),
        (b"{}", 422, ["body", "code"]),
        (b'{"code":""}', 422, ["body", "code"]),
        (b'{"code":null}', 422, ["body", "code"]),
        (b'{"code":"1","language":1}', 422, ["body", "language"]),
        (b'{"code":"1","language":""}', 422, ["body", "language"]),
        (b'{"code":"1","language":"klingon"}', 422, ["body", "language"]),
        (b'{"code":"1","language":"%s"}' % (b"x" * 65), 422, ["body", "language"]),
        (b'{"code":"1","input_data":["a"]}', 422, ["body", "input_data"]),
        (b'{"code":"%s"}' % (b"x" * (1 << 20)), 413, None),
    ],
)
async def test_a_bad_body_is_answered_in_the_form_of_the_dialect_and_stores_nothing(
    page: httpx.AsyncClient, broker: Broker, content: bytes, code: int, loc: list[str] | None
) -> None:
    answer = await page.post(EXECUTE, content=content)
    assert (answer.status_code, [*answer.json()]) == (code, ["detail"])
    detail = answer.json()["detail"]
    if loc is None:
        assert isinstance(detail, str)
    else:
        assert [(error["loc"], bool(error["msg"]), bool(error["type"])) for error in detail] == [
            (loc, True, True)
        ]
    assert await stored(broker) == 0


@pytest.mark.row("executions", "1.7", "1.8")
async def test_both_schemes_are_accepted_and_no_other(page: httpx.AsyncClient, broker: Broker) -> None:
    token = page.headers.pop("Authorization").removeprefix("Bearer ")
    for sent in (None, f"Basic {token}", f"Token {token[:-3]}", "Token", token):
        bad = {} if sent is None else {"Authorization": sent}
        for answer in (
            await page.post(EXECUTE, json={"code": "1"}, headers=bad),
            await page.get(f"{PATHS}/status/{JOB}", headers=bad),
        ):
            assert (answer.status_code, [*answer.json()]) == (401, ["detail"])
            assert isinstance(answer.json()["detail"], str)
    assert await stored(broker) == 0
    for scheme in ("Token", "token", "Bearer"):
        page.headers["Authorization"] = f"{scheme} {token}"
        assert (await status(page, await execute(page, "1")))["status"] == "pending"


@pytest.mark.row("executions", "2.1", "2.2")
async def test_the_status_follows_the_log(page: httpx.AsyncClient, writer: Writer) -> None:
    words = []
    for event in (builders.queued(JOB), builders.running(JOB), builders.completed(JOB)):
        await writer.append(event)
        words.append((await status(page, JOB))["status"])
    assert words == ["pending", "running", "completed"]
    shown = await status(page, JOB)
    assert (shown["output"], shown["error_output"], shown["execution_time"]) == ("42\n", "", "0.01s")
    assert shown["created_at"] == shown["updated_at"] == shown["completed_at"] == "2026-01-02T12:00:00.123Z"


@pytest.mark.row("executions", "2.10")
async def test_whatever_the_user_does_not_have_is_one_404(page: httpx.AsyncClient, writer: Writer) -> None:
    others, expired = builders.job_id(), builders.job_id()
    await writer.append(builders.queued(others, "bob"))
    await writer.append(builders.queued(expired))
    await writer.append(builders.completed(expired))
    await writer.append(builders.expired(expired))
    for execution_id in (others, expired, builders.job_id(), "nothing", JOB.upper(), "%00", "undefined"):
        answer = await page.get(f"{PATHS}/status/{execution_id}")
        assert (answer.status_code, answer.json()) == (404, MISSING), execution_id


@pytest.mark.row("executions", "3.1", "3.2", "3.3")
@pytest.mark.parametrize("token", [None, "Bearer not.a.token"])
async def test_health_needs_no_token(page: httpx.AsyncClient, token: str | None) -> None:
    del page.headers["Authorization"]
    headers = {} if token is None else {"Authorization": token}
    for path in ("/health", "/health/"):
        answer = await page.get(path, headers=headers)
        assert (answer.status_code, answer.json()["status"]) == (200, "healthy")
        assert answer.json()["service"]
        assert len(answer.json()["timestamp"]) == len("2025-06-22T10:30:00.000Z")
        assert answer.json()["timestamp"].endswith("Z")
    for path in ("/health/ready", "/health/ready/"):
        answer = await page.get(path, headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
    assert (await page.get(f"{PATHS}/health/", headers=headers)).status_code == 404


class Deps:
    """As much of the api as the readiness needs."""

    def __init__(self, service: Service) -> None:
        self.is_ready = service.is_ready


@pytest.mark.row("executions", "3.2")
async def test_a_service_that_is_not_ready_says_so() -> None:
    service = Service("api")
    app = Starlette(routes=dialect(cast("ApiDependencies", Deps(service))).routes)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        path = f"{prefix_of('executions')}/health/ready"
        assert (await client.get(path)).json() == {"status": "ready"}
        service.stopping.set()
        answer = await client.get(path)
        assert (answer.status_code, answer.json()) == (503, {"status": "not ready"})
        assert int(answer.headers["Retry-After"]) > 0
