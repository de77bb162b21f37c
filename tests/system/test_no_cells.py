"""An executor that cannot make cells says so, starts nothing, and goes on by itself when it can again."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from headrace.local.supervisor import Stack, StackOptions, run_stack
from tests.cells_held_up import no_new_cells
from tests.hosts import needs_cgroups
from tests.http_client import http_client
from tests.system.conftest import User, user_of

pytestmark = [needs_cgroups, pytest.mark.asyncio(loop_scope="module")]

JOBS = 8
"""More than the cells that one slot has ready."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    options = StackOptions(environment={"HEADRACE_SLOTS": "1"})
    async with run_stack(tmp_path_factory.mktemp("no_cells") / "data", options) as running:
        yield running


async def until_ready_is(url: str, *, ready: bool) -> dict[str, str]:
    """The checks of the executor, once it is ready or is not."""
    async with http_client() as http, asyncio.timeout(60):
        while True:
            answer = await http.get(url)
            if (answer.status_code == httpx.codes.OK) is ready:
                checks: dict[str, str] = answer.json()["checks"]
                return checks
            await asyncio.sleep(0.05)


async def counted(url: str) -> str:
    async with http_client() as http:
        return (await http.get(url.replace("/readyz", "/metrics"))).text


async def started(user: User, job_ids: list[str]) -> int:
    return len([job_id for job_id in job_ids if (await user.client.get(job_id)).status != "queued"])


@pytest.mark.full
async def test_jobs_wait_and_lose_no_attempt(stack: Stack) -> None:
    executor = stack.services["executor"]
    async with user_of(stack) as alice:
        assert (await alice.run("python", "print(42)"))["status"] == "completed"
        with no_new_cells(executor.process.pid):
            body = {"language": "python", "code": "print(42)"}
            job_ids = [(await alice.client.submit(body)).job_id for _ in range(JOBS)]
            checks = await until_ready_is(executor.health_url, ready=False)
            assert [name for name, why in checks.items() if why != "ok"] == ["cells"]
            assert "no cell can be made" in checks["cells"]
            assert "headrace_cells_unavailable 1.0" in await counted(executor.health_url)
            assert 0 < await started(alice, job_ids) < JOBS
        await until_ready_is(executor.health_url, ready=True)
        for job_id in job_ids:
            kinds = [event.type for event in await alice.until_terminal(job_id) if event.seq is not None]
            assert kinds == ["job.queued.v1", "job.running.v1", "job.completed.v1"]
        told = await counted(executor.health_url)
    assert "headrace_cells_unavailable 0.0" in told
    assert 'headrace_cells_failed_total{of="trial"}' in told
    log = (stack.directory / "executor.log").read_text()
    assert (log.count('"cells_unavailable"'), log.count('"cells_available"')) == (1, 1)
    assert executor.restarts == 0
