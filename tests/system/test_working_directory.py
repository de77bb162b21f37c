"""`working_directory` of a submission, through the whole stack: taken, refused, recorded, left out."""

from pathlib import Path

import httpx
import pytest

from tests.hosts import needs
from tests.system.conftest import User
from tests.system.test_cli import headrace
from tests.system.test_http import assert_problem, events_of

DATA = "/mnt/data"
WHERE = "import os\nprint(os.getcwd(), os.environ['PWD'], os.listdir())\nopen('out.txt', 'w').write('x')\n"


async def test_a_program_starts_where_it_is_asked_to(alice: User) -> None:
    job = await alice.run("python", WHERE, working_directory=DATA, artifacts=["*.txt"])
    assert job["result"]["stdout"]["content"] == f"{DATA} {DATA} ['main.py']\n"
    assert [each["path"] for each in job["result"]["artifacts"]] == ["out.txt"]
    assert job["working_directory"] == DATA
    history = await alice.client.history(job["job_id"])
    assert history[0].data["working_directory"] == DATA
    for plain in ({}, {"working_directory": "/work"}):
        job = await alice.run("python", WHERE, **plain)
        assert job["result"]["stdout"]["content"] == "/work /work ['main.py']\n"
        assert "working_directory" not in job
        history = await alice.client.history(job["job_id"])
        assert "working_directory" not in history[0].data, "left out of the event"


@needs("c")
async def test_what_is_compiled_in_work_runs_there(alice: User) -> None:
    code = "#include <stdio.h>\n#include <unistd.h>\nint main(void) { char at[99]; puts(getcwd(at, 99)); }"
    job = await alice.run("c", code, working_directory=DATA)
    assert job["result"]["stdout"]["content"] == f"{DATA}\n"


@pytest.mark.parametrize(
    "other", ["", "/", "/etc", "/mnt/data/", "/mnt/data/../..", "work", "..", "/work/x", 7, None]
)
async def test_any_other_directory_is_refused(alice: User, http: httpx.AsyncClient, other: object) -> None:
    answer = await http.post("/v1/jobs", json={"language": "python", "code": "1", "working_directory": other})
    problem = assert_problem(answer, 422, "invalid-request")
    assert [each["field"] for each in problem["errors"]] == ["working_directory"]
    assert await events_of(alice) == []


async def test_a_repetition_of_a_request_without_it_is_the_same(http: httpx.AsyncClient) -> None:
    body = {"language": "python", "code": "1"}
    key = {"Idempotency-Key": "directory"}
    first = await http.post("/v1/jobs", json=body, headers=key)
    again = await http.post("/v1/jobs", json={**body, "working_directory": "/work"}, headers=key)
    assert (again.status_code, again.json()["job_id"]) == (202, first.json()["job_id"])
    other = await http.post("/v1/jobs", json={**body, "working_directory": DATA}, headers=key)
    assert_problem(other, 422, "invalid-request")


async def test_a_session_keeps_it(alice: User, http: httpx.AsyncClient) -> None:
    document = {"title": "t", "language": "python", "code": WHERE, "working_directory": DATA}
    session = (await http.post("/v1/sessions", json=document)).json()
    job = (await http.post(f"/v1/sessions/{session['session_id']}/run", json={})).json()
    await alice.until_terminal(job["job_id"])
    found = await alice.client.get(job["job_id"])
    assert found.result is not None
    assert found.result.stdout.content == f"{DATA} {DATA} ['main.py']\n"


@pytest.mark.full
async def test_the_command_line_takes_it(local: User, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(WHERE)
    settings = {"HEADRACE_DATA": str(local.stack.directory)}
    words = ("run", "--working-directory", DATA, "main.py")
    ran = await headrace(*words, stdin=b"", cwd=tmp_path, settings=settings)
    assert (ran.code, ran.stdout) == (0, f"{DATA} {DATA} ['main.py']\n".encode()), ran.stderr
    words = ("run", "--working-directory", "/etc", "main.py")
    refused = await headrace(*words, stdin=b"", cwd=tmp_path, settings=settings)
    assert refused.code != 0
    assert b"working_directory" in refused.stderr
