"""What a service writes of the requests that it answers, and of the jobs that end."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from headrace.local.supervisor import Stack, StackOptions, run_stack
from tests.http_client import http_client
from tests.system.conftest import User, user_of

pytestmark = pytest.mark.full

Line = dict[str, Any]


def lines_in(log: Path) -> list[Line]:
    return [json.loads(text) for text in log.read_text().splitlines()]


async def line_of(log: Path, event: str, wanted: Callable[[Line], bool]) -> Line:
    """The first such line, which may be written after its answer was read."""
    async with asyncio.timeout(20):
        while not (found := [line for line in lines_in(log) if line.get("event") == event and wanted(line)]):  # noqa: ASYNC110 - a file
            await asyncio.sleep(0.01)
    return found[0]


async def test_each_request_is_found_by_its_id_and_without_its_query(
    shared_stack: Stack, http: httpx.AsyncClient, alice: User
) -> None:
    query = "label=course%3Dof-the-query"
    answer = await http.get(f"/v1/jobs?{query}", headers={"X-Request-Id": "req-of-alice-1"})
    assert answer.headers["x-request-id"] == "req-of-alice-1"
    log = shared_stack.directory / "api.log"
    line = await line_of(log, "request", lambda line: line.get("request_id") == "req-of-alice-1")
    assert (line["method"], line["path"], line["status"]) == ("GET", "/v1/jobs", 200)
    assert line["user_id"] == alice.name
    assert 0 < line["duration_ms"] < 60_000
    assert "of-the-query" not in log.read_text()


async def test_a_refused_request_is_written_too_and_its_token_is_not(shared_stack: Stack) -> None:
    url = shared_stack.address.api_url
    async with http_client(base_url=url, headers={"Authorization": "Bearer very.secret.token"}) as bad:
        refused = await bad.get("/v1/jobs")
    assert refused.status_code == 401
    log = shared_stack.directory / "api.log"
    wanted = refused.headers["x-request-id"]
    line = await line_of(log, "request", lambda line: line.get("request_id") == wanted)
    assert (line["status"], line["user_id"]) == (401, None)
    assert "very.secret.token" not in log.read_text()


async def test_a_job_s_end_is_one_line_with_the_request_that_began_it(
    shared_stack: Stack, http: httpx.AsyncClient, alice: User
) -> None:
    body = {"language": "bash", "code": "exit 3"}
    job = (await http.post("/v1/jobs", json=body, headers={"X-Request-Id": "req-of-alice-2"})).json()
    await alice.until_terminal(job["job_id"])
    log = shared_stack.directory / "executor.log"
    line = await line_of(log, "job_ended", lambda line: line["job_id"] == job["job_id"])
    assert (line["status"], line["reason"], line["attempt"]) == ("failed", "exit_code", 1)
    assert (line["user_id"], line["request_id"]) == (alice.name, "req-of-alice-2")


async def test_a_websocket_is_written_when_it_ends_with_the_id_of_what_it_asked_for(
    shared_stack: Stack, alice: User
) -> None:
    headers = {"Authorization": f"Bearer {alice.token}"}
    url = shared_stack.address.websocket_url
    async with connect(url, subprotocols=["headrace.v1"], additional_headers=headers) as socket:  # type: ignore[list-item]
        await socket.send('{"type": "connection_init"}')
        told = json.loads(await socket.recv())
    log = shared_stack.directory / "notifier.log"
    wanted = told["connection_id"]
    line = await line_of(log, "request", lambda line: line.get("connection_id") == wanted)
    assert (line["method"], line["path"], line["status"]) == ("WEBSOCKET", "/v1/ws", 1000)
    assert line["user_id"] == alice.name


async def test_the_notifier_s_answers_have_ids_too(shared_stack: Stack) -> None:
    url = httpx.URL(shared_stack.address.websocket_url).copy_with(scheme="http", path="/v1/stream")
    async with http_client() as http:
        refused = await http.get(url, headers={"X-Request-Id": "req-of-nobody"})
    assert (refused.status_code, refused.headers["x-request-id"]) == (401, "req-of-nobody")
    assert refused.json()["instance"].endswith("req-of-nobody")
    log = shared_stack.directory / "notifier.log"
    line = await line_of(log, "request", lambda line: line.get("request_id") == "req-of-nobody")
    assert line["status"] == 401


async def test_a_share_of_none_is_silent(tmp_path: Path) -> None:
    options = StackOptions(environment={"HEADRACE_ACCESS_LOG_SHARE": "0"})
    async with run_stack(tmp_path / "data", options) as stack, user_of(stack) as alice:
        await alice.run("bash", "true")
        await stack.stop_services()
        lines = lines_in(stack.directory / "api.log")
    assert [line for line in lines if line.get("event") == "request" and line["status"] < 500] == []


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
async def test_what_machines_ask_all_the_time_is_not_written(shared_stack: Stack, path: str) -> None:
    async with http_client(base_url=shared_stack.address.api_url) as http:
        asked = await http.get(path, headers={"X-Request-Id": "req-of-a-machine"})
        assert asked.status_code == 200
        await http.get("/v1/nothing", headers={"X-Request-Id": f"req-after{path.replace('/', '-')}"})
    log = shared_stack.directory / "api.log"
    wanted = f"req-after{path.replace('/', '-')}"
    await line_of(log, "request", lambda line: line.get("request_id") == wanted)
    assert "req-of-a-machine" not in log.read_text()
