"""Two api processes, killed at random while clients submit with keys and repeat until they are answered."""

import asyncio
import random
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from headrace.local.nats_server import free_port
from headrace.local.supervisor import Stack, StackOptions, run_stack
from shared.contract.subjects import QUEUED_SUBJECTS
from shared.jetstream.event_log import Log
from tests.http_client import http_client
from tests.system.conftest import broker_of, user_of
from tests.undebugged import undebugged

POSTS = 1_000
CLIENTS = 20
KILLS = 8
SEED = 5
PROGRAM = {"language": "bash", "code": "true"}


class Apis:
    """``python -m services.api``, twice, on ports that stay the same over restarts."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._ports = [free_port(), free_port()]
        self._processes: dict[int, Process] = {}
        self.urls = [f"http://127.0.0.1:{port}" for port in self._ports]
        self.kills = 0

    async def start(self, number: int) -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.api"),
            stdout=DEVNULL,
            stderr=PIPE,
            env={
                **self._environment,
                "HEADRACE_API_PORT": str(self._ports[number]),
                # Nobody reads on after its first lines.
                "HEADRACE_ACCESS_LOG_SHARE": "0",
            },
        )
        self._processes[number] = process
        assert process.stderr is not None
        async for line in process.stderr:
            if b'"listening"' in line:
                break

    async def kill(self, number: int) -> None:
        process = self._processes.pop(number)
        process.kill()
        assert await process.wait() == -9
        self.kills += 1

    async def end(self) -> None:
        for number in list(self._processes):
            await self.kill(number)


@asynccontextmanager
async def two_apis(directory: Path) -> AsyncIterator[tuple[Stack, Apis]]:
    """A stack that executes one job at a time, and two apis of the test's own; quotas are no concern here."""
    undebugged()
    options = StackOptions(
        executors=1,
        environment={
            "HEADRACE_SLOTS": "1",
            "HEADRACE_REQUESTS_PER_S": "10000",
            "HEADRACE_UNFINISHED_JOBS": str(10 * POSTS),
        },
    )
    async with run_stack(directory, options) as stack:
        apis = Apis(stack.environment_of("api"))
        try:
            await asyncio.gather(apis.start(0), apis.start(1))
            yield stack, apis
        finally:
            await apis.end()


async def stored_jobs(stack: Stack) -> list[str]:
    """The id in every queued event of the log."""
    async with broker_of(stack) as broker:
        found = Log(broker).replay(QUEUED_SUBJECTS)
        return [entry.subject.split(".")[2] async for entry in found]


async def submitted(
    http: httpx.AsyncClient, urls: list[str], headers: Mapping[str, str], chance: random.Random
) -> dict[str, Any]:
    """Post to either api until one answers."""
    while True:
        try:
            answer = await http.post(f"{chance.choice(urls)}/v1/jobs", json=PROGRAM, headers=headers)
        except httpx.TransportError:
            continue
        if answer.status_code != 503:
            assert answer.status_code == 202, answer.text
            found: dict[str, Any] = answer.json()
            return found


@pytest.mark.full
@pytest.mark.alone
@pytest.mark.timeout(300)
async def test_every_post_with_a_key_is_one_job_whoever_is_killed(tmp_path: Path) -> None:
    chance = random.Random(SEED)  # noqa: S311 - a test's dice
    answered: dict[str, str] = {}
    async with two_apis(tmp_path / "data") as (stack, apis), user_of(stack) as user:
        token = user.token
        done = asyncio.Event()
        keys = [f"key-{number}" for number in range(POSTS)]
        reached = asyncio.Condition()

        async def post_all(http: httpx.AsyncClient) -> None:
            while keys:
                key = keys.pop()
                headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
                answered[key] = (await submitted(http, apis.urls, headers, chance))["job_id"]
                async with reached:
                    reached.notify_all()

        async def kill_now_and_then() -> None:
            for number in range(KILLS):
                async with reached:
                    while len(answered) < (number + 1) * POSTS // (KILLS + 1):
                        await reached.wait()
                victim = chance.randrange(2)
                await apis.kill(victim)
                await apis.start(victim)
            done.set()

        async with asyncio.timeout(240), http_client(timeout=30) as http, asyncio.TaskGroup() as group:
            group.create_task(kill_now_and_then())
            for _ in range(CLIENTS):
                group.create_task(post_all(http))
        assert done.is_set()
        assert apis.kills == KILLS
        stored = await stored_jobs(stack)
    assert len(stored) == len(set(stored)) == POSTS
    assert set(answered.values()) == set(stored)
    assert len(answered) == POSTS


@pytest.mark.full
async def test_a_hundred_simultaneous_posts_of_one_key_are_one_job_after_a_restart_too(
    tmp_path: Path,
) -> None:
    chance = random.Random(SEED)  # noqa: S311 - a test's dice
    async with two_apis(tmp_path / "data") as (stack, apis), user_of(stack) as user:
        headers = {"Authorization": f"Bearer {user.token}", "Idempotency-Key": "one"}
        async with http_client(timeout=30) as http:
            first = await asyncio.gather(*(submitted(http, apis.urls, headers, chance) for _ in range(100)))
            await apis.kill(0)
            await apis.kill(1)
            await asyncio.gather(apis.start(0), apis.start(1))
            again = await asyncio.gather(*(submitted(http, apis.urls, headers, chance) for _ in range(100)))
        stored = await stored_jobs(stack)
    assert {job["job_id"] for job in (*first, *again)} == set(stored)
    assert len(stored) == 1


@pytest.mark.parametrize("window_s", [1])
@pytest.mark.full
async def test_a_key_outlives_the_servers_own_window(tmp_path: Path, window_s: int) -> None:
    """JetStream forgets message ids after its window; the job's id, made of the key, does not need them."""
    chance = random.Random(SEED)  # noqa: S311 - a test's dice
    async with two_apis(tmp_path / "data") as (stack, apis), user_of(stack) as user:
        async with broker_of(stack) as broker:
            config = (await broker.api("STREAM.INFO.JOBS"))["config"]
            await broker.api("STREAM.UPDATE.JOBS", {**config, "duplicate_window": int(window_s * 1e9)})
        headers = {"Authorization": f"Bearer {user.token}", "Idempotency-Key": "one"}
        async with http_client(timeout=30) as http:
            first = await submitted(http, apis.urls, headers, chance)
            await user.until_terminal(first["job_id"])
            # Events of other jobs carry ids as well: the server purges old ones as time and messages pass.
            later = await user.run("bash", f"sleep {window_s + 1}")
            again = await submitted(http, apis.urls, headers, chance)
        assert (again["job_id"], again["status"]) == (first["job_id"], "completed")
        assert await stored_jobs(stack) == [first["job_id"], later["job_id"]]
