"""Limits beyond what the service allows: lowered on every way of submission, and told by the job for ever."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.api.settings import ApiSettings
from tests.system.conftest import User
from tests.system.test_cli_asking import ask
from tests.system.test_http import assert_problem

MOST = ApiSettings(token_secret="x" * 32).memory_bytes_max
GREEDY: dict[str, Any] = {
    "language": "bash",
    "code": "echo done",
    "limits": {"memory_bytes": 2**34, "wall_ms": 9_000},
}
CLAMPING = {**GREEDY, "limits_policy": "clamp"}
CLAMPED = [{"name": "memory_bytes", "requested": 2**34, "applied": MOST}]


async def accepted(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    """The same job by the short way, the ordinary way, in a batch, and as a session's run."""
    content = json.dumps(CLAMPING)
    kinds = ("application/json", "application/vnd.example+json")
    singles = [await http.post("/v1/jobs", content=content, headers={"Content-Type": kind}) for kind in kinds]
    batch = (await http.post("/v1/jobs/batch", json={"jobs": [CLAMPING, GREEDY]})).json()["jobs"]
    assert [item["status"] for item in batch] == [202, 422]
    session = (await http.post("/v1/sessions", json=CLAMPING)).json()["session_id"]
    run = await http.post(f"/v1/sessions/{session}/run")
    assert [answer.status_code for answer in (*singles, run)] == [202] * 3
    return [*(answer.json() for answer in singles), batch[0]["job"], run.json()]


async def test_a_job_tells_which_of_its_limits_were_lowered(alice: User, http: httpx.AsyncClient) -> None:
    jobs = await accepted(http)
    for job in jobs:
        assert job["clamped"] == CLAMPED
        assert (job["limits"]["memory_bytes"], job["limits"]["wall_ms"]) == (MOST, 9_000)
        assert (await alice.client.result(job["job_id"])).status == "completed"
        assert (await http.get(f"/v1/jobs/{job['job_id']}")).json()["clamped"] == CLAMPED
        assert (await alice.client.history(job["job_id"]))[0].data["clamped"] == CLAMPED
    plain = await alice.run("bash", "echo done")
    listed = (await http.get("/v1/jobs")).json()["jobs"]
    assert {one["job_id"] for one in listed if one.get("clamped") == CLAMPED} == {
        job["job_id"] for job in jobs
    }
    assert "clamped" not in (await http.get(f"/v1/jobs/{plain['job_id']}")).json()
    sheet = await ask(alice, "get", jobs[0]["job_id"], "--user", alice.name)
    assert f"clamped\tmemory_bytes\t{2**34}\t{MOST}\n" in sheet.stdout.decode()


async def test_without_the_policy_it_is_refused(http: httpx.AsyncClient) -> None:
    for policy in ({}, {"limits_policy": "refuse"}):
        for path in ("/v1/jobs", "/v1/sessions"):
            document = assert_problem(
                await http.post(path, json={**GREEDY, **policy}), 422, "invalid-request"
            )
            assert document["detail"] == f"limits.memory_bytes: at most {MOST} is allowed"
    unknown = await http.post("/v1/jobs", json={**GREEDY, "limits_policy": "lower"})
    assert "limits_policy" in assert_problem(unknown, 422, "invalid-request")["detail"]


@pytest.mark.full
async def test_the_command_line_asks_for_it(local: User, tmp_path: Path) -> None:
    program = tmp_path / "main.sh"
    program.write_text("echo done")
    refused = await ask(local, "run", "--memory", "16G", program)
    assert (refused.code, b"limits.memory_bytes" in refused.stderr) == (2, True)
    ran = await ask(local, "run", "--memory", "16G", "--clamp", "--json", program)
    assert (ran.code, ran.json()["clamped"]) == (0, CLAMPED)
