"""The HTTP contract over the four real processes: what is accepted, and that refusals leave no trace."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from headrace.client.errors import ProblemAnswerError
from headrace.local.supervisor import Stack
from shared.contract.codec import EventObject
from tests import builders
from tests.hosts import OFFERED, needs, needs_cc, needs_cgroups
from tests.http_client import http_client
from tests.system.conftest import User, user_of


async def events_of(user: User) -> list[EventObject]:
    """All that the log has of a user."""
    return [event async for event in user.client.replay()]


def assert_problem(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"urn:headrace:problem:{slug}"
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert answer.headers["x-request-id"] in document["instance"]
    assert answer.headers["link"] == f'</problems/{slug}>; rel="help"'
    return document


# --- what works


@pytest.mark.parametrize(
    ("language", "code", "printed"),
    [
        ("python", "print(6 * 7)", "42\n"),
        ("py", "import sys; print(sys.argv[0][-7:])", "main.py\n"),
        pytest.param("javascript", "console.log(6 * 7)", "42\n", marks=needs("javascript")),
        ("bash", "echo $((6 * 7))", "42\n"),
        pytest.param(
            "c",
            '#include <stdio.h>\nint main(void) { printf("%d\\n", 6 * 7); }',
            "42\n",
            marks=needs("c"),
        ),
        pytest.param(
            "c++",
            "#include <iostream>\nint main() { std::cout << 6 * 7 << std::endl; }",
            "42\n",
            marks=needs("c++"),
        ),
        pytest.param(
            "java",
            "class Main { public static void main(String[] args) { System.out.println(6 * 7); } }",
            "42\n",
            marks=[needs("java"), pytest.mark.full],
        ),
        pytest.param("sql", "select 6 * 7;", "42\n", marks=needs("sqlite")),
    ],
)
async def test_a_program_runs(alice: User, language: str, code: str, printed: str) -> None:
    job = await alice.run(language, code)
    assert job["status"] == "completed"
    assert job["result"]["stdout"]["content"] == printed
    assert job["attempt"] == 1
    assert job["language_version"]
    history = await alice.client.history(job["job_id"])
    assert [event.type for event in history] == ["job.queued.v1", "job.running.v1", "job.completed.v1"]


async def test_files_stdin_args_and_environment_reach_the_program(alice: User) -> None:
    job = await alice.client.submit(
        {
            "language": "python",
            "files": [
                {
                    "name": "main.py",
                    "content": "import os, sys, pack.mod\n"
                    "print(pack.mod.NAME, sys.argv[1:], os.environ['GREETING'], sys.stdin.read())\n"
                    "print(open('bin/raw', 'rb').read())\n",
                },
                {"name": "pack/mod.py", "content": "NAME = 'mod'\n"},
                {"name": "bin/raw", "content": base64.b64encode(b"\xff\x00").decode(), "encoding": "base64"},
            ],
            "stdin": "given",
            "args": ["one", "two words", "*"],
            "env": {"GREETING": "hello"},
            "labels": {"course": "cs101"},
        }
    )
    await alice.until_terminal(job.job_id)
    finished = await alice.client.get(job.job_id)
    assert finished.result is not None
    assert finished.result.stdout.content == ("mod ['one', 'two words', '*'] hello given\nb'\\xff\\x00'\n")
    assert finished.labels == {"course": "cs101"}


@pytest.mark.parametrize(
    ("code", "options", "status", "reason"),
    [
        ("raise SystemExit(3)", {}, "failed", "exit_code"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", {}, "failed", "signal"),
        ("while True: print('x' * 1000)", {"limits": {"output_bytes": 4096}}, "failed", "output_limit"),
        pytest.param(
            "x = bytearray(300_000_000)",
            {"limits": {"memory_bytes": 67_108_864}},
            "failed",
            "memory",
            marks=needs_cgroups,
        ),
        ("import time; time.sleep(60)", {"limits": {"wall_ms": 300}}, "timeout", "wall_time"),
        ("while True: pass", {"limits": {"cpu_ms": 300}}, "timeout", "cpu_time"),
    ],
)
async def test_each_ending_is_told_with_its_reason(
    alice: User, code: str, options: dict[str, Any], status: str, reason: str
) -> None:
    job = await alice.run("python", code, **options)
    assert (job["status"], job["reason"]) == (status, reason)


@needs_cc
async def test_a_compile_error_is_told_with_the_compilers_words(alice: User) -> None:
    job = await alice.run("c", "int main(void) { return nothing; }")
    assert (job["status"], job["reason"]) == ("failed", "compile_error")
    assert "nothing" in job["result"]["stderr"]["content"]
    assert [stage["name"] for stage in job["result"]["stages"]] == ["compile"]


async def test_a_running_job_is_cancelled(alice: User) -> None:
    job = await alice.client.submit(
        {"language": "bash", "code": "echo begun; sleep 60", "limits": {"wall_ms": 60_000}}
    )
    await alice.until(job.job_id, "output")
    assert (await alice.client.cancel(job.job_id)).cancel_requested_at
    await alice.until_terminal(job.job_id)
    finished = await alice.client.get(job.job_id)
    assert (finished.status, finished.cancelled_by) == ("cancelled", alice.name)
    assert finished.result is not None
    assert finished.result.stdout.content == "begun\n"


async def test_a_queued_job_is_cancelled_at_once_and_never_runs(shared_stack: Stack) -> None:
    async with user_of(shared_stack) as carol:
        first = await carol.client.submit(
            {"language": "bash", "code": "echo begun; sleep 60", "limits": {"wall_ms": 60_000}}
        )
        await carol.until(first.job_id, "output")
        second = await carol.client.submit({"language": "bash", "code": "echo never"})
        assert (await carol.client.cancel(second.job_id)).status == "cancelled"
        await carol.client.cancel(first.job_id)
        await carol.until_terminal(first.job_id)
        kinds = [event.type for event in await carol.client.history(second.job_id)]
        assert kinds == ["job.queued.v1", "job.cancelled.v1"]


async def test_cancelling_twice_or_too_late(http: httpx.AsyncClient, alice: User) -> None:
    job = await alice.run("bash", "true")
    answer = await http.post(f"/v1/jobs/{job['job_id']}/cancel")
    assert_problem(answer, 409, "already-finished")


async def test_a_users_jobs_start_one_after_the_other_in_order(shared_stack: Stack) -> None:
    async with user_of(shared_stack) as dave:
        jobs = [await dave.client.submit({"language": "bash", "code": "true"}) for _ in range(5)]
        for job in jobs:
            await dave.until_terminal(job.job_id)
        events = await events_of(dave)
    order = [(event.type, event.job_id) for event in events if event.type != "job.queued.v1"]
    assert order == [
        step for job in jobs for step in (("job.running.v1", job.job_id), ("job.completed.v1", job.job_id))
    ]


async def test_a_token_may_ask_for_more_at_once(shared_stack: Stack) -> None:
    """Two jobs that wait for each other's marker end only if both run at the same time."""
    async with user_of(shared_stack, concurrency=2) as erin:
        first = await erin.client.submit(
            {"language": "bash", "code": "echo 1; sleep 60", "limits": {"wall_ms": 60_000}}
        )
        second = await erin.client.submit(
            {"language": "bash", "code": "echo 2; sleep 60", "limits": {"wall_ms": 60_000}}
        )
        await erin.until(first.job_id, "output")
        await erin.until(second.job_id, "output")
        for job in (first, second):
            await erin.client.cancel(job.job_id)
            await erin.until_terminal(job.job_id)


async def test_jobs_are_listed_page_by_page(shared_stack: Stack, http: httpx.AsyncClient) -> None:
    async with user_of(shared_stack) as frank:
        jobs = [await frank.client.submit({"language": "bash", "code": "true"}) for _ in range(5)]
        for job in jobs:
            await frank.until_terminal(job.job_id)
        http.headers["Authorization"] = f"Bearer {frank.token}"
        seen: list[str] = []
        url: str | None = "/v1/jobs?limit=2&language=bash"
        while url:
            answer = await http.get(url)
            seen += [job["job_id"] for job in answer.json()["jobs"]]
            url = answer.links.get("next", {}).get("url")
    assert seen == [job.job_id for job in reversed(jobs)]


async def test_a_list_is_filtered_by_what_the_jobs_are(shared_stack: Stack, http: httpx.AsyncClient) -> None:
    async with user_of(shared_stack) as heidi:
        http.headers["Authorization"] = f"Bearer {heidi.token}"
        python = await heidi.run("python", "print(1)", labels={"course": "cs=101", "week": "1"})
        failing = await heidi.run("bash", "exit 3", labels={"course": "cs102"})
        document = {"language": "bash", "code": "true"}
        session = (await http.post("/v1/sessions", json=document)).json()["session_id"]
        run = (await http.post(f"/v1/sessions/{session}/run", headers={"Prefer": "wait=50"})).json()
        ids = {python["job_id"]: "python", failing["job_id"]: "failing", run["job_id"]: "run"}

        async def listed(**filters: str) -> list[str]:
            """As soon as the view has the last job's end."""
            async with asyncio.timeout(20):
                while True:
                    everything = (await http.get("/v1/jobs")).json()["jobs"]
                    if all(job["finished_at"] for job in everything) and len(everything) == len(ids):
                        break
            answer = await http.get("/v1/jobs", params=filters)
            return [ids[job["job_id"]] for job in answer.json()["jobs"]]

        assert await listed() == ["run", "failing", "python"]
        assert await listed(status="failed") == ["failing"]
        assert await listed(language="bash") == ["run", "failing"]
        assert await listed(label="course=cs=101") == ["python"]
        assert await listed(session=session) == ["run"]
        assert await listed(created_from=failing["created_at"]) == ["run", "failing"]
        assert await listed(created_to=failing["created_at"]) == ["python"]
        assert await listed(language="bash", status="completed") == ["run"]
        assert await listed(language="bash", label="week=1") == []


async def test_the_audit_holds_every_event_and_only_ones_own(shared_stack: Stack, alice: User) -> None:
    await alice.run("bash", "true")
    async with user_of(shared_stack) as grace:
        job = await grace.run("bash", "true")
        events = await events_of(grace)
        assert {event.job_id for event in events} == {job["job_id"]}
        assert [event.seq for event in events] == sorted(event.seq or 0 for event in events)
        finished = [event async for event in grace.client.replay(kind="completed")]
        assert [event.type for event in finished] == ["job.completed.v1"]
        with pytest.raises(ProblemAnswerError) as refused:
            _ = [event async for event in grace.client.replay(everyone=True)]
        assert refused.value.document["type"].endswith("forbidden")
    scopes = frozenset({"jobs", "audit:all"})
    async with user_of(shared_stack, scopes=scopes) as auditor:
        users = {event.data["user_id"] async for event in auditor.client.replay(everyone=True)}
    assert {alice.name, grace.name} <= users


async def test_languages_are_those_of_live_executors(alice: User) -> None:
    languages = {language.name: language for language in await alice.client.languages()}
    assert set(languages) == OFFERED
    assert languages["bash"].stages == ("run",)
    assert languages["python"].version.startswith("3.")


async def test_the_same_key_is_the_same_job(alice: User, http: httpx.AsyncClient) -> None:
    body = {"language": "bash", "code": "true"}
    headers = {"Idempotency-Key": "key-1"}
    answers = await asyncio.gather(*(http.post("/v1/jobs", json=body, headers=headers) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["job_id"] for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    other = await http.post("/v1/jobs", json={**body, "code": "false"}, headers=headers)
    assert_problem(other, 422, "invalid-request")


@pytest.mark.parametrize("user", ["*.>", "a b", "jobs.*", "ü/../\x00", "=41", "." * 100])
async def test_a_hostile_user_id_is_just_a_user(shared_stack: Stack, user: str) -> None:
    async with user_of(shared_stack, user) as hostile:
        job = await hostile.run("bash", "echo mine")
        assert job["user_id"] == user
        assert job["result"]["stdout"]["content"] == "mine\n"
        assert {event.data["user_id"] async for event in hostile.client.replay()} == {user}
        async with asyncio.timeout(30):
            while not (listed := (await hostile.client.jobs()).jobs):
                pass  # the list comes from the view, which may be behind for a moment
        assert {one.user_id for one in listed} == {user}


# --- what is refused


def file(name: str, content: str = "") -> dict[str, Any]:
    return {
        "language": "bash",
        "files": [{"name": "main.sh", "content": ""}, {"name": name, "content": content}],
    }


HELLO = {"language": "bash", "code": "true"}
BAD_BODIES: dict[str, tuple[object, int, str]] = {
    "not an object": ([], 422, "invalid-request"),
    "no language": ({"code": "x"}, 422, "invalid-request"),
    "unknown language": ({"language": "cobol", "code": "x"}, 422, "unknown-language"),
    "neither code nor files": ({"language": "bash"}, 422, "invalid-request"),
    "both code and files": ({**file("x"), "code": "x"}, 422, "invalid-request"),
    "no files": ({"language": "bash", "files": []}, 422, "invalid-request"),
    "unknown field": ({**HELLO, "priority": 9}, 422, "invalid-request"),
    "code is a number": ({"language": "bash", "code": 7}, 422, "invalid-request"),
    "lone surrogate": ({"language": "bash", "code": "\ud800"}, 422, "invalid-request"),
    "parent": (file("../../x"), 422, "invalid-request"),
    "parent in the middle": (file("a/../../b"), 422, "invalid-request"),
    "absolute": (file("/etc/cron.d/x"), 422, "invalid-request"),
    "NUL": (file("x\x00y"), 422, "invalid-request"),
    "new line": (file("x\ny"), 422, "invalid-request"),
    "empty name": (file(""), 422, "invalid-request"),
    "dot": (file("."), 422, "invalid-request"),
    "trailing slash": (file("a/"), 422, "invalid-request"),
    "long name": (file("a" * 5000), 422, "invalid-request"),
    "long part": (file("a" * 256), 422, "invalid-request"),
    "surrogate name": (file("\udcc3.txt"), 422, "invalid-request"),
    "deep": (file("/".join("a" * 20)), 422, "invalid-request"),
    "same name twice": (file("main.sh"), 422, "invalid-request"),
    "file and folder": (file("main.sh/x"), 422, "invalid-request"),
    "not base64": (
        {"language": "bash", "files": [{"name": "main.sh", "content": "*", "encoding": "base64"}]},
        422,
        "invalid-request",
    ),
    "entrypoint is not a file": ({**file("x"), "entrypoint": "y"}, 422, "invalid-request"),
    "entrypoint outside": ({**HELLO, "entrypoint": "../x"}, 422, "invalid-request"),
    "NUL in an argument": ({**HELLO, "args": ["a\x00b"]}, 422, "invalid-request"),
    "environment name": ({**HELLO, "env": {"A=B": "x"}}, 422, "invalid-request"),
    "limit too high": ({**HELLO, "limits": {"wall_ms": 10**9}}, 422, "invalid-request"),
    "limit below zero": ({**HELLO, "limits": {"wall_ms": -1}}, 422, "invalid-request"),
    "unknown limit": ({**HELLO, "limits": {"wall": 1}}, 422, "invalid-request"),
    "label name": ({**HELLO, "labels": {"*.>": "x"}}, 422, "invalid-request"),
    "many labels": ({**HELLO, "labels": {f"l{n}": "" for n in range(17)}}, 422, "invalid-request"),
    "artifacts outside": ({**HELLO, "artifacts": ["../*"]}, 422, "invalid-request"),
    "absolute artifacts": ({**HELLO, "artifacts": ["/etc/*"]}, 422, "invalid-request"),
    "many artifact patterns": ({**HELLO, "artifacts": ["*"] * 17}, 422, "invalid-request"),
    "source too long": ({"language": "bash", "code": "#" * 1_100_000}, 413, "too-large"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_a_bad_body_is_refused_and_leaves_no_trace(
    alice: User, http: httpx.AsyncClient, name: str
) -> None:
    body, status, slug = BAD_BODIES[name]
    # Some of these bodies are beyond what httpx would write by itself.
    answer = await http.post(
        "/v1/jobs", content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    document = assert_problem(answer, status, slug)
    assert "\x00" not in document["detail"]
    assert await events_of(alice) == []


NOWHERE = "/v1/sessions/019b7e8a-2c40-7b31-9d52-6f0c1a2b3c4d"


@pytest.mark.parametrize(
    ("method", "path", "body", "place", "near"),
    [
        ("POST", "/v1/jobs", {**HELLO, "enviroment": {}, "arg": []}, "arg", "args"),
        ("POST", "/v1/jobs", {**HELLO, "limits": {"wallms": 1}}, "limits.wallms", "wall_ms"),
        ("POST", "/v1/jobs/batch", {"job": [HELLO]}, "job", "jobs"),
        ("POST", "/v1/sessions", {**HELLO, "titel": ""}, "titel", "title"),
        ("PUT", NOWHERE, {**HELLO, "label": {}}, "label", "labels"),
        ("POST", f"{NOWHERE}/run", {"stdinencoding": "utf-8"}, "stdinencoding", "stdin_encoding"),
    ],
)
async def test_an_unknown_field_is_answered_with_the_nearest_known_one(
    http: httpx.AsyncClient, method: str, path: str, body: object, place: str, near: str
) -> None:
    document = assert_problem(await http.request(method, path, json=body), 422, "invalid-request")
    expected = {"field": place, "message": f"there is no such field; did you mean {near!r}?"}
    assert expected in document["errors"]


async def test_an_unknown_field_in_a_batch_is_told_with_its_item(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/jobs/batch", json={"jobs": [{**HELLO, "cod": ""}]})
    (item,) = answer.json()["jobs"]
    expected = {"field": "cod", "message": "there is no such field; did you mean 'code'?"}
    assert (item["status"], item["problem"]["errors"]) == (422, [expected])


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b'{"language": "bash", "code": "\xff"}', b"[" * 100_000]
)
async def test_malformed_json_is_refused(http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "json", None])
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs/batch", "/v1/sessions"])
async def test_a_body_that_is_not_said_to_be_json_is_refused(
    alice: User, http: httpx.AsyncClient, path: str, media_type: str | None
) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}
    answer = await http.post(path, content=json.dumps(HELLO), headers=headers)
    assert_problem(answer, 415, "unsupported-media-type")
    assert await events_of(alice) == []


async def test_json_has_many_names(http: httpx.AsyncClient) -> None:
    for media_type in ("application/json; charset=utf-8", "application/vnd.example+json"):
        headers = {"Content-Type": media_type}
        assert (await http.post("/v1/jobs", content=json.dumps(HELLO), headers=headers)).status_code == 202


async def test_a_chunked_body_without_end_is_cut_off(http: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 100_000

    answer = await http.post("/v1/jobs", content=endless(), headers={"Content-Type": "application/json"})
    assert_problem(answer, 413, "too-large")


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer x",
        "Basic YTpi",
        "Bearer a.b.c",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.",
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/jobs"),
        ("GET", "/v1/jobs"),
        ("GET", f"/v1/jobs/{builders.JOB}"),
        ("POST", f"/v1/jobs/{builders.JOB}/cancel"),
        ("GET", f"/v1/jobs/{builders.JOB}/events"),
        ("GET", f"/v1/jobs/{builders.JOB}/artifacts"),
        ("GET", f"/v1/jobs/{builders.JOB}/artifacts/x"),
        ("GET", "/v1/events"),
        ("GET", "/v1/languages"),
    ],
)
async def test_without_a_valid_token_nothing_is_answered(
    shared_stack: Stack, method: str, path: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with http_client(base_url=shared_stack.address.api_url) as stranger:
        answer = await stranger.request(
            method, path, headers=headers, json=HELLO if method == "POST" else None
        )
    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_another_users_job_is_unknown(shared_stack: Stack, alice: User) -> None:
    job = await alice.run("bash", "echo secret")
    async with user_of(shared_stack) as mallory:
        for call in (
            mallory.client.get(job["job_id"]),
            mallory.client.cancel(job["job_id"]),
            mallory.client.history(job["job_id"]),
            mallory.until_terminal(job["job_id"]),
        ):
            with pytest.raises(ProblemAnswerError) as refused:
                await call
            assert "secret" not in str(refused.value.document)


@pytest.mark.parametrize("job_id", [builders.JOB, "x", "*", "%3E", "..%2F..", "a" * 3000, "%00"])
async def test_an_unknown_id_is_not_found(http: httpx.AsyncClient, job_id: str) -> None:
    for method, path in (
        ("GET", ""),
        ("GET", "/events"),
        ("GET", "/artifacts"),
        ("GET", "/artifacts/x"),
        ("POST", "/cancel"),
    ):
        answer = await http.request(method, f"/v1/jobs/{job_id}{path}")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("DELETE", "/v1/jobs", 405, "method-not-allowed"),
        ("GET", "/v1/jobs?limit=0", 422, "invalid-request"),
        ("GET", "/v1/jobs?limit=x", 422, "invalid-request"),
        ("GET", "/v1/jobs?status=dreaming", 422, "invalid-request"),
        ("GET", "/v1/jobs?cursor=%ff", 422, "invalid-request"),
        ("GET", "/v1/jobs?cursor=AAAA", 422, "invalid-request"),
        ("GET", "/v1/jobs?label=x", 422, "invalid-request"),
        ("GET", "/v1/events?after=-1", 422, "invalid-request"),
        ("GET", "/v1/events?from=yesterday", 422, "invalid-request"),
        ("GET", "/v1/events?all=true", 403, "forbidden"),
    ],
)
async def test_every_other_mistake_is_a_problem_too(
    http: httpx.AsyncClient, method: str, path: str, status: int, slug: str
) -> None:
    assert_problem(await http.request(method, path), status, slug)


async def test_the_request_id_is_the_clients_where_it_is_a_plain_word(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/jobs", json=HELLO, headers={"X-Request-Id": "abc-1"})
    assert answer.headers["x-request-id"] == "abc-1"
    answer = await http.get("/v1/jobs", headers={"X-Request-Id": "a b\tc"})
    assert answer.headers["x-request-id"] not in {"", "a b\tc"}


async def test_no_token_and_no_secret_is_in_any_log(shared_stack: Stack, alice: User) -> None:
    secret = shared_stack.environment["HEADRACE_TOKEN_SECRET"]
    passwords = (shared_stack.nats.password, *shared_stack.nats.passwords.values())
    logs = list(shared_stack.directory.glob("*.log"))
    assert len(logs) == 4
    for path in logs:
        text = path.read_text()
        assert text
        for hidden in (alice.token, secret, *passwords):
            assert hidden not in text


async def test_nothing_above_was_answered_with_500(shared_stack: Stack) -> None:
    """Must stay the last of this module: the log of the api holds no traceback."""
    assert "request_failed" not in (shared_stack.directory / "api.log").read_text()
