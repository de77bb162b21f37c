"""Cancelling a job only as long as it is as it was seen: `If-Match` with its entity tag."""

import asyncio

import httpx
import pytest

from tests import builders
from tests.system.conftest import User
from tests.system.test_http import assert_problem

pytestmark = pytest.mark.full

SLOW = {"language": "bash", "code": "sleep 60", "limits": {"wall_ms": 60_000}}


async def running(alice: User, http: httpx.AsyncClient) -> tuple[str, str, str]:
    """A running job: its path, its entity tag when it was queued, and the present one."""
    answer = await http.post("/v1/jobs", json=SLOW)
    path = answer.headers["location"]
    await alice.until(answer.json()["job_id"], "running")
    return path, answer.headers["etag"], (await http.get(path)).headers["etag"]


async def kinds(http: httpx.AsyncClient, path: str) -> list[str]:
    return [event["type"].split(".")[1] for event in (await http.get(f"{path}/events")).json()["events"]]


async def test_a_stale_tag_writes_nothing_and_the_present_one_cancels(
    alice: User, http: httpx.AsyncClient
) -> None:
    path, stale, tag = await running(alice, http)
    assert stale != tag
    for other in (stale, f'"{int(tag.strip(chr(34))) + 1_000_000}"', "W/" + tag, "x"):
        refused = await http.post(f"{path}/cancel", headers={"If-Match": other})
        assert_problem(refused, 412, "precondition-failed")
    assert await kinds(http, path) == ["queued", "running"]
    refused = await http.post(f"{path}/cancel", headers={"If-Match": stale})
    assert refused.headers["etag"] == tag
    answer = await http.post(f"{path}/cancel", headers={"If-Match": tag})
    assert answer.status_code == 202
    assert answer.json()["cancel_requested_at"]
    assert answer.headers["etag"] == f'"{answer.json()["last_sequence"]}"' != tag
    await alice.until_terminal(answer.json()["job_id"])
    assert await kinds(http, path) == ["queued", "running", "cancel_requested", "cancelled"]


async def test_of_many_who_saw_the_same_one_cancels(alice: User, http: httpx.AsyncClient) -> None:
    path, _, tag = await running(alice, http)
    answers = await asyncio.gather(
        *(http.post(f"{path}/cancel", headers={"If-Match": tag}) for _ in range(10))
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 202
    # Whoever comes after the executor has stopped it finds a job that has ended.
    assert set(statuses[1:]) <= {409, 412}
    await alice.until_terminal(path.rpartition("/")[2])
    assert (await kinds(http, path)).count("cancel_requested") == 1


async def test_any_state_will_do_for_a_star(alice: User, http: httpx.AsyncClient) -> None:
    path, _, _ = await running(alice, http)
    assert (await http.post(f"{path}/cancel", headers={"If-Match": "*"})).status_code == 202
    await alice.until_terminal(path.rpartition("/")[2])


async def test_what_is_refused_anyway_is_refused_for_that_reason(
    alice: User, http: httpx.AsyncClient
) -> None:
    job = await alice.run("bash", "true")
    for tag in ('"1"', f'"{job["last_sequence"]}"'):
        answer = await http.post(f"/v1/jobs/{job['job_id']}/cancel", headers={"If-Match": tag})
        assert_problem(answer, 409, "already-finished")
        answer = await http.post(f"/v1/jobs/{builders.JOB}/cancel", headers={"If-Match": tag})
        assert_problem(answer, 404, "unknown-job")
