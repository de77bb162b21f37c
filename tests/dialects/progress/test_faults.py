"""The notifier, the api and the executor are killed in turn while clients follow jobs over `progress`."""

import asyncio
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from tenacity import AsyncRetrying, retry_if_exception_type, wait_fixed
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from headrace.local.supervisor import Stack, StackOptions, run_stack
from tests.dialects.clients import Socket, socket_client
from tests.dialects.progress.notes import LAST
from tests.system.conftest import User, user_of

JOBS = 30
AT_ONCE = 3
AGAIN_S = 0.2
GONE = (ConnectionClosed, InvalidHandshake, OSError)
PROGRAM = {"language": "bash", "code": "sleep 0.3; echo done"}


class Clients:
    """What each connection was told, over all reconnections."""

    def __init__(self, address: str, token: str) -> None:
        self._address = address
        self._token = token
        self.ends: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.connections = 0

    async def follow(self, job_id: str) -> None:
        """Connect and subscribe until the end of the job was told."""
        async for attempt in AsyncRetrying(retry=retry_if_exception_type(GONE), wait=wait_fixed(AGAIN_S)):
            with attempt:
                async with socket_client(self._address, self._token) as socket:
                    self.connections += 1
                    await self._until_end(socket, job_id)

    async def _until_end(self, socket: Socket, job_id: str) -> None:
        """Read to the end, and on to the answer to a last request. Raises one of GONE."""
        await socket.send({"type": "subscribe", "job_id": job_id})
        is_told = False
        while True:
            message = await socket.next()
            if message["type"] == "error":
                assert message["code"] == "SERVICE_UNAVAILABLE", message
                raise ConnectionError(message["message"])
            if message["type"] in LAST:
                assert not is_told, "the end was told twice on one connection"
                is_told = True
                self.ends[job_id].append(message)
                for kind in ("subscribe", "request_status"):
                    await socket.send({"type": kind, "job_id": job_id})
            elif message["type"] == "job_status":
                assert is_told
                return
            elif is_told:
                assert message["type"] == "subscribed", message


async def kill_in_turn(stack: Stack, ended: asyncio.Queue[None]) -> int:
    """Kill one service after every few jobs."""
    kills = 0
    for name in ("notifier", "api", "executor", "notifier", "api", "notifier"):
        for _ in range(JOBS // 10):
            await ended.get()
        stack.services[name].process.kill()
        kills += 1
    return kills


async def run_jobs(user: User, clients: Clients, count: int, ended: asyncio.Queue[None]) -> list[str]:
    """Submit and follow one after another, by two connections each."""
    jobs = []
    for _ in range(count):
        job = await user.client.submit(PROGRAM)
        jobs.append(job.job_id)
        await asyncio.gather(clients.follow(job.job_id), clients.follow(job.job_id))
        ended.put_nowait(None)
    return jobs


@pytest.mark.full
@pytest.mark.timeout(300)
@pytest.mark.row("progress", "3.13", "6.1")
async def test_every_client_is_told_one_end_of_each_job_whatever_is_killed(tmp_path: Path) -> None:
    options = StackOptions(sync="fast", dialects=["progress=0"])
    async with asyncio.timeout(280), run_stack(tmp_path / "data", options) as stack:
        ended: asyncio.Queue[None] = asyncio.Queue()
        killing = asyncio.create_task(kill_in_turn(stack, ended))
        async with (
            user_of(stack, "u0") as first,
            user_of(stack, "u1") as second,
            user_of(stack, "u2") as third,
        ):
            users = (first, second, third)
            followers = [Clients(stack.address.dialects["progress"], user.token) for user in users]
            jobs = await asyncio.gather(
                *(
                    run_jobs(user, clients, JOBS // AT_ONCE, ended)
                    for user, clients in zip(users, followers, strict=True)
                )
            )
            assert await killing == 6
            for user, clients, of_user in zip(users, followers, jobs, strict=True):
                assert len(of_user) == JOBS // AT_ONCE
                for job_id in of_user:
                    ends = clients.ends[job_id]
                    assert len(ends) >= 2
                    assert all(end == ends[0] for end in ends)
                    native = await user.client.get(job_id)
                    assert (ends[0]["type"], native.status) == ("job_complete", "completed")
        assert all(stack.services[name].restarts for name in ("notifier", "api", "executor"))
