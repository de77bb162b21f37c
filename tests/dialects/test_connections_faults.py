"""Pages of the dialect `connections` while the notifier, the api and an executor are killed in turn."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import WebSocketException

from headrace.local.supervisor import Stack, StackOptions, run_stack
from shared.dialects.connections import NAME
from tests.dialects.clients import http_client, socket_client
from tests.system.conftest import assert_nothing_was_refused, user_of

pytestmark = [pytest.mark.full, pytest.mark.timeout(300)]

PAGES = 4
JOBS_EACH_MIN = 8
KILLED = ("notifier", "api", "executor", "notifier", "api")


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    options = StackOptions(sync="fast", dialects=[f"{NAME}=0"])
    async with run_stack(tmp_path / "data", options) as running:
        yield running
        assert_nothing_was_refused(running)


class Page:
    """Connects again whenever its socket closes, and polls what it was not told."""

    def __init__(self, http: httpx.AsyncClient, address: str) -> None:
        self._http = http
        self._address = address
        self._connection_id: str | None = None
        self.connections: list[list[dict[str, Any]]] = []
        self.jobs: list[str] = []
        self.polled: dict[str, dict[str, Any]] = {}

    async def listen(self) -> None:
        while True:
            with contextlib.suppress(OSError, WebSocketException):
                async with socket_client(self._address) as socket:
                    told: list[dict[str, Any]] = []
                    self.connections.append(told)
                    await socket.send({"action": "ping"})
                    while True:
                        message = await socket.next()
                        if message["type"] == "pong":
                            self._connection_id = message["connection_id"]
                        else:
                            told.append(message)
            self._connection_id = None
            await asyncio.sleep(0.05)  # a page waits before it connects again

    async def run(self, killing: asyncio.Task[None]) -> None:
        """Submit one program after another, as each has ended, until all are killed that are to be."""
        while not killing.done() or len(self.jobs) < JOBS_EACH_MIN:
            code = f"import time; time.sleep(0.3); print({len(self.jobs)})"
            self.jobs.append(await self._submit(code))
            await self.result(self.jobs[-1])

    async def result(self, job: str) -> dict[str, Any]:
        """A job's result by polling; also that of a job whose submission was not answered."""
        while (polled := await self._poll(job))["result"] is None:  # noqa: ASYNC110 - a page polls
            await asyncio.sleep(0.2)
        self.polled[job] = polled
        result: dict[str, Any] = polled["result"]
        return result

    async def _submit(self, code: str) -> str:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                body = {"code": code, "connection_id": self._connection_id}
                answer = await self._http.post("/execute/async", json=body)
                if answer.status_code == 200:
                    return str(answer.json()["job_id"])
                assert answer.status_code == 503, answer.text
            await asyncio.sleep(0.1)  # a page tries again

    async def _poll(self, job: str) -> dict[str, Any]:
        with contextlib.suppress(httpx.HTTPError):
            answer = await self._http.get(f"/execute/jobs/{job}")
            if answer.status_code == 200:
                polled: dict[str, Any] = answer.json()
                return polled
            assert answer.status_code == 503, answer.text
        return {"result": None}


async def kill_in_turn(stack: Stack) -> None:
    for name in KILLED:
        await asyncio.sleep(1)  # programs end meanwhile
        stack.services[name].process.kill()
        await stack.ready()


async def test_every_page_has_one_result_of_each_of_its_jobs(stack: Stack) -> None:
    address = stack.address.dialects[NAME]
    async with contextlib.AsyncExitStack() as exits:
        pages: list[Page] = []
        for number in range(PAGES):
            user = await exits.enter_async_context(user_of(stack, f"user{number}"))
            http = await exits.enter_async_context(http_client(address, user.token))
            pages.append(Page(http, address))
        listening = [asyncio.create_task(page.listen()) for page in pages]
        killing = asyncio.create_task(kill_in_turn(stack))
        await asyncio.gather(killing, *(page.run(killing) for page in pages))
        for task in listening:
            task.cancel()
        for page in pages:
            await assert_one_result_each(page)
    told = [message for page in pages for one in page.connections for message in one]
    assert told, "no result came over a connection"
    assert [stack.services[name].restarts for name in ("notifier", "api", "executor")] == [2, 2, 1]


async def assert_one_result_each(page: Page) -> None:
    """What a page was told is what it polled, once on a connection; and each job has the right result."""
    assert len(page.connections) > 1, "the page did not connect again"
    for connection in page.connections:
        ids = [message["job_id"] for message in connection]
        assert len(set(ids)) == len(ids)
        for message in connection:
            polled = await page.result(message["job_id"])
            assert {name: message[name] for name in polled} == polled
    assert len(set(page.jobs)) == len(page.jobs) >= JOBS_EACH_MIN
    for number, job in enumerate(page.jobs):
        assert page.polled[job]["status"] == "completed"
        assert page.polled[job]["result"]["stdout"] == f"{number}\n"
