"""A dialect at its own port, and below its prefix at the api's: HTTP and sockets, of a whole stack."""

import asyncio
from typing import Any

import httpx
import pytest

from headrace.local.supervisor import Stack
from shared.dialects.executions import PATHS as EXECUTIONS
from shared.dialects.names import DIALECTS, prefix_of
from tests.dialects.clients import at_notifier, http_client, refusal_of, socket_client
from tests.system.conftest import User

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATHS = ("", "/", "/dev")
UNKNOWN = "0197f000-0000-7000-8000-000000000001"
TALKS: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "jobs": ("", {"action": "subscribe", "job_id": UNKNOWN}, {"type": "error"}),
    "connections": ("", {"action": "ping"}, {"type": "pong"}),
    "executions": (f"{EXECUTIONS}/ws/", {"action": "ping"}, {"type": "error"}),
    "progress": ("/api/v1/ws", {"type": "request_status", "job_id": UNKNOWN}, {"code": "JOB_NOT_FOUND"}),
}
"""Where each dialect's socket is, and a message with the least that its answer says."""


@pytest.mark.row("all", "1.2", "1.4", "1.6")
@pytest.mark.parametrize("name", DIALECTS)
async def test_a_path_that_a_dialect_does_not_have_is_a_plain_404(
    dialect_stack: Stack, dialect_http: dict[str, httpx.AsyncClient], dialect_user: User, name: str
) -> None:
    assert [(await dialect_http[name].get(path)).status_code for path in ("/", "/nowhere")] == [404, 404]
    async with http_client(dialect_stack.address.api_url + prefix_of(name), dialect_user.token) as below:
        answers = [await below.get("/nowhere"), await dialect_http[name].get("/nowhere")]
    assert answers[0].json() == answers[1].json()
    assert "type" not in answers[0].json()


@pytest.mark.row("all", "1.4")
async def test_nothing_else_is_at_the_port_of_a_dialect(dialect_http: dict[str, httpx.AsyncClient]) -> None:
    for path in ("/v1/jobs", "/livez", "/metrics", "/docs", "/dialects/jobs/execute"):
        assert (await dialect_http["progress"].get(path)).status_code == 404


@pytest.mark.row("all", "1.5", "5.1")
@pytest.mark.parametrize("path", PATHS)
async def test_a_handshake_goes_to_the_notifier_and_its_query_into_no_log(
    dialect_stack: Stack, path: str
) -> None:
    secret = "eyJhbGciOiJIUzI1NiJ9.a-token-that-nothing-logs.c2lnbmF0dXJl"
    address = dialect_stack.address
    addresses = (*address.dialects.values(), *(address.api_url + prefix_of(name) for name in DIALECTS))
    for one in addresses:
        status, _ = await refusal_of(one + path, secret)
        assert status in {401, 403}, one
    logs = {file.name: file.read_text() for file in dialect_stack.directory.glob("*.log")}
    assert "/dialects/livecode/dev" in logs["notifier.log"] or path != "/dev"
    assert [name for name, text in logs.items() if "a-token-that-nothing-logs" in text] == []


@pytest.mark.row("all", "1.4", "1.5", "3.1")
@pytest.mark.parametrize("name", TALKS)
async def test_a_socket_is_opened_and_answers_wherever_the_dialect_is(
    dialect_stack: Stack, dialect_user: User, name: str
) -> None:
    path, message, expected = TALKS[name]
    address = dialect_stack.address
    if name == "executions":
        path += (
            await dialect_user.client.submit(
                {"language": "bash", "code": "sleep 60", "limits": {"wall_ms": 60_000}}
            )
        ).job_id
    below = (address.api_url + prefix_of(name), at_notifier(address.websocket_url, name))
    async with asyncio.timeout(60):
        for base in (address.dialects[name], *below):
            async with socket_client(base + path, dialect_user.token) as socket:
                assert socket.connection.subprotocol is None
                await socket.send(message)
                answer = await socket.next()
                while answer["type"] == "execution_update":
                    answer = await socket.next()
                assert answer.items() >= expected.items(), base
    if name == "executions":
        await dialect_user.client.cancel(path.rpartition("/")[2])
