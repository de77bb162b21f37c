"""Executions while the notifier, the api and executors are killed in turn."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidHandshake

from headrace.local.supervisor import Stack
from shared.dialects.executions import PATHS
from shared.retry import poll
from tests.dialects.clients import http_client, socket_client
from tests.dialects.executions.page import EXECUTE, NOTHING_YET, socket_path, updates
from tests.dialects.faults import PAUSE_S, PROGRAM_S, Client, Result, survive_kills
from tests.system.conftest import user_of

NAME = "executions"
ENDS = frozenset({"completed", "error"})


class Page(Client):
    """Opens a socket for each execution, and another one when it is lost."""

    def __init__(self, http: httpx.AsyncClient, address: str, token: str) -> None:
        super().__init__(http)
        self._address = address
        self._token = token

    async def submit(self, words: str) -> str:
        code = f"import time; time.sleep({PROGRAM_S}); print('{words}')"
        return str((await self.ask("POST", EXECUTE, json={"code": code}))["execution_id"])

    async def until_ended(self, job_id: str) -> None:
        await poll(lambda: self._follow(job_id), until=bool, pause_s=PAUSE_S)

    async def look_again(self, job_id: str) -> None:
        await self.until_ended(job_id)
        polled = await self.ask("GET", f"{PATHS}/status/{job_id}")
        self.seen.polled.append((job_id, {name: polled[name] for name in ("status", *NOTHING_YET)}))

    def output_of(self, result: Result) -> str:
        assert result["status"] == "completed"
        return str(result["output"]).removesuffix("\n")

    async def _follow(self, execution_id: str) -> bool:
        """One connection, until it closes or breaks; whether it told the end."""
        try:
            async with socket_client(self._address + socket_path(execution_id), self._token) as socket:
                messages, _ = await socket.until_closed()
        except (OSError, InvalidHandshake):
            return False
        data = updates(messages, execution_id)
        ends = [one for one in data if one["status"] in ENDS]
        self.seen.connection().extend((execution_id, end) for end in ends)
        assert ends == [] or data[-1] == ends[-1], "something was told after the end"
        return bool(ends)


@asynccontextmanager
async def open_page(stack: Stack, name: str) -> AsyncIterator[Page]:
    address = stack.address.dialects[NAME]
    async with user_of(stack, name) as user, http_client(address, user.token) as http:
        yield Page(http, address, user.token)


@pytest.mark.full
@pytest.mark.timeout(1200)
@pytest.mark.row("executions", "5.1")
async def test_each_execution_has_one_end_whatever_is_killed(tmp_path: Path) -> None:
    await survive_kills(tmp_path, NAME, open_page)
