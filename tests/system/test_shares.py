"""One user takes all he can of a place or a store; another finds his share of it. Over the real processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from headrace.local.supervisor import Stack, StackOptions, run_stack
from tests.cases import cases
from tests.http_client import http_client
from tests.system.conftest import User, assert_nothing_was_refused, user_of
from tests.system.test_http import assert_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLOW = {"language": "bash", "code": "sleep 60", "limits": {"wall_ms": 60_000}}
WAITS, WAITS_OF_ONE = 8, 3
ARTIFACTS_SHARE = 500_000
SESSIONS_SHARE = 200_000
LOG_SHARE = 400_000
SETTINGS = {
    "HEADRACE_ARTIFACTS_BYTES_MAX": str(8 * ARTIFACTS_SHARE),
    "HEADRACE_USER_ARTIFACTS_BYTES": str(ARTIFACTS_SHARE),
    "HEADRACE_SESSIONS_BYTES_MAX": str(8 * SESSIONS_SHARE),
    "HEADRACE_USER_SESSIONS_BYTES": str(SESSIONS_SHARE),
    "HEADRACE_JOBS_BYTES_MAX": str(24 * LOG_SHARE),
    "HEADRACE_USER_LOG_BYTES": str(LOG_SHARE),
    "HEADRACE_WAITS_MAX": str(WAITS),
    "HEADRACE_USER_WAITS": str(WAITS_OF_ONE),
    "HEADRACE_USER_WAITS_MAX": "100",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def small_stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A stack whose places and stores are soon full."""
    directory: Path = tmp_path_factory.mktemp("stack") / "data"
    async with run_stack(directory, StackOptions(environment=SETTINGS)) as stack:
        yield stack
        assert_nothing_was_refused(stack)


@asynccontextmanager
async def http_of(stack: Stack, name: str, **claims: Any) -> AsyncIterator[tuple[User, httpx.AsyncClient]]:  # noqa: ANN401 - claims
    """A user, and bare HTTP in his name."""
    async with (
        user_of(stack, name, **claims) as user,
        http_client(
            base_url=stack.address.api_url,
            headers={"Authorization": f"Bearer {user.token}"},
            timeout=90,
            limits=httpx.Limits(max_connections=None),
        ) as http,
    ):
        yield user, http


async def is_heeded(http: httpx.AsyncClient, job_id: str) -> bool:
    """Whether a wait of no time at all finds a place."""
    answer = await http.get(f"/v1/jobs/{job_id}", headers={"Prefer": "wait=0"})
    return "preference-applied" in answer.headers


async def until_waits(http: httpx.AsyncClient, expected: int) -> None:
    """Until so many requests of all users wait; probes of `is_heeded` would take places meanwhile."""
    async with asyncio.timeout(30):
        while f"headrace_waits {expected}.0" not in (await http.get("/metrics")).text:
            pass


@pytest.mark.full
async def test_one_user_cannot_take_the_places_of_waits_from_another(small_stack: Stack) -> None:
    claims = {"shares": {"waits_max": 100}}
    async with (
        http_of(small_stack, "greedy", **claims) as (greedy, first),
        http_of(small_stack, "modest") as (modest, second),
    ):
        taken = (await greedy.client.submit(SLOW)).job_id
        asked = (await modest.client.submit(SLOW)).job_id
        wait = {"Prefer": "wait=60"}
        waits = [asyncio.create_task(first.get(f"/v1/jobs/{taken}", headers=wait)) for _ in range(2 * WAITS)]
        # Those beyond his share are answered at once.
        waiting, ignored = set(waits), set[asyncio.Task[httpx.Response]]()
        async with asyncio.timeout(30):
            while len(waiting) > WAITS // 2:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                ignored |= done
        assert all("preference-applied" not in one.result().headers for one in ignored)
        await until_waits(first, WAITS // 2)
        assert not await is_heeded(first, taken)
        assert await is_heeded(second, asked)
        await greedy.client.cancel(taken)
        await modest.client.cancel(asked)
        heeded = await asyncio.gather(*waiting)
        assert {answer.json()["status"] for answer in heeded} == {"cancelled"}
        assert all("preference-applied" in answer.headers for answer in heeded)


@pytest.mark.full
@pytest.mark.parametrize("submits", cases([False, True], {True}))
async def test_the_wait_of_a_client_that_left_gives_its_place_back_at_once(
    small_stack: Stack, submits: bool
) -> None:
    async with http_of(small_stack, f"leaver-{submits}", requests_per_s=1_000) as (user, http):
        job_id = (await user.client.submit(SLOW)).job_id
        wait = {"Prefer": "wait=60"}
        async with http_client(base_url=http.base_url, headers=http.headers, timeout=90) as leaving:
            waits = [
                asyncio.create_task(
                    leaving.post("/v1/jobs", json=SLOW, headers=wait)
                    if submits
                    else leaving.get(f"/v1/jobs/{job_id}", headers=wait)
                )
                for _ in range(WAITS_OF_ONE)
            ]
            await until_waits(http, WAITS_OF_ONE)
            assert not await is_heeded(http, job_id)
            for one in waits:
                one.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        # Long before the sixty seconds are up, which the timeout of `until_waits` is half of.
        await until_waits(http, 0)
        assert await is_heeded(http, job_id)
        for job in (await http.get("/v1/jobs")).json()["jobs"]:
            await user.client.cancel(job["job_id"])


async def leave_file(user: User, size: int) -> dict[str, Any]:
    """A job that leaves a file of so many bytes that nothing compresses."""
    code = f"import os; open('file', 'wb').write(os.urandom({size}))"
    job = await user.run("python", code, artifacts=["file"], ttl_s=3_600)
    result: dict[str, Any] = job["result"]
    assert job["status"] == "completed", job
    return result


async def test_one_user_cannot_fill_the_store_of_artifacts_for_another(small_stack: Stack) -> None:
    async with user_of(small_stack, "hoarder") as hoarder, user_of(small_stack, "saver") as saver:
        results = [await leave_file(hoarder, 300_000) for _ in range(3)]
        assert [len(result["artifacts"]) for result in results] == [1, 0, 0]
        (skipped,) = results[-1]["skipped"]
        assert skipped["path"] == "file"
        assert f"your share of the store: 301024 of {ARTIFACTS_SHARE} bytes used" in skipped["reason"]
        assert len((await leave_file(saver, 300_000))["artifacts"]) == 1


async def test_a_claim_raises_the_share_of_artifacts_to_a_quarter_of_what_others_leave(
    small_stack: Stack,
) -> None:
    async with user_of(small_stack, "claimer", shares={"artifacts_bytes_max": 10**12}) as claimer:
        stored = [len((await leave_file(claimer, 400_000))["artifacts"]) for _ in range(4)]
    # Of eight shares others have taken one or two; a quarter of the rest has room for one of 400 kB or more.
    assert stored[0] == 1
    assert 1 <= sum(stored) <= 2
    assert stored[-1] == 0


@pytest.mark.full
async def test_one_user_cannot_fill_the_bucket_of_sessions_for_another(small_stack: Stack) -> None:
    document = {"language": "python", "code": "#" * 50_000, "title": "large"}
    async with (
        http_of(small_stack, "writer") as (_, first),
        http_of(small_stack, "reader") as (_, second),
    ):
        begun = await first.post("/v1/sessions", json=document)
        assert begun.status_code == 201
        path = begun.headers["location"]
        for _ in range(2):
            assert (await first.put(path, json=document)).status_code == 200
        for refused in (
            await first.put(path, json=document),
            await first.post("/v1/sessions", json=document),
        ):
            assert assert_problem(refused, 507, "storage-full")["detail"].startswith("your share of sessions")
            assert f'"sessions";q={SESSIONS_SHARE};qu="content-bytes"' in refused.headers["ratelimit-policy"]
        assert (await first.get(path)).status_code == 200
        assert (await second.post("/v1/sessions", json=document)).status_code == 201
        usage = (await first.get("/v1/usage")).json()["sessions_bytes"]
        assert usage["share"] == SESSIONS_SHARE
        assert 150_000 < usage["used"] <= SESSIONS_SHARE
        assert (await first.delete(path)).status_code == 204
        async with asyncio.timeout(30):
            while (await first.post("/v1/sessions", json=document)).status_code != 201:
                pass


@pytest.mark.full
async def test_one_user_cannot_fill_the_log_for_another(small_stack: Stack) -> None:
    large = {"language": "python", "code": "print(1)", "stdin": "x" * 150_000, "ttl_s": 3_600}
    async with (
        http_of(small_stack, "chatterer") as (chatterer, first),
        http_of(small_stack, "listener") as (listener, second),
    ):
        answers = [await first.post("/v1/jobs", json=large) for _ in range(4)]
        codes = [answer.status_code for answer in answers]
        assert codes[:2] == [202, 202]
        assert codes[-1] == 507
        assert assert_problem(answers[-1], 507, "storage-full")["detail"].startswith("your share of log")
        # What was accepted ends as usual, and so do the jobs of somebody else.
        for answer in answers[:2]:
            assert (await chatterer.until_terminal(answer.json()["job_id"]))[-1].type == "job.completed.v1"
        assert (await second.post("/v1/jobs", json=large)).status_code == 202
        assert (await listener.run("python", "print(1)"))["status"] == "completed"
        usage = (await first.get("/v1/usage")).json()
        assert usage["log_bytes"]["share"] == LOG_SHARE
        assert 300_000 < usage["log_bytes"]["used"] <= LOG_SHARE + 100_000
        assert usage["unfinished_jobs"]["used"] == 0
