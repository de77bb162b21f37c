"""A local stack is one origin: events under the api's port are those of the notifier's own, and as safe."""

import asyncio
import json
import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from headrace.client.client import AsyncClient
from headrace.client.errors import HeadraceError
from headrace.local.supervisor import Stack, StackOptions, run_stack
from shared.contract.codec import EventObject
from tests.cutting import cutting
from tests.http_client import http_client
from tests.integration.notifier.client import Shown, connected, is_terminal
from tests.integration.notifier.sse import SseClient, headers_of, http, listed, streaming
from tests.system.conftest import User, user_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

LISTED, FOREIGN = "https://one.example", "https://evil.example"
TALKATIVE = {
    "language": "python",
    "code": "import time\nfor n in range(40):\n    print(n, 'x' * 50, flush=True)\n    time.sleep(0.02)\n",
}
PRINTS_MUCH = {"language": "python", "code": "print('x' * 250_000)"}
SLOW = {"language": "bash", "code": "echo begun; sleep 3; echo done"}
STALLED, JOBS = 12, 12
GROWTH_MAX_BYTES = 8 * 1024 * 1024
"""What waits for these clients is many times as much."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    options = StackOptions(sync="fast", environment={"HEADRACE_NOTIFIER_ORIGINS": LISTED})
    async with run_stack(tmp_path_factory.mktemp("origin") / "data", options) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def alice(stack: Stack) -> AsyncIterator[User]:
    """She knows one address, and no other."""
    async with user_of(stack) as user, AsyncClient(stack.address.api_url, user.token) as client:
        yield User(user.name, client, user.token, stack)


def under_the_api(stack: Stack) -> str:
    return stack.address.api_url.replace("http://", "ws://") + "/v1/ws"


def port_of(url: str) -> int:
    port = httpx.URL(url).port
    assert port is not None
    return port


async def ready(stack: Stack, name: str) -> None:
    """The service is there again."""
    async with asyncio.timeout(60), http_client() as client:
        while True:
            try:
                if (await client.get(stack.services[name].health_url)).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.05)


def told(events: list[EventObject]) -> list[tuple[object, ...]]:
    """What is the same each time: pieces of output may come as one."""
    return [(event.seq, event.type, event.data) for event in events if event.type != "job.output.v1"]


@pytest.mark.full
async def test_a_websocket_goes_on_where_it_was_cut(stack: Stack, alice: User) -> None:
    job = await alice.client.submit(TALKATIVE)
    whole = [event async for event in alice.client.follow(job.job_id)]
    async with cutting(port_of(stack.address.api_url)) as relay:
        async with AsyncClient(f"http://127.0.0.1:{relay.port}", alice.token) as client:
            again = [event async for event in client.stream(job.job_id)]
            length = relay.relayed
            assert length > 4_000
            for number in range(8):
                # The client's calls are cut too: they are asked again.
                relay.cut([1 + number * length // 8, 1 + length // 3])
                again = [event async for event in client.stream(job.job_id)]
                assert told(again) == told(whole)
        assert relay.connections > 16


async def test_an_event_stream_goes_on_behind_the_last_event_id(stack: Stack, alice: User) -> None:
    job = await alice.client.submit(TALKATIVE)
    url = under_the_api(stack)
    shown: list[Shown] = []
    cursor: str | None = None
    streams = 0
    while not (shown and is_terminal(shown[-1])):
        async with streaming(url, alice.token, job.job_id, resume=cursor) as stream:
            await stream.expect("subscribed")
            streams += 1
            shown += await some(stream)
            cursor = stream.cursor
    assert streams > 2
    history = await alice.client.history(job.job_id)
    assert [one["seq"] for one in shown if one.get("seq")] == [event.seq for event in history]
    printed = "".join(one["data"]["content"] for one in shown if one["type"] == "job.output.v1")
    assert printed == "".join(f"{number} {'x' * 50}\n" for number in range(40))


async def some(stream: SseClient) -> list[Shown]:
    events: list[Shown] = []
    while len(events) < 2 and not (events and is_terminal(events[-1])):
        events.append(await stream.event())
    return events


@pytest.mark.full
async def test_a_killed_notifier_is_come_back_to(stack: Stack, alice: User) -> None:
    job = await alice.client.submit(SLOW)
    watched: list[EventObject] = []
    async for event in alice.client.follow(job.job_id):
        watched.append(event)
        if event.type == "job.running.v1":
            stack.services["notifier"].process.kill()
    assert [one.seq for one in watched if one.seq] == [
        one.seq for one in await alice.client.history(job.job_id)
    ]
    assert watched[-1].data["result"]["stdout"]["content"] == "begun\ndone\n"
    await ready(stack, "notifier")


async def test_while_the_notifier_is_away_there_is_a_503_and_the_api_answers(
    stack: Stack, alice: User
) -> None:
    stack.services["notifier"].process.kill()
    seen: dict[int, httpx.Response] = {}
    async with asyncio.timeout(60), http_client(base_url=stack.address.api_url) as client:
        while 503 not in seen:
            answer = await client.get("/asyncapi.yaml", params={"token": "hidden"})
            seen[answer.status_code] = answer
            if answer.status_code == 200:
                stack.services["notifier"].process.kill()
            assert (await client.get("/livez")).status_code == 200
    refused = seen[503]
    assert refused.json()["type"] == "urn:headrace:problem:unavailable"
    assert refused.headers["retry-after"] == "2"
    log = (stack.directory / "api.log").read_text()
    (line,) = [json.loads(one) for one in log.splitlines() if refused.headers["x-request-id"] in one]
    assert (line["event"], line["path"], line["status"]) == ("request", "/asyncapi.yaml", 503)
    assert "hidden" not in log
    assert alice.token not in log
    await ready(stack, "notifier")


@pytest.mark.full
async def test_an_api_that_ends_takes_its_tunnels_along_at_once(stack: Stack, alice: User) -> None:
    job = await alice.client.submit(SLOW)
    api = stack.services["api"].process
    async with connected(under_the_api(stack), token=alice.token) as idle:
        watched: list[EventObject] = []
        async for event in alice.client.follow(job.job_id):
            watched.append(event)
            if event.type == "job.running.v1":
                began = time.monotonic()
                api.terminate()
                assert await api.wait() == 0
                assert time.monotonic() - began < 4
        assert await idle.close_code() == 1006
    assert watched[-1].data["result"]["stdout"]["content"] == "begun\ndone\n"
    await ready(stack, "api")


@pytest.mark.full
async def test_clients_that_do_not_read_grow_the_queue_of_the_notifier_and_not_the_api(
    stack: Stack,
) -> None:
    """The notifier knows what waits, shares it out, and reads it from the log again: the api does not."""
    async with user_of(stack, "bob") as bob, user_of(stack, "carol", scopes=frozenset({"ops"})) as carol:
        for _ in range(JOBS):
            await bob.client.run(PRINTS_MUCH)
        pid = stack.services["api"].process.pid
        before = memory_bytes(pid)
        async with AsyncExitStack() as clients:
            for _ in range(STALLED):
                plug = socket.socket()
                plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
                plug.setblocking(False)
                there = ("127.0.0.1", port_of(stack.address.api_url))
                await asyncio.get_running_loop().sock_connect(plug, there)
                client = await clients.enter_async_context(
                    connected(under_the_api(stack), token=bob.token, sock=plug, max_queue=1)
                )
                await client.ask("*", after="start")
            async with asyncio.timeout(60):
                while True:
                    records = (await listed(stack.address.websocket_url, carol.token))["connections"]
                    waiting = sum(one["queued_bytes"] for one in records)
                    if waiting > 2 * GROWTH_MAX_BYTES:
                        break
            assert memory_bytes(pid) - before < GROWTH_MAX_BYTES


def memory_bytes(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", text)[0]) * 1_024


def ports(stack: Stack) -> dict[str, str]:
    """The address of each WebSocket."""
    return {"api": under_the_api(stack), "notifier": stack.address.websocket_url}


async def test_a_page_may_do_at_the_api_s_port_what_it_may_at_the_notifier_s(
    stack: Stack, alice: User
) -> None:
    for origin, code in {LISTED: 1000, FOREIGN: 4403, "own": 1000, "null": 4403}.items():
        for name, url in ports(stack).items():
            said = url.removesuffix("/v1/ws").replace("ws://", "http://") if origin == "own" else origin
            async with connected(url, origin=said) as client:
                if code == 1000:
                    await client.init(alice.token)
                    await client.socket.close()
                assert await client.close_code() == code, (name, origin)


async def test_a_page_reads_the_same_at_both_ports(stack: Stack, alice: User) -> None:
    """Answers for pages of other origins: the stream's, its preflight's, and refusals."""
    preflight = {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization, last-event-id",
    }
    asked: list[tuple[str, str, dict[str, str]]] = [
        (method, path, {"Origin": origin, **more})
        for origin in (LISTED, FOREIGN)
        for method, path, more in (
            ("OPTIONS", "/v1/stream", preflight),
            ("GET", "/v1/stream?job_id=no", headers_of(alice.token)),
            ("GET", "/v1/stream", headers_of("no.token.this")),
            ("POST", "/v1/stream", {}),
            ("GET", "/v1/ws", {}),
            ("HEAD", "/asyncapi.yaml", {}),
        )
    ]
    async with http_client() as client:
        for method, path, headers in asked:
            content = b"{}" if method == "POST" else None
            answers = {
                name: comparable(
                    await client.request(method, http(url, path), headers=headers, content=content)
                )
                for name, url in ports(stack).items()
            }
            assert answers["api"] == answers["notifier"], (method, path, headers["Origin"])


def comparable(answer: httpx.Response) -> tuple[int, dict[str, str], Any]:
    """All but what is new each time, and the end of the connection."""
    new = {"date", "x-request-id", "connection"}
    fields = {name: value for name, value in answer.headers.items() if name not in new}
    body = answer.json() if "json" in answer.headers.get("content-type", "") else answer.content
    if isinstance(body, dict):
        body.pop("instance")
        fields.pop("content-length")
    return answer.status_code, fields, body


async def test_the_notifier_believes_the_api_and_counts_its_clients_apart(stack: Stack) -> None:
    assert stack.environment_of("notifier")["HEADRACE_HTTP_TRUSTED_PROXIES"] == "127.0.0.1"
    assert "HEADRACE_HTTP_TRUSTED_PROXIES" not in stack.environment_of("api")


async def test_requests_keep_their_id_and_are_in_the_notifier_s_log_once(stack: Stack, alice: User) -> None:
    headers = {"X-Request-Id": "one-origin-7", **headers_of(alice.token)}
    async with http_client(base_url=stack.address.api_url) as client:
        answer = await client.get("/v1/stream?job_id=no", headers=headers)
    assert (answer.status_code, answer.headers["x-request-id"]) == (404, "one-origin-7")
    logs = {name: (stack.directory / f"{name}.log").read_text() for name in ("api", "notifier")}
    assert {name: text.count("one-origin-7") for name, text in logs.items()} == {"api": 0, "notifier": 1}
    assert all(alice.token not in text for text in logs.values())


async def test_a_client_without_the_subprotocol_is_told_by_the_notifier(stack: Stack) -> None:
    async with connect(under_the_api(stack)) as refused:
        await refused.wait_closed()
    assert refused.close_code == 4406


async def test_only_what_is_the_notifier_s_is_passed_on(stack: Stack) -> None:
    """Operators ask each process at its own port, as behind a proxy."""
    async with http_client(base_url=stack.address.api_url) as client:
        assert (await client.get("/v1/connections")).status_code == 404
        assert (await client.get("/readyz")).json()["checks"].keys() == {
            "stopping",
            "token_keys",
            "broker",
            "quorum",
            "log",
        }


async def test_without_a_token_there_are_no_events(stack: Stack) -> None:
    async with AsyncClient(stack.address.api_url, "no.token.this") as client:
        with pytest.raises(HeadraceError):
            async for _ in client.stream("*"):
                pass
