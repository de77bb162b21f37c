"""Dead letters over HTTP: operators see everybody's, read them, and give each one more chance."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio

from headrace.local.supervisor import Stack
from shared.contract.subjects import job_event
from shared.domain.events import Event, SourceFile
from shared.jetstream.event_log import Appended, Log
from tests import builders
from tests.http_client import http_client
from tests.system.conftest import User, broker_of, user_of
from tests.system.test_http import assert_problem

OPERATOR = frozenset({"ops"})


@pytest_asyncio.fixture(loop_scope="session")
async def operator(shared_stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        user_of(shared_stack, scopes=OPERATOR) as user,
        http_client(
            base_url=shared_stack.address.api_url, headers={"Authorization": f"Bearer {user.token}"}
        ) as client,
    ):
        yield client


async def lost(owner: User, code: str = "print(42)") -> str:
    """A job whose executors were lost, as its log tells it; behind another, so that no real one runs it."""
    job, user = builders.job_id(), owner.name
    failed = msgspec.structs.replace(
        builders.failed(job, user, attempt=3), reason="executor_lost", result=None
    )
    events: list[Event] = [
        builders.queued(job, user, files=(SourceFile(name="main.py", content=code),)),
        *(builders.running(job, user, attempt, f"gone-{attempt}") for attempt in (1, 2, 3)),
        msgspec.structs.replace(failed, reason="executor_lost", result=None),
    ]
    async with broker_of(owner.stack) as broker:
        first = await owner.client.submit(
            {"language": "bash", "code": "sleep 60", "limits": {"wall_ms": 60_000}}
        )
        log, expected = Log(broker), 0
        for event in events:
            result = await log.append(event, expected=expected, patience_s=5)
            assert isinstance(result, Appended)
            expected = result.sequence
        await owner.client.cancel(first.job_id)
        await owner.until_terminal(first.job_id)
    return job


async def listed(operator: httpx.AsyncClient, job: str) -> dict[str, Any]:
    """The list's line of a job, as soon as the view has it."""
    async with asyncio.timeout(20):
        while True:
            jobs = (await operator.get("/v1/dead-letters")).json()["jobs"]
            for one in jobs:
                if one["job_id"] == job:
                    found: dict[str, Any] = one
                    return found


async def test_operators_see_everybodys_newest_first(
    operator: httpx.AsyncClient, shared_stack: Stack
) -> None:
    names = ["dead", "dead.*.>", "dead ü"]
    jobs = []
    for name in names:
        async with user_of(shared_stack, name) as owner:
            jobs.append(await lost(owner))
    assert (await listed(operator, jobs[-1]))["user_id"] == names[-1]
    page = await operator.get("/v1/dead-letters", params={"limit": 2})
    assert [job["job_id"] for job in page.json()["jobs"]] == [jobs[2], jobs[1]]
    rest = (await operator.get(page.links["next"]["url"])).json()
    assert rest["jobs"][0]["job_id"] == jobs[0]
    one = (await operator.get(f"/v1/dead-letters/{jobs[1]}")).json()
    assert (one["user_id"], one["status"], one["reason"]) == (names[1], "failed", "executor_lost")


async def test_a_retry_is_a_new_job_of_the_same_user_that_names_the_old_one(
    alice: User, operator: httpx.AsyncClient
) -> None:
    job = await lost(alice, code="print('another chance')")
    answers = await asyncio.gather(*(operator.post(f"/v1/dead-letters/{job}/retry") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {202}
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 4
    (retry,) = {answer.json()["job_id"] for answer in answers}
    await alice.until_terminal(retry)
    ended = await alice.client.get(retry)
    assert (ended.retry_of, ended.status) == (job, "completed")
    assert ended.result is not None
    assert ended.result.stdout.content == "another chance\n"
    assert (await alice.client.get(job)).reason == "executor_lost"


async def test_only_dead_letters_are_retried(alice: User, operator: httpx.AsyncClient) -> None:
    job = await alice.run("python", "print(1)")
    assert_problem(await operator.post(f"/v1/dead-letters/{job['job_id']}/retry"), 409, "not-dead")
    assert_problem(await operator.get(f"/v1/dead-letters/{job['job_id']}"), 404, "unknown-job")
    for job_id in (builders.job_id(), "*", "x.y"):
        assert_problem(await operator.post(f"/v1/dead-letters/{job_id}/retry"), 404, "unknown-job")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("GET", "/messages"), ("GET", "/x"), ("POST", "/x/retry")]
)
async def test_nobody_else_sees_them(http: httpx.AsyncClient, method: str, path: str) -> None:
    assert_problem(await http.request(method, f"/v1/dead-letters{path}"), 403, "forbidden")


async def test_poison_is_listed_with_its_place_in_the_log(
    operator: httpx.AsyncClient, shared_stack: Stack
) -> None:
    async with broker_of(shared_stack) as broker:
        subject = job_event("dead", builders.job_id(), "queued")
        stored = msgspec.json.decode((await broker.request(subject, b"not an event")).data)["seq"]
    async with asyncio.timeout(20):
        found: list[dict[str, Any]] = []
        while not found:
            messages = (await operator.get("/v1/dead-letters/messages")).json()["messages"]
            found = [one for one in messages if one["stream_seq"] == stored]
    (message,) = found
    assert (message["stream"], message["consumer"]) == ("JOBS", "executor")
    assert message["reason"] == "the message is not an event"
