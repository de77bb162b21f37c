"""Thirty executions while the notifier, the api and the executor are killed in turn."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidHandshake

from headrace.local.supervisor import Stack, StackOptions, run_stack
from shared.dialects.executions import PATHS
from tests.dialects.clients import http_client, socket_client
from tests.dialects.executions.page import EXECUTE, socket_path, updates
from tests.system.conftest import user_of

NAME = "executions"
EXECUTIONS = 30
AT_ONCE = 4
VICTIMS = ("notifier", "api", "executor")
EACH_KILLED = 2
CODE = "import time; time.sleep(0.3); print('{number}')"
PAUSE_S = 0.2
ENDS = frozenset({"completed", "error"})


@dataclass
class Page:
    """A page that submits again when it is not answered, and connects again when it is cut off."""

    http: httpx.AsyncClient
    address: str
    token: str
    connections: int = 0
    ends: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """What each connection of an execution was told of its end, if it was."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, number: int) -> str:
        """Submit, follow to the end, and poll; returns the id."""
        execution_id = await self._submit(CODE.format(number=number))
        while execution_id not in self.ends:
            await self.follow(execution_id)
        (end,) = self.ends[execution_id]
        polled = await self._poll(execution_id)
        assert {name: polled[name] for name in end} == end
        assert (polled["status"], polled["output"]) == ("completed", f"{number}\n")
        return execution_id

    async def until_ended(self, count: int) -> None:
        """Wait until so many executions have ended."""
        while len(self.ends) < count:
            self.changed.clear()
            await self.changed.wait()

    async def _submit(self, code: str) -> str:
        while True:
            try:
                answer = await self.http.post(EXECUTE, json={"code": code})
            except httpx.HTTPError:
                await asyncio.sleep(PAUSE_S)
                continue
            if answer.status_code == 200:
                execution_id: str = answer.json()["execution_id"]
                return execution_id
            assert answer.status_code == 503
            await asyncio.sleep(PAUSE_S)

    async def follow(self, execution_id: str) -> None:
        """One connection, until it closes or breaks."""
        try:
            async with socket_client(self.address + socket_path(execution_id), self.token) as socket:
                self.connections += 1
                messages, _ = await socket.until_closed()
        except (OSError, InvalidHandshake):
            await asyncio.sleep(PAUSE_S)
            return
        ends = [data for data in updates(messages, execution_id) if data["status"] in ENDS]
        assert len(ends) <= 1
        for end in ends:
            self.ends.setdefault(execution_id, []).append(end)
            self.changed.set()

    async def _poll(self, execution_id: str) -> dict[str, Any]:
        while True:
            try:
                answer = await self.http.get(f"{PATHS}/status/{execution_id}")
            except httpx.HTTPError:
                await asyncio.sleep(PAUSE_S)
                continue
            if answer.status_code == 200:
                found: dict[str, Any] = answer.json()
                return found
            assert answer.status_code == 503
            await asyncio.sleep(PAUSE_S)


async def kill_in_turn(stack: Stack, page: Page) -> None:
    """Each victim, once all services are back and more executions have ended than before."""
    for count, name in enumerate(VICTIMS * EACH_KILLED, start=1):
        await page.until_ended(count * EXECUTIONS // 8)
        await stack.ready()
        stack.services[name].process.kill()


@pytest.mark.full
@pytest.mark.timeout(300)
@pytest.mark.row("executions", "5.1")
async def test_each_execution_has_one_end_whatever_is_killed(tmp_path: Path) -> None:
    options = StackOptions(dialects=[f"{NAME}=0"])
    async with (
        run_stack(tmp_path / "data", options) as stack,
        user_of(stack, "alice", concurrency=2) as alice,
        http_client(stack.address.dialects[NAME], alice.token) as http,
    ):
        page = Page(http, stack.address.dialects[NAME], alice.token)
        places = asyncio.Semaphore(AT_ONCE)

        async def run(number: int) -> str:
            async with places:
                return await page.run(number)

        killing = asyncio.create_task(kill_in_turn(stack, page))
        ids = await asyncio.gather(*(run(number) for number in range(EXECUTIONS)))
        await killing
        assert len(set(ids)) == EXECUTIONS
        # What was told before is told again, and nothing else.
        for execution_id in ids:
            await page.follow(execution_id)
        assert all(len(ends) == 2 and ends == [ends[0]] * len(ends) for ends in page.ends.values())
        # The attack happened.
        assert [stack.services[name].restarts for name in VICTIMS] == [EACH_KILLED] * len(VICTIMS)
        assert page.connections > 2 * EXECUTIONS
