"""Several programs in one request: each answered by itself, in the order given."""

import asyncio

import httpx
import pytest

from tests.system.conftest import User
from tests.system.test_http import assert_problem

pytestmark = pytest.mark.full


def program(number: int) -> dict[str, object]:
    return {"language": "python", "code": f"print({number})", "labels": {"number": str(number)}}


async def test_a_hundred_programs_run_in_their_order(alice: User, http: httpx.AsyncClient) -> None:
    jobs = [program(number) for number in range(100)]
    answer = await http.post("/v1/jobs/batch", json={"jobs": jobs}, timeout=60)
    assert answer.status_code == 200
    items = answer.json()["jobs"]
    assert [item["status"] for item in items] == [202] * 100
    assert [item["job"]["labels"]["number"] for item in items] == [str(number) for number in range(100)]
    sequences = [item["job"]["queued_sequence"] for item in items]
    assert sequences == sorted(sequences)
    async with asyncio.timeout(60):
        await alice.until_terminal(items[-1]["job"]["job_id"])
    ended = [await alice.client.get(item["job"]["job_id"]) for item in items]
    assert [job.result.stdout.content for job in ended if job.result] == [
        f"{number}\n" for number in range(100)
    ]


async def test_one_that_is_wrong_does_not_refuse_the_others(http: httpx.AsyncClient) -> None:
    jobs = [program(1), {"language": "klingon", "code": ""}, 7, {**program(2), "colour": "red"}, program(3)]
    items = (await http.post("/v1/jobs/batch", json={"jobs": jobs})).json()["jobs"]
    assert [item["status"] for item in items] == [202, 422, 422, 422, 202]
    assert items[1]["problem"]["type"] == "urn:headrace:problem:unknown-language"
    assert items[3]["problem"]["errors"][0]["field"] == "colour"
    assert "red" not in str(items[3]["problem"])


async def test_a_batch_repeated_with_its_key_is_the_same_jobs(http: httpx.AsyncClient) -> None:
    body = {"jobs": [program(1), program(1), program(2)]}
    key = {"Idempotency-Key": "batch-1"}
    first, again = [(await http.post("/v1/jobs/batch", json=body, headers=key)).json()["jobs"] for _ in "12"]
    assert len({item["job"]["job_id"] for item in first}) == 3
    assert [item["job"]["job_id"] for item in again] == [item["job"]["job_id"] for item in first]
    assert [item.get("replayed", False) for item in first + again] == [False] * 3 + [True] * 3
    body["jobs"][1] = program(9)
    changed = (await http.post("/v1/jobs/batch", json=body, headers=key)).json()["jobs"]
    assert [item["status"] for item in changed] == [202, 422, 202]


@pytest.mark.parametrize("jobs", [[], [program(0)] * 101, {}, None, "jobs"])
async def test_no_batch_at_all_is_refused(http: httpx.AsyncClient, jobs: object) -> None:
    assert_problem(await http.post("/v1/jobs/batch", json={"jobs": jobs}), 422, "invalid-request")
