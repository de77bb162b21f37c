"""The dialect of a whole stack, at its own port: programs run, and pages poll them."""

import asyncio
from typing import Any

import httpx
import pytest

from headrace.local.supervisor import Stack
from shared.dialects.names import prefix_of
from tests.dialects.clients import http_client
from tests.system.conftest import User

pytestmark = pytest.mark.asyncio(loop_scope="session")

FAILS = "import sys; print('half'); print('Oops', file=sys.stderr); sys.exit(3)"


@pytest.fixture
def page(dialect_http: dict[str, httpx.AsyncClient]) -> httpx.AsyncClient:
    return dialect_http["livecode"]


async def end_of(page: httpx.AsyncClient, user: User, made: httpx.Response) -> dict[str, Any]:
    """What a poll shows as soon as the end was pushed natively."""
    assert made.status_code == 201, made.text
    job_id = made.json()["executionId"]
    await user.until_terminal(job_id)
    answer = await page.get(f"/executions/{job_id}")
    assert (answer.status_code, answer.json()["executionId"]) == (200, job_id)
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.full
@pytest.mark.row("livecode", "1.1", "2.6", "2.7", "2.8", "2.9")
async def test_programs_end_as_they_ended(
    page: httpx.AsyncClient, dialect_user: User, dialect_stack: Stack
) -> None:
    async def execute(code: str) -> httpx.Response:
        return await page.post("/executions", json={"sessionId": "a", "language": "python", "code": code})

    good = await end_of(page, dialect_user, await execute("print('Hello')"))
    assert (good["status"], good["output"], good["stdout"]) == ("COMPLETED", "Hello", "Hello\n")
    assert good["createdAt"] <= good["startedAt"] <= good["finishedAt"]
    assert good["executionTimeMs"] >= 0
    bad = await end_of(page, dialect_user, await execute(FAILS))
    assert (bad["status"], bad["output"], bad["error"]) == ("FAILED", "half", "Oops\n")
    stopped = await execute("import time; time.sleep(60)")
    await dialect_user.client.cancel(stopped.json()["executionId"])
    end = await end_of(page, dialect_user, stopped)
    assert (end["status"], end["error"]) == ("FAILED", "cancelled")
    url = dialect_stack.address.api_url + prefix_of("livecode")
    async with http_client(url, dialect_user.token) as below:
        assert (await below.get(f"/executions/{good['id']}")).json() == good


@pytest.mark.row("livecode", "3.5", "3.7", "2.8")
async def test_a_session_is_autosaved_and_run(page: httpx.AsyncClient, dialect_user: User) -> None:
    session_id = (await page.post("/code-sessions")).json()["sessionId"]
    for length in range(1, 4):
        saved = await page.patch(f"/code-sessions/{session_id}", json={"sourceCode": "print(7)"[:length]})
        assert saved.status_code == 200
    assert (await page.get(f"/code-sessions/{session_id}")).json()["sourceCode"] == "pri"
    await page.patch(f"/code-sessions/{session_id}", json={"sourceCode": "print(7)"})
    run = await end_of(page, dialect_user, await page.post(f"/code-sessions/{session_id}/run"))
    assert (run["status"], run["output"]) == ("COMPLETED", "7")
    limited = {"language": "python", "code": "while True: pass", "limits": {"wall_ms": 300}}
    async with http_client(dialect_user.stack.address.api_url, dialect_user.token) as native:
        session_id = (await native.post("/v1/sessions", json=limited)).json()["session_id"]
    run = await end_of(page, dialect_user, await page.post(f"/code-sessions/{session_id}/run"))
    assert (run["status"], run["output"]) == ("TIMEOUT", "")
    assert run["error"] == "The program ran for longer than 0.3 seconds."


@pytest.mark.row("livecode", "2.4")
async def test_a_double_click_is_one_execution(page: httpx.AsyncClient, dialect_user: User) -> None:
    body = {"sessionId": "twice", "language": "bash", "code": "sleep 60"}
    answers = await asyncio.gather(*(page.post("/executions", json=body) for _ in range(2)))
    executions = {answer.json()["executionId"] for answer in answers}
    for execution_id in executions:
        await dialect_user.client.cancel(execution_id)
    assert len(executions) == 1
