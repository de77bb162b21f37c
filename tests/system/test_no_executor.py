"""While no executor is there programs are accepted, and are told what they wait for."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from headrace.client.errors import ProblemAnswerError
from headrace.local.supervisor import Stack
from tests.http_client import http_client
from tests.system.conftest import User, broker_of, user_of

LOOK_S = 0.05
AWAY = {"reason": "executor", "position": 0}


@pytest.fixture
async def owner(stack: Stack) -> AsyncIterator[User]:
    """A user of the test's own stack."""
    async with user_of(stack) as user:
        yield user


@asynccontextmanager
async def executor_of(stack: Stack) -> AsyncIterator[None]:
    """One more, for as long as the context."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.executor", env=stack.environment_of("executor")
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def asked(user: User, path: str, **body: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {user.token}", "Prefer": "wait=1"}
    async with http_client(base_url=user.stack.address.api_url, headers=headers) as http:
        return await (http.post(path, json=body) if body else http.get(path))


async def kept(stack: Stack, count: int) -> None:
    """Wait until so many languages are known for good: the executor tells one after the other."""
    async with broker_of(stack) as broker, asyncio.timeout(30):
        while (await broker.api("STREAM.INFO.KV_LANGUAGES"))["state"]["messages"] < count:  # noqa: ASYNC110 - it sets no event
            await asyncio.sleep(LOOK_S)


async def without_executors(stack: Stack, user: User) -> None:
    """Stop it for good, and kill the api, so that nothing is known but what was kept."""
    await stack.services["executor"].stop()
    api = stack.services["api"]
    api.started.clear()
    api.process.kill()
    await api.started.wait()
    async with asyncio.timeout(30):
        while True:
            try:
                if all(one.offline for one in await user.client.languages()):
                    return
            except ProblemAnswerError as problem:
                assert problem.status == 503  # noqa: PT017 - it is only starting
            await asyncio.sleep(LOOK_S)


@pytest.mark.full
async def test_programs_are_accepted_and_run_when_an_executor_comes(stack: Stack, owner: User) -> None:
    before = {one.name: one.version for one in await owner.client.languages()}
    await kept(stack, len(before))
    await without_executors(stack, owner)
    assert {one.name: one.version for one in await owner.client.languages()} == before

    answer = await asked(owner, "/v1/jobs", language="bash", code="echo here")
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert answer.json()["waiting_for"] == AWAY
    job_id = answer.json()["job_id"]
    assert (await asked(owner, f"/v1/jobs/{job_id}")).json()["waiting_for"] == AWAY

    unknown = await asked(owner, "/v1/jobs", language="cobol", code="x")
    assert (unknown.status_code, unknown.json()["type"]) == (422, "urn:headrace:problem:unknown-language")
    assert "bash" in unknown.json()["detail"]

    async with executor_of(stack):
        await owner.until_terminal(job_id)
        ended = (await asked(owner, f"/v1/jobs/{job_id}")).json()
    assert (ended["status"], ended["result"]["stdout"]["content"]) == ("completed", "here\n")
    assert ended["waiting_for"] is None


async def test_a_job_is_told_that_it_waits_for_the_users_own(alice: User) -> None:
    first = await alice.client.submit(
        {"language": "bash", "code": "echo begun; sleep 60", "limits": {"wall_ms": 60_000}}
    )
    await alice.until(first.job_id, "output")
    for position in (1, 2):
        answer = await asked(alice, "/v1/jobs", language="bash", code="true")
        assert answer.json()["waiting_for"] == {"reason": "earlier_jobs", "position": position}
    await alice.client.cancel(first.job_id)
