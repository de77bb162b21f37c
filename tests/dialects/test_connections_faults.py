"""Pages of the dialect `connections` while the notifier, the api and executors are killed in turn."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import WebSocketException

from headrace.local.supervisor import Stack
from shared.dialects.connections import NAME
from shared.retry import poll
from tests.dialects.clients import http_client, socket_client
from tests.dialects.faults import PAUSE_S, PROGRAM_S, Client, Result, survive_kills
from tests.system.conftest import user_of


class Page(Client):
    """Connects again whenever its socket closes, and polls its jobs."""

    def __init__(self, http: httpx.AsyncClient, address: str) -> None:
        super().__init__(http)
        self._address = address
        self._connection_id: str | None = None

    async def listen(self) -> None:
        """Keep a connection, until cancelled."""
        while True:
            with contextlib.suppress(OSError, WebSocketException):
                async with socket_client(self._address) as socket:
                    told = self.seen.connection()
                    await socket.send({"action": "ping"})
                    while True:
                        message = await socket.next()
                        if message["type"] == "pong":
                            self._connection_id = message["connection_id"]
                        else:
                            told.append((message["job_id"], result_of(message)))
            self._connection_id = None
            await asyncio.sleep(PAUSE_S)  # a page waits before it connects again

    async def submit(self, words: str) -> str:
        code = f"import time; time.sleep({PROGRAM_S}); print('{words}')"
        body = {"code": code, "connection_id": self._connection_id}
        return str((await self.ask("POST", "/execute/async", json=body))["job_id"])

    async def until_ended(self, job_id: str) -> None:
        async def read() -> dict[str, Any]:
            return await self.ask("GET", f"/execute/jobs/{job_id}")

        polled = await poll(read, until=lambda job: job["result"] is not None, pause_s=PAUSE_S)
        assert polled["status"] == "completed"
        self.seen.polled.append((job_id, polled["result"]))

    async def look_again(self, job_id: str) -> None:
        await self.until_ended(job_id)

    def output_of(self, result: Result) -> str:
        assert result["success"]
        return str(result["stdout"]).removesuffix("\n")


def result_of(message: dict[str, Any]) -> Result:
    """What a message has in common with the result of a polled job."""
    assert message["type"] == "execution_result"
    assert message["security_violations"] == []
    return {name: message[name] for name in message if name not in {"type", "job_id", "security_violations"}}


@contextlib.asynccontextmanager
async def open_page(stack: Stack, name: str) -> AsyncIterator[Page]:
    address = stack.address.dialects[NAME]
    async with user_of(stack, name) as user, http_client(address, user.token) as http:
        page = Page(http, address)
        listening = asyncio.create_task(page.listen())
        try:
            yield page
        finally:
            listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening


@pytest.mark.full
@pytest.mark.timeout(1200)
async def test_every_page_has_one_result_of_each_of_its_jobs(tmp_path: Path) -> None:
    clients = await survive_kills(tmp_path, NAME, open_page)
    connections = [client.seen.connections for client in clients]
    assert all(len(one) > 1 for one in connections), "a page did not connect again"
    assert any(told for one in connections for told in one), "no result came over a connection"
