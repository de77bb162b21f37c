"""The dialect at its own port, on a whole stack: a page submits, watches, and polls."""

import asyncio

import httpx
import pytest

from headrace.local.supervisor import Stack
from shared.dialects.names import prefix_of
from tests.dialects.clients import at_notifier, http_client, socket_client
from tests.dialects.executions.page import EXECUTE, execute, socket_path, status, updates
from tests.system.conftest import User, user_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAME = "executions"
ORDER = ("pending", "running", "completed", "error")


async def watch(address: str, execution_id: str, token: str) -> dict[str, str]:
    """Follow an execution to its end, as a page does; returns the data of its last message."""
    async with asyncio.timeout(60), socket_client(address + socket_path(execution_id), token) as socket:
        messages, code = await socket.until_closed()
    told = updates(messages, execution_id)
    words = [data["status"] for data in told]
    assert words == sorted(set(words), key=ORDER.index)
    assert code == 1000
    return told[-1]


@pytest.mark.row("executions", "1.1", "1.3", "2.1", "2.5", "2.7", "2.8", "4.3", "4.5")
async def test_a_page_submits_watches_and_polls(
    dialect_stack: Stack, dialect_http: dict[str, httpx.AsyncClient], dialect_user: User
) -> None:
    page = dialect_http[NAME]
    execution_id = await execute(page, "print(input())", input_data="Hello\n")
    end = await watch(dialect_stack.address.dialects[NAME], execution_id, dialect_user.token)
    assert (end["status"], end["output"], end["error_output"]) == ("completed", "Hello\n", "")
    shown = await status(page, execution_id)
    assert {name: shown[name] for name in end} == end
    assert shown["execution_time"].endswith("s")
    assert float(shown["execution_time"][:-1]) < 10
    assert shown["memory_usage"] is None or float(shown["memory_usage"].removesuffix("MB")) > 0
    assert shown["created_at"] <= shown["updated_at"] == shown["completed_at"]
    assert (await dialect_user.client.get(execution_id)).status == "completed"


@pytest.mark.row("executions", "2.2", "2.6")
async def test_an_error_has_its_traceback_or_its_reason(
    dialect_stack: Stack, dialect_http: dict[str, httpx.AsyncClient], dialect_user: User
) -> None:
    page, address = dialect_http[NAME], dialect_stack.address.dialects[NAME]
    failing = await watch(address, await execute(page, "print(1); 1 / 0"), dialect_user.token)
    assert (failing["status"], failing["output"]) == ("error", "1\n")
    assert "ZeroDivisionError" in failing["error_output"]
    silent = await watch(address, await execute(page, "exit 7", language="sh"), dialect_user.token)
    assert (silent["status"], silent["error_output"]) == ("error", "The program ended with exit code 7.")


@pytest.mark.row("executions", "2.4", "4.2")
async def test_below_the_prefix_a_native_job_is_an_execution_of_its_user_alone(
    dialect_stack: Stack, dialect_user: User
) -> None:
    address = dialect_stack.address
    job = await dialect_user.run("python", "print(6 * 7)")
    async with (
        http_client(address.api_url + prefix_of(NAME), dialect_user.token) as page,
        user_of(dialect_stack) as another,
        http_client(address.dialects[NAME], another.token) as theirs,
    ):
        shown = await status(page, job["job_id"])
        assert (shown["code"], shown["language"], shown["status"]) == ("print(6 * 7)", "python", "completed")
        assert (await theirs.get(f"/api/v1/executions/status/{job['job_id']}")).status_code == 404
    notifier = at_notifier(address.websocket_url, NAME)
    assert (await watch(notifier, job["job_id"], dialect_user.token))["output"] == "42\n"


@pytest.mark.row("executions", "3.1", "3.2", "3.3")
async def test_health_is_at_the_root_of_its_port(dialect_stack: Stack) -> None:
    async with http_client(dialect_stack.address.dialects[NAME], None) as page:
        for path in ("/health", "/health/", "/health/ready", "/health/ready/"):
            assert (await page.get(path)).json()["status"] in {"healthy", "ready"}
        assert (await page.post(EXECUTE, json={"code": "1"})).status_code == 401
