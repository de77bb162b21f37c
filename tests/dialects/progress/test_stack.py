"""Real programs of a real stack, as a client of `progress` is told of them."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from headrace.local.supervisor import Stack
from tests.dialects.clients import http_client, socket_client
from tests.dialects.progress.notes import subscribe, until_end
from tests.hosts import needs_cc
from tests.system.conftest import User

pytestmark = pytest.mark.asyncio(loop_scope="session")

C = '#include <stdio.h>\nint main(void) { puts("built"); }'
REQUEST = "request-of-the-test.1"


async def submit(stack: Stack, user: User, language: str, code: str, **limits: int) -> str:
    async with http_client(stack.address.api_url, user.token) as api:
        body = {"language": language, "code": code, "limits": limits}
        answer = await api.post("/v1/jobs", json=body, headers={"X-Request-Id": REQUEST})
    return str(answer.json()["job_id"])


def percents(messages: list[dict[str, Any]]) -> list[int]:
    return [one["progress"] for one in messages if one["type"] == "progress_update"]


@needs_cc
@pytest.mark.row("progress", "1.2", "2.4", "3.2", "3.5", "3.7", "3.9", "6.1")
async def test_a_compiled_program_is_told_stage_by_stage(dialect_stack: Stack, dialect_user: User) -> None:
    address = dialect_stack.address.dialects["progress"]
    # A waiting job, so that the one that follows is not over before it is subscribed to.
    earlier = await submit(dialect_stack, dialect_user, "bash", "sleep 0.3")
    job_id = await submit(dialect_stack, dialect_user, "c", C)
    async with asyncio.timeout(60), socket_client(f"{address}/api/v1/ws", dialect_user.token) as socket:
        await subscribe(socket, job_id)
        messages = await until_end(socket)
    assert {(one["job_id"], one["correlation_id"]) for one in messages} == {(job_id, REQUEST)}
    assert percents(messages) == sorted(percents(messages))
    assert (percents(messages)[0], percents(messages)[-1]) == (0, 100)
    ends = [one["stage"] for one in messages if one["type"] == "stage_complete"]
    assert ends == ["compile", "run"]
    place = next(place for place, one in enumerate(messages) if one["type"] == "stage_complete")
    assert {one["stage"] for one in messages[:place]} == {"compile"}
    assert {one.get("stage", "run") for one in messages[place + 1 :]} == {"run"}
    native = await dialect_user.client.get(job_id)
    assert native.result is not None
    results = messages[-1]["results"]
    assert (results["stdout"], results["exit_code"]) == ("built\n", 0)
    assert [one["name"] for one in results["stages"]] == ["compile", "run"]
    assert (results["wall_ms"], results["cpu_ms"]) == (native.result.wall_ms, native.result.cpu_ms)
    # A client that comes late is told the same end.
    async with asyncio.timeout(60), socket_client(address, dialect_user.token) as again:
        for one in (job_id, earlier):
            await subscribe(again, one)
            end = (await until_end(again))[-1]
            assert end == messages[-1] or end["job_id"] == earlier


@pytest.mark.row("progress", "3.6")
async def test_a_second_program_has_an_estimate(dialect_stack: Stack, dialect_user: User) -> None:
    address = dialect_stack.address.dialects["progress"]
    async with asyncio.timeout(60), socket_client(address, dialect_user.token) as socket:
        await dialect_user.run("bash", "true")
        job_id = await submit(dialect_stack, dialect_user, "bash", "sleep 0.3")
        await subscribe(socket, job_id)
        first = await socket.next()
        assert isinstance(first["estimated_seconds_remaining"], int)
        await until_end(socket)


@pytest.mark.full
@pytest.mark.row("progress", "2.6", "3.12", "4.5")
async def test_a_running_program_is_cancelled_and_those_behind_it_have_an_estimate(
    dialect_stack: Stack, dialect_user: User
) -> None:
    address = dialect_stack.address.dialects["progress"]
    async with asyncio.timeout(60), socket_client(address, dialect_user.token) as socket:
        # The second waits for the first, however slowly they are submitted: that is the queue's pace.
        jobs = [await submit(dialect_stack, dialect_user, "bash", f"sleep {s}") for s in (4, 0.1)]
        lasting = "bash", "sleep 60"
        jobs += [await submit(dialect_stack, dialect_user, *lasting, wall_ms=60_000) for _ in range(2)]
        await subscribe(socket, jobs[2])
        assert (await socket.next())["type"] == "progress_update"
        await socket.send({"type": "request_status", "job_id": jobs[3]})
        status = await socket.next()
        assert (status["status"], status["message"]) == ("queued", "next to start")
        assert status["estimated_seconds_remaining"] >= 0
        for job_id in (jobs[3], jobs[2]):
            await socket.send({"type": "cancel_job", "job_id": job_id})
        answers = await until_end(socket)
        assert [(one["type"], one["job_id"]) for one in answers if one["type"] != "progress_update"] == [
            ("job_status", jobs[3]),
            ("job_cancelled", jobs[2]),
        ]
        assert next(one["status"] for one in answers if one["type"] == "job_status") == "cancelled"


@pytest.mark.row("progress", "1.2")
async def test_it_has_no_routes_for_http(dialect_http: dict[str, httpx.AsyncClient]) -> None:
    for path in ("/", "/api/v1/ws", "/api/v1/jobs", "/execute"):
        answer = await dialect_http["progress"].get(path)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


@pytest.mark.row("progress", "1.4", "6.4")
async def test_requests_and_ends_are_in_the_log_with_their_ids(
    dialect_stack: Stack, dialect_user: User
) -> None:
    address = dialect_stack.address.dialects["progress"]
    job_id = await submit(dialect_stack, dialect_user, "bash", "true")
    async with asyncio.timeout(60), socket_client(address, dialect_user.token) as socket:
        connection = (await subscribe(socket, job_id))["connection_id"]
        await until_end(socket)
        await socket.send({"type": "subscribe", "job_id": "text of a client"})
        request_id = (await socket.next())["request_id"]
    text = (dialect_stack.directory / "notifier.log").read_text()
    assert "text of a client" not in text
    lines = [json.loads(line) for line in text.splitlines() if connection in line]
    shown = {
        line["event"]: (line["request_id"], line["job_id"], line["correlation_id"])
        for line in lines
        if line["event"].startswith("dialect_")
    }
    assert shown["dialect_request"][1:] == (job_id, REQUEST)
    assert shown["dialect_request"][0].startswith("req_")
    assert shown["dialect_end"] == (None, job_id, REQUEST)
    assert shown["dialect_error"] == (request_id, None, request_id)
