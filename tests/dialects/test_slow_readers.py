"""A client of each dialect that stops reading, behind the dialect's own port, and its jobs, which go on."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from headrace.local.supervisor import Stack, StackOptions, run_stack
from shared.dialects.executions import PATHS
from tests.dialects.clients import Socket, http_client, socket_client
from tests.dialects.executions.page import execute
from tests.system.conftest import User, user_of

LARGE = """
import sys, time
time.sleep(0.5)
for stream in (sys.stdout, sys.stderr):
    stream.write("\x01" * 250_000)
"""
"""JSON has six bytes for each: much more than all buffers on the way."""
pytestmark = pytest.mark.asyncio(loop_scope="module")

CODES = {"jobs": 4420, "connections": 4420, "executions": 1006, "progress": 4420}


@asynccontextmanager
async def slow_socket(url: str, token: str) -> AsyncIterator[Socket]:
    """A client with a small buffer in its kernel."""
    plug = socket.socket()
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    plug.setblocking(False)
    address = urlsplit(url)
    await asyncio.get_running_loop().sock_connect(plug, (address.hostname, address.port))
    async with socket_client(url, token, sock=plug) as opened:
        yield opened


async def watch(
    name: str, url: str, user: User, http: httpx.AsyncClient, exits: AsyncExitStack
) -> tuple[Socket, str]:
    """Open a socket for a job that prints much, and stop reading; gives the socket, and the job's id."""
    if name == "executions":
        job_id = await execute(http, LARGE)
        opened = await exits.enter_async_context(slow_socket(f"{url}{PATHS}/ws/{job_id}", user.token))
    elif name == "progress":
        job_id = (await user.client.submit({"language": "python", "code": LARGE})).job_id
        opened = await exits.enter_async_context(slow_socket(f"{url}/api/v1/ws", user.token))
        await opened.send({"type": "subscribe", "job_id": job_id})
    else:
        opened = await exits.enter_async_context(slow_socket(url, user.token))
        body, path = {"code": LARGE}, "/execute"
        if name == "connections":
            await opened.send({"action": "ping"})
            body, path = {**body, "connection_id": (await opened.next())["connection_id"]}, "/execute/async"
        job_id = str((await http.post(path, json=body)).json()["job_id"])
    opened.connection.transport.pause_reading()
    return opened, job_id


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """One that does not wait for long. The kernel waits 10 seconds for a client that takes nothing."""
    dialects = [f"{name}=0" for name in CODES]
    environment = {"HEADRACE_NOTIFIER_QUEUE_AGE_S": "3"}
    options = StackOptions(sync="fast", environment=environment, dialects=dialects)
    async with run_stack(tmp_path_factory.mktemp("slow") / "data", options) as running:
        yield running


@pytest.mark.full
@pytest.mark.row("all", "3.8")
@pytest.mark.row("executions", "4.11")
@pytest.mark.row("progress", "6.2")
@pytest.mark.parametrize("name", CODES)
async def test_a_client_that_does_not_read_is_closed_and_no_job_waits_for_it(stack: Stack, name: str) -> None:
    url = stack.address.dialects[name]
    notifier_url = stack.address.websocket_url.replace("ws", "http", 1).removesuffix("/v1/ws")
    async with (
        asyncio.timeout(120),
        AsyncExitStack() as exits,
        user_of(stack, name) as user,
        user_of(stack, "operator", scopes=frozenset({"ops"})) as operator,
        http_client(url, user.token) as http,
        http_client(notifier_url, operator.token) as notifier,
    ):
        slow, job_id = await watch(name, url, user, http, exits)
        next_id = (await user.client.submit({"language": "python", "code": "print(1)"})).job_id
        await user.until_terminal(next_id)
        for one in (job_id, next_id):
            assert (await user.client.get(one)).status == "completed"
        # Nothing of an execution follows its end, so its connection is ending at once.
        unread = {"connected", "ending"} if name == "executions" else {"connected"}
        while await status_of(name, notifier) in unread:
            pass
        slow.connection.transport.resume_reading()
        assert (await slow.until_closed())[1] == CODES[name]


async def status_of(name: str, notifier: httpx.AsyncClient) -> str | None:
    """The status of the only connection of a dialect; None if it is gone."""
    listed = (await notifier.get("/v1/connections")).json()["connections"]
    return next((one["status"] for one in listed if one["transport"] == name), None)
