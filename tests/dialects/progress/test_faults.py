"""The notifier, the api and executors are killed in turn while clients follow jobs over `progress`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from headrace.local.supervisor import Stack
from shared.retry import retry
from tests import builders
from tests.dialects.clients import Socket, http_client, socket_client
from tests.dialects.faults import PAUSE_S, PROGRAM_S, Client, Result, Seen, survive_kills
from tests.dialects.progress.notes import LAST
from tests.system.conftest import user_of

GONE = (ConnectionClosed, InvalidHandshake, OSError)


class Tab:
    """One connection, over which one job after another is followed; another one when it is lost."""

    def __init__(self, address: str, token: str, seen: Seen) -> None:
        self._address = address
        self._token = token
        self._seen = seen
        self._exits = AsyncExitStack()
        self._socket: Socket | None = None
        self._told: list[tuple[str, Result]] = []

    async def follow(self, job_id: str) -> None:
        """Connect, if need be, and subscribe, until the end of the job was told."""
        await retry(lambda: self._follow(job_id), on=GONE, pause_s=PAUSE_S)

    async def close(self) -> None:
        """The next job is followed over another connection."""
        await self._exits.aclose()
        self._socket = None

    async def _follow(self, job_id: str) -> None:
        try:
            if self._socket is None:
                self._socket = await self._exits.enter_async_context(
                    socket_client(self._address, self._token)
                )
                self._told = self._seen.connection()
            await self._until_end(self._socket, job_id)
        except GONE:
            await self.close()
            raise

    async def _until_end(self, socket: Socket, job_id: str) -> None:
        """Read to the end, and on to the answer to a last request. Raises one of GONE."""
        await socket.send({"type": "subscribe", "job_id": job_id})
        is_told = False
        while True:
            message = await socket.next()
            if message["type"] == "error":
                assert message["code"] == "SERVICE_UNAVAILABLE", message
                raise ConnectionError(message["message"])
            assert message["job_id"] == job_id, "a message of a job that had ended"
            if message["type"] in LAST:
                is_told = True
                self._told.append((job_id, message))
                for kind in ("subscribe", "request_status"):
                    await socket.send({"type": kind, "job_id": job_id})
            elif message["type"] == "job_status":
                assert is_told
                assert message["status"] == "completed"
                return
            elif is_told:
                assert message["type"] == "subscribed", message


class Tabs(Client):
    """Two connections of one user, each told of each job, which is submitted natively."""

    def __init__(self, http: httpx.AsyncClient, address: str, token: str) -> None:
        super().__init__(http)
        self._tabs = [Tab(address, token, self.seen) for _ in range(2)]

    async def submit(self, words: str) -> str:
        program = {"language": "bash", "code": f"sleep {PROGRAM_S}; echo '{words}'"}
        headers = {"Idempotency-Key": builders.job_id()}
        return str((await self.ask("POST", "/v1/jobs", json=program, headers=headers))["job_id"])

    async def until_ended(self, job_id: str) -> None:
        await asyncio.gather(*(tab.follow(job_id) for tab in self._tabs))

    async def look_again(self, job_id: str) -> None:
        await self.close()
        await self.until_ended(job_id)
        assert (await self.ask("GET", f"/v1/jobs/{job_id}"))["status"] == "completed"

    def output_of(self, result: Result) -> str:
        assert result["type"] == "job_complete"
        return str(result["results"]["stdout"]).removesuffix("\n")

    async def close(self) -> None:
        """All connections."""
        for tab in self._tabs:
            await tab.close()


@asynccontextmanager
async def open_tabs(stack: Stack, name: str) -> AsyncIterator[Tabs]:
    address, api = stack.address.dialects["progress"], stack.address.api_url
    async with user_of(stack, name) as user, http_client(api, user.token) as http:
        tabs = Tabs(http, address, user.token)
        try:
            yield tabs
        finally:
            await tabs.close()


@pytest.mark.full
@pytest.mark.timeout(1200)
@pytest.mark.row("progress", "3.13", "6.1")
async def test_every_client_is_told_one_end_of_each_job_whatever_is_killed(tmp_path: Path) -> None:
    await survive_kills(tmp_path, "progress", open_tabs)
