"""Files that programs leave, over the four real processes: to their owner, whole, never as a page."""

import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio

from headrace.client.errors import ProblemAnswerError
from headrace.client.models import Artifacts
from headrace.local.supervisor import Stack
from shared.contract.subjects import ARTIFACTS, artifact_name
from shared.domain.events import Event, JobCompleted
from shared.domain.result import Artifact, Result, SkippedArtifact
from shared.jetstream.event_log import Appended, Log
from shared.jetstream.object_store import Objects
from tests import builders
from tests.http_client import http_client
from tests.system.conftest import User, broker_of, user_of
from tests.system.test_cli import headrace
from tests.system.test_http import assert_problem

NAMES = [
    "out/plot.bin",
    "index.html",
    "ü/\U0001f600 %2F?.txt",
    'a"b;c',
    "&<script>",
    "percent%00",
    "a..b",
    "...",
]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def alice(shared_stack: Stack) -> AsyncIterator[User]:
    """The same in all tests: `left` is hers."""
    async with user_of(shared_stack) as user:
        yield user


@dataclass(frozen=True)
class Left:
    """A job as an executor would have recorded it, with the files that it left."""

    job_id: str
    contents: dict[str, bytes]

    def url(self, path: str | None = None) -> str:
        end = "" if path is None else "/" + quote(path)
        return f"/v1/jobs/{self.job_id}/artifacts{end}"


async def recorded(stack: Stack, contents: dict[str, bytes], *, user: str, finished: bool = True) -> Left:
    """Written as an executor writes it, of a language that nobody runs here."""
    job_id = builders.job_id()
    events: list[Event] = [
        builders.queued(job_id, user, language="cobol"),
        builders.running(job_id, user),
    ]
    async with broker_of(stack) as broker:
        log, artifacts = Log(broker), []
        for number, (path, content) in enumerate(contents.items()):
            name = artifact_name(job_id, 1, number)
            stored = await Objects(broker, log, ARTIFACTS).put(name, content, patience_s=5)
            artifacts.append(Artifact(path=path, size=stored.size, sha256=stored.sha256))
        if finished:
            events.append(completed(job_id, user, artifacts))
        sequence = 0
        for event in events:
            appended = await log.append(event, expected=sequence, patience_s=5)
            assert isinstance(appended, Appended)
            sequence = appended.sequence
    return Left(job_id, contents)


def completed(job_id: str, user: str, artifacts: list[Artifact]) -> JobCompleted:
    return JobCompleted(
        job_id=job_id,
        user_id=user,
        time=builders.NOON,
        request_id="req-1",
        attempt=1,
        result=Result(
            exit_code=0,
            artifacts=tuple(artifacts),
            skipped=(SkippedArtifact(path="out/large", reason="no room"),),
        ),
    )


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def left(shared_stack: Stack, alice: User) -> Left:
    contents = {name: name.encode() for name in NAMES} | {"empty": b"", "large": os.urandom(9_000_000)}
    return await recorded(shared_stack, contents, user=alice.name)


async def test_a_programs_files_come_back_as_it_wrote_them(
    alice: User, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    """From the cell to the client: needs a sandbox that brings files back."""
    code = (
        "import os\n"
        "os.makedirs('out/deep')\n"
        "open('out/plot.bin', 'wb').write(bytes(range(256)) * 4096)\n"
        "open('out/deep/note.txt', 'w').write('ü')\n"
        "open('elsewhere', 'w').write('not asked for')\n"
    )
    expected = {"out/deep/note.txt": "ü".encode(), "out/plot.bin": bytes(range(256)) * 4096}
    job = await alice.run("python", code, artifacts=["out/**"])
    assert job["status"] == "completed"
    assert {each["path"]: each["size"] for each in job["result"]["artifacts"]} == {
        path: len(content) for path, content in expected.items()
    }
    for path, content in expected.items():
        answer = await http.get(f"/v1/jobs/{job['job_id']}/artifacts/{path}")
        assert (answer.status_code, answer.content) == (200, content)
    (tmp_path / "prog.py").write_text(code)
    ran = await headrace(
        "run",
        "--artifact",
        "out/**",
        "--output",
        tmp_path / "got",
        "--data",
        alice.stack.directory,
        tmp_path / "prog.py",
    )
    assert ran.code == 0, ran.stderr
    assert {path: (tmp_path / "got" / path).read_bytes() for path in expected} == expected


async def test_a_program_that_fails_leaves_its_files_too(alice: User) -> None:
    """Needs a sandbox that brings files back."""
    code = "open('core.txt', 'w').write('why'); raise SystemExit(3)"
    job = await alice.run("python", code, artifacts=["*.txt"])
    assert (job["status"], job["reason"]) == ("failed", "exit_code")
    pieces = [piece async for piece in alice.client.artifact(job["job_id"], "core.txt")]
    assert b"".join(pieces) == b"why"


async def test_nothing_is_kept_that_was_not_asked_for(alice: User) -> None:
    job = await alice.run("python", "open('out', 'w').write('x')")
    assert await alice.client.artifacts(job["job_id"]) == Artifacts(artifacts=(), skipped=())


async def test_the_files_of_a_job_are_listed(http: httpx.AsyncClient, left: Left) -> None:
    listed = (await http.get(left.url())).json()
    assert listed["artifacts"] == [
        {"path": path, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for path, content in left.contents.items()
    ]
    assert listed["skipped"] == [{"path": "out/large", "reason": "no room"}]


@pytest.mark.parametrize("name", [*NAMES, "empty", "large"])
async def test_a_file_is_an_attachment_of_no_type(http: httpx.AsyncClient, left: Left, name: str) -> None:
    answer = await http.get(left.url(name))
    assert (answer.status_code, answer.content) == (200, left.contents[name])
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["content-length"] == str(len(left.contents[name]))
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment; filename=")
    assert disposition.endswith(f"filename*=UTF-8''{quote(name.rpartition('/')[2], safe='')}")


async def test_a_file_that_the_client_has_is_not_sent_again(http: httpx.AsyncClient, left: Left) -> None:
    first = await http.get(left.url("index.html"))
    etag = first.headers["etag"]
    assert etag == f'"{hashlib.sha256(first.content).hexdigest()}"'
    again = await http.get(left.url("index.html"), headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    other = await http.get(left.url("index.html"), headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


async def test_a_client_may_leave_in_the_middle(http: httpx.AsyncClient, left: Left) -> None:
    async with http.stream("GET", left.url("large")) as answer:
        assert await anext(answer.aiter_bytes())
    assert (await http.get(left.url("large"))).content == left.contents["large"]


@pytest.mark.parametrize("path", ["nowhere", "out", "out/", "out/large", "%2e%2e/x", "a%00b", "x%0a", ""])
async def test_a_file_that_is_not_kept_is_not_found(http: httpx.AsyncClient, left: Left, path: str) -> None:
    answer = await http.get(f"{left.url()}/{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_until_the_job_has_ended_there_is_nothing_to_have(shared_stack: Stack) -> None:
    """Even though the bytes are stored: an older attempt's would be, too."""
    async with user_of(shared_stack) as carol:
        begun = await recorded(shared_stack, {"early": b"x"}, user=carol.name, finished=False)
        headers = {"Authorization": f"Bearer {carol.token}"}
        async with http_client(base_url=shared_stack.address.api_url, headers=headers) as http:
            for url in (begun.url(), begun.url("early")):
                assert_problem(await http.get(url), 409, "not-finished")


async def test_a_file_that_has_expired_is_not_found(
    shared_stack: Stack, alice: User, http: httpx.AsyncClient
) -> None:
    old = await recorded(shared_stack, {"old": b"x"}, user=alice.name)
    async with broker_of(shared_stack) as broker:
        await Objects(broker, Log(broker), ARTIFACTS).delete(artifact_name(old.job_id, 1, 0))
    document = assert_problem(await http.get(old.url("old")), 404, "unknown-artifact")
    assert "not kept" in document["detail"]


async def test_another_users_files_are_those_of_an_unknown_job(shared_stack: Stack, left: Left) -> None:
    async with user_of(shared_stack) as mallory:
        headers = {"Authorization": f"Bearer {mallory.token}"}
        async with http_client(base_url=shared_stack.address.api_url, headers=headers) as http:
            for url in (left.url(), left.url("index.html"), left.url("nowhere")):
                assert_problem(await http.get(url), 404, "unknown-job")
        with pytest.raises(ProblemAnswerError):
            await mallory.client.artifacts(left.job_id)


@pytest.mark.full
async def test_the_command_line_lists_and_downloads(
    shared_stack: Stack, alice: User, left: Left, tmp_path: Path
) -> None:
    options: list[Any] = ["--data", shared_stack.directory, "--user", alice.name]
    shown = await headrace("artifacts", left.job_id, *options)
    assert shown.code == 0, shown.stderr
    assert b"out/plot.bin" in shown.stdout
    assert b"no room" in shown.stdout
    got = await headrace("artifacts", left.job_id, "--output", tmp_path / "got", "--json", *options)
    assert got.code == 0, got.stderr
    assert len(got.json()["artifacts"]) == len(left.contents)
    for path, content in left.contents.items():
        assert (tmp_path / "got" / path).read_bytes() == content
    other = await headrace("artifacts", left.job_id, "--data", shared_stack.directory, "--user", "mallory")
    assert (other.code, other.stdout) == (2, b"")


async def test_nothing_above_was_answered_with_500(shared_stack: Stack) -> None:
    """Must stay the last of this module: the log of the api holds no traceback."""
    assert "request_failed" not in (shared_stack.directory / "api.log").read_text()
