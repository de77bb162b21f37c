"""Jobs of `jobs` while processes are killed in turn: no result is lost, told twice, or told in two ways."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from headrace.local.supervisor import Stack, StackOptions, run_stack
from shared.dialects.jobs import NAME
from shared.retry import retry
from tests import builders
from tests.dialects.clients import http_client
from tests.dialects.jobs.page import Page
from tests.system.conftest import user_of

USERS = 4
JOBS_PER_USER = 10
VICTIMS = ("notifier", "executor", "api") * 2
KILL_EVERY_S = 1.0
PATIENCE_S = 60.0
PAUSE_S = 0.2
PROGRAM = "import time; time.sleep(0.3); print({})"


async def submit(page: Page, code: str) -> str:
    """One job, however often it must be asked for; a page itself would show the failure."""
    headers = {"Idempotency-Key": builders.job_id()}
    return await retry(lambda: page.execute(code, headers), on=httpx.HTTPError, pause_s=PAUSE_S)


async def run_all(page: Page) -> list[str]:
    """Each job after the one before has its result on the page. Its sockets or its poll must bring it."""
    jobs: list[str] = []
    for number in range(JOBS_PER_USER):
        jobs.append(await submit(page, PROGRAM.format(number)))
        async with asyncio.timeout(PATIENCE_S):
            await page.has_received(jobs[-1])
    return jobs


async def kill_in_turn(stack: Stack, victims: Sequence[str]) -> None:
    for name in victims:
        await asyncio.sleep(KILL_EVERY_S)
        process = stack.services[name].process
        if process.returncode is None:
            process.kill()
            assert await process.wait() == -9


async def run_user(stack: Stack, name: str) -> None:
    """A user's page and a second tab, which submits nothing."""
    url = stack.address.dialects[NAME]
    async with user_of(stack, name) as user, http_client(url, user.token) as http:
        page, other = Page(http, url, user.token), Page(http, url, user.token)
        async with page.shown(), other.shown():
            jobs = await run_all(page)
            async with asyncio.timeout(PATIENCE_S):
                await other.has_received(jobs[-1])
        assert page.received.keys() == set(jobs)
        for number, job_id in enumerate(jobs):
            polled = await until_answered(http, job_id)
            end = {"status": polled["status"], "result": polled["result"]}
            assert page.received[job_id] == end == other.received.get(job_id, end)
            assert (polled["status"], polled["result"]["stdout"]) == ("completed", f"{number}\n")


async def until_answered(http: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    async def ask() -> dict[str, Any]:
        found: dict[str, Any] = (await http.get(f"/execute/jobs/{job_id}")).raise_for_status().json()
        return found

    return await retry(ask, on=httpx.HTTPError, pause_s=PAUSE_S)


@pytest.mark.full
@pytest.mark.timeout(300)
@pytest.mark.row("jobs", "5.3", "5.4", "7.3")
async def test_every_page_gets_every_result_whatever_is_killed(tmp_path: Path) -> None:
    options = StackOptions(executors=2, dialects=[f"{NAME}=0"])
    async with run_stack(tmp_path / "data", options) as stack, asyncio.TaskGroup() as group:
        killing = group.create_task(kill_in_turn(stack, VICTIMS))
        for number in range(USERS):
            group.create_task(run_user(stack, f"user {number}"))
        await killing
        assert all(stack.services[name].restarts for name in set(VICTIMS))
