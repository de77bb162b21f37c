"""Waiting for a job's end over HTTP, conditional reads, and a job as it was."""

import asyncio
from datetime import datetime
from typing import Any

import httpx
import pytest

from headrace.local.supervisor import Stack
from tests import builders
from tests.http_client import http_client
from tests.system.conftest import User, user_of
from tests.system.test_http import assert_problem

QUICK = {"language": "python", "code": "print(42)"}
SLOW = {"language": "bash", "code": "sleep 60", "limits": {"wall_ms": 60_000}}


async def stopped(alice: User, job_id: str) -> None:
    await alice.client.cancel(job_id)
    await alice.until_terminal(job_id)


async def test_a_submission_that_waits_is_answered_with_the_result(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/jobs", json=QUICK, headers={"Prefer": "wait=50"}, timeout=60)
    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "wait=50"
    assert answer.json()["result"]["stdout"]["content"] == "42\n"


async def test_a_wait_that_is_over_is_answered_with_what_there_is(
    alice: User, http: httpx.AsyncClient
) -> None:
    answer = await http.post("/v1/jobs", json=SLOW, headers={"Prefer": "wait=1"}, timeout=60)
    assert answer.status_code == 202
    assert answer.json()["status"] in {"queued", "running"}
    again = await http.get(answer.headers["location"], headers={"Prefer": "wait=0"})
    assert again.status_code == 200
    assert again.headers["preference-applied"] == "wait=0"
    await stopped(alice, answer.json()["job_id"])


async def test_a_read_waits_until_the_job_ends(alice: User, http: httpx.AsyncClient) -> None:
    job = await alice.client.submit(SLOW)
    await alice.until(job.job_id, "running")
    reading = asyncio.create_task(
        http.get(f"/v1/jobs/{job.job_id}", headers={"Prefer": "wait=9999"}, timeout=90)
    )
    await stopped(alice, job.job_id)
    answer = await reading
    assert answer.headers["preference-applied"] == "wait=60"
    assert answer.json()["status"] == "cancelled"


async def test_a_plain_submission_does_not_wait(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/jobs", json=QUICK)
    assert answer.status_code == 202
    assert "preference-applied" not in answer.headers


async def test_a_job_that_has_not_changed_is_not_sent_again(alice: User, http: httpx.AsyncClient) -> None:
    job = await alice.run("python", "print(1)")
    path = f"/v1/jobs/{job['job_id']}"
    tag = (await http.get(path)).headers["etag"]
    assert tag == f'"{job["last_sequence"]}"'
    same = await http.get(path, headers={"If-None-Match": f'"1", W/{tag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert (await http.get(path, headers={"If-None-Match": '"1"'})).status_code == 200


async def test_a_job_as_it_was(alice: User, http: httpx.AsyncClient) -> None:
    job = await alice.run("python", "print(1)")
    path = f"/v1/jobs/{job['job_id']}"
    history = await alice.client.history(job["job_id"])

    async def at(moment: int | datetime) -> dict[str, Any]:
        text = moment.isoformat() if isinstance(moment, datetime) else moment
        found: dict[str, Any] = (await http.get(path, params={"as_of": text})).json()
        return found

    for event, status in zip(history, ("queued", "running", "completed"), strict=True):
        assert event.seq is not None
        assert (await at(event.seq))["status"] == status
        assert (await at(event.stored_at))["status"] == status
    before = await http.get(path, params={"as_of": history[0].seq - 1 if history[0].seq else 0})
    assert_problem(before, 404, "unknown-job")


@pytest.mark.parametrize("moment", ["", "yesterday", "-1", "1e3", "2026-13-01"])
async def test_a_moment_that_is_none_is_refused(http: httpx.AsyncClient, moment: str) -> None:
    answer = await http.get(f"/v1/jobs/{builders.JOB}", params={"as_of": moment})
    assert assert_problem(answer, 422, "invalid-request")["errors"][0]["field"] == "as_of"


async def test_a_flood_is_told_when_to_come_back(shared_stack: Stack) -> None:
    async with (
        user_of(shared_stack, requests_per_s=1) as user,
        http_client(base_url=shared_stack.address.api_url) as http,
    ):
        headers = {"Authorization": f"Bearer {user.token}"}
        refused = None
        async with asyncio.timeout(60):
            while refused is None:
                answers = await asyncio.gather(
                    *(http.get("/v1/languages", headers=headers) for _ in range(5))
                )
                refused = next((answer for answer in answers if answer.status_code == 429), None)
        document = assert_problem(refused, 429, "too-many-requests")
        assert "1 requests" in document["detail"]
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.headers["ratelimit"].startswith('"requests";r=0;t=')
        assert refused.headers["ratelimit-policy"] == '"requests";q=4;w=4'


@pytest.mark.full
async def test_a_user_with_a_full_queue_is_refused_and_others_are_not(shared_stack: Stack) -> None:
    async with (
        user_of(shared_stack, unfinished_max=20) as heavy,
        user_of(shared_stack) as light,
        http_client(base_url=shared_stack.address.api_url, timeout=30) as http,
    ):
        headers = {"Authorization": f"Bearer {heavy.token}", "Idempotency-Key": "the first"}
        first = await http.post("/v1/jobs", json=SLOW, headers=headers)
        jobs = [first.json()["job_id"]]
        answer = first
        async with asyncio.timeout(120):
            while answer.status_code != 429:
                assert answer.status_code == 202, answer.text
                answer = await http.post(
                    "/v1/jobs", json=SLOW, headers={"Authorization": headers["Authorization"]}
                )
                if answer.status_code == 202:
                    jobs.append(answer.json()["job_id"])
        assert_problem(answer, 429, "too-many-jobs")
        assert len(jobs) == 20
        # What was accepted before is told again even now.
        again = await http.post("/v1/jobs", json=SLOW, headers=headers)
        assert (again.status_code, again.json()["job_id"]) == (202, jobs[0])
        assert again.headers["idempotency-replayed"] == "true"
        assert (await light.run("python", "print(1)"))["status"] == "completed"
        await heavy.client.cancel(jobs.pop())
        async with asyncio.timeout(30):
            while (
                last := await http.post("/v1/jobs", json=SLOW, headers=headers | {"Idempotency-Key": "x"})
            ).status_code != 202:
                pass
        # They would take a slot from other tests for minutes.
        for job in (last.json()["job_id"], *reversed(jobs)):
            await heavy.client.cancel(job)
