"""Sessions over HTTP: saved as they are written, never over another's revision, and run once at a time."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from headrace.local.supervisor import Stack
from shared.jetstream.stream_config import SESSION_REVISIONS
from tests import builders
from tests.http_client import http_client
from tests.system.conftest import User, user_of
from tests.system.test_http import assert_problem, events_of

DRAFT: dict[str, Any] = {"title": "Zwölf, 十二", "language": "python", "code": "print(12)"}


async def begun(http: httpx.AsyncClient, **changes: object) -> dict[str, Any]:
    answer = await http.post("/v1/sessions", json={**DRAFT, **changes})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/sessions/{found['session_id']}"
    assert answer.headers["etag"] == f'"{found["revision"]}"'
    return found


def path_of(session: dict[str, Any]) -> str:
    return f"/v1/sessions/{session['session_id']}"


async def test_a_document_is_read_as_it_was_saved(http: httpx.AsyncClient) -> None:
    session = await begun(http, files=[{"name": "a/b.py", "content": "é"}], code=None, args=["x"])
    answer = await http.get(path_of(session))
    assert answer.json()["document"] == {
        "title": DRAFT["title"],
        "language": "python",
        "files": [{"name": "a/b.py", "content": "é"}],
        "code": None,
        "args": ["x"],
    }
    assert answer.json()["title"] == DRAFT["title"]
    same = await http.get(path_of(session), headers={"If-None-Match": answer.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")


async def test_saving_makes_revisions_and_never_touches_the_queue(
    alice: User, http: httpx.AsyncClient
) -> None:
    session = await begun(http)
    tag = f'"{session["revision"]}"'
    for number in range(3):
        answer = await http.put(
            path_of(session), json={**DRAFT, "code": f"print({number})"}, headers={"If-Match": tag}
        )
        assert answer.status_code == 200
        tag = answer.headers["etag"]
    assert await events_of(alice) == []
    revisions = (await http.get(path_of(session) + "/history")).json()["revisions"]
    assert [one["document"]["code"] for one in revisions] == ["print(12)", "print(0)", "print(1)", "print(2)"]
    assert {one["created_at"] for one in revisions} == {session["created_at"]}
    second = (await http.get(path_of(session), params={"revision": revisions[1]["revision"]})).json()
    assert second == revisions[1]


async def test_only_the_last_revisions_are_kept(http: httpx.AsyncClient) -> None:
    session = await begun(http)
    for number in range(SESSION_REVISIONS + 3):
        assert (await http.put(path_of(session), json={**DRAFT, "code": str(number)})).status_code == 200
    revisions = (await http.get(path_of(session) + "/history")).json()["revisions"]
    assert len(revisions) == SESSION_REVISIONS
    assert revisions[-1]["document"]["code"] == str(SESSION_REVISIONS + 2)
    gone = await http.get(path_of(session), params={"revision": session["revision"]})
    assert_problem(gone, 404, "unknown-session")


async def test_of_two_editors_one_is_told_that_the_other_was_first(http: httpx.AsyncClient) -> None:
    session = await begun(http)
    tag = {"If-Match": f'"{session["revision"]}"'}
    answers = await asyncio.gather(
        *(http.put(path_of(session), json={**DRAFT, "code": str(n)}, headers=tag) for n in range(10))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 9
    refused = next(answer for answer in answers if answer.status_code == 412)
    document = assert_problem(refused, 412, "precondition-failed")
    newest = next(answer for answer in answers if answer.status_code == 200).json()
    assert str(newest["revision"]) in document["detail"]
    assert refused.headers["etag"] == f'"{newest["revision"]}"'
    assert (await http.get(path_of(session))).json()["document"] == newest["document"]


async def test_without_a_condition_every_save_is_kept(http: httpx.AsyncClient) -> None:
    session = await begun(http)
    answers = await asyncio.gather(
        *(http.put(path_of(session), json={**DRAFT, "code": str(n)}) for n in range(10))
    )
    assert {answer.status_code for answer in answers} == {200}
    revisions = (await http.get(path_of(session) + "/history")).json()["revisions"]
    assert {one["document"]["code"] for one in revisions[1:]} == {str(n) for n in range(10)}


async def test_a_list_shows_the_last_saved_first_and_nobody_elses(
    http: httpx.AsyncClient, shared_stack: Stack
) -> None:
    one, two = await begun(http, title="one"), await begun(http, title="two")
    await http.put(path_of(one), json={**DRAFT, "title": "one, again"})
    listed = (await http.get("/v1/sessions")).json()["sessions"]
    assert [card["title"] for card in listed] == ["one, again", "two"]
    assert "document" not in listed[0]
    assert listed[1] == {key: two[key] for key in listed[1]}
    async with (
        user_of(shared_stack, "*") as star,
        http_client(base_url=shared_stack.address.api_url) as others,
    ):
        headers = {"Authorization": f"Bearer {star.token}"}
        assert (await others.get("/v1/sessions", headers=headers)).json() == {"sessions": []}
        for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/history"), ("POST", "/run")):
            body = DRAFT if method == "PUT" else None
            answer = await others.request(method, path_of(one) + path, json=body, headers=headers)
            assert_problem(answer, 404, "unknown-session")


async def test_a_deleted_session_is_gone_and_its_runs_are_not(alice: User, http: httpx.AsyncClient) -> None:
    session = await begun(http)
    job = (await http.post(path_of(session) + "/run")).json()
    await alice.until_terminal(job["job_id"])
    stale = await http.delete(path_of(session), headers={"If-Match": '"1"'})
    assert_problem(stale, 412, "precondition-failed")
    assert (await http.delete(path_of(session))).status_code == 204
    for path in ("", "/history"):
        assert_problem(await http.get(path_of(session) + path), 404, "unknown-session")
    assert session["session_id"] not in (await http.get("/v1/sessions")).text
    assert (await alice.client.get(job["job_id"])).session == session["session_id"]


async def test_a_run_is_a_job_of_the_session(alice: User, http: httpx.AsyncClient) -> None:
    session = await begun(http, code="import sys; print(sys.argv[1:], input())", args=["a"], stdin="saved")
    answer = await http.post(path_of(session) + "/run", json={"stdin": "brought"})
    assert answer.status_code == 202
    job = answer.json()
    assert job["session"] == session["session_id"]
    await alice.until_terminal(job["job_id"])
    result = (await alice.client.get(job["job_id"])).result
    assert result is not None
    assert result.stdout.content == "['a'] brought\n"


async def test_a_run_that_waits_is_answered_with_the_result(http: httpx.AsyncClient) -> None:
    session = await begun(http)
    answer = await http.post(path_of(session) + "/run", headers={"Prefer": "wait=50"}, timeout=60)
    assert (answer.status_code, answer.headers["preference-applied"]) == (200, "wait=50")
    assert answer.json()["result"]["stdout"]["content"] == "12\n"
    assert answer.headers["etag"] == f'"{answer.json()["last_sequence"]}"'


async def test_a_revision_that_runs_is_not_run_again_meanwhile(alice: User, http: httpx.AsyncClient) -> None:
    session = await begun(http, language="bash", code="sleep 60", limits={"wall_ms": 60_000})
    answers = await asyncio.gather(*(http.post(path_of(session) + "/run") for _ in range(10)))
    ids = {answer.json()["job_id"] for answer in answers}
    assert {answer.status_code for answer in answers} == {202}
    assert len(ids) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 9
    other = (await http.post(path_of(session) + "/run", json={"args": ["x"]})).json()["job_id"]
    assert other not in ids
    await alice.client.cancel(other)
    await alice.client.cancel(ids.pop())
    await alice.until_terminal(other)
    again = await http.post(path_of(session) + "/run", json={"args": ["x"]})
    assert again.json()["job_id"] != other
    await alice.client.cancel(again.json()["job_id"])


async def test_a_changed_document_runs_anew_and_a_condition_is_kept(
    alice: User, http: httpx.AsyncClient
) -> None:
    session = await begun(http, language="bash", code="sleep 60", limits={"wall_ms": 60_000})
    first = (await http.post(path_of(session) + "/run")).json()["job_id"]
    saved = await http.put(
        path_of(session),
        json={**DRAFT, "language": "bash", "code": "sleep 61", "limits": {"wall_ms": 60_000}},
    )
    stale = await http.post(path_of(session) + "/run", headers={"If-Match": f'"{session["revision"]}"'})
    assert_problem(stale, 412, "precondition-failed")
    fresh = await http.post(path_of(session) + "/run", headers={"If-Match": saved.headers["etag"]})
    assert fresh.json()["job_id"] != first
    for job_id in (first, fresh.json()["job_id"]):
        await alice.client.cancel(job_id)


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": "x" * 257},
        {"title": "\ud800"},
        {"code": None},
        {"files": [{"name": "../x", "content": ""}], "code": None},
        {"colour": "red"},
        {"limits": {"wall_ms": 10**9}},
        {"ttl_s": 10**9},
    ],
)
async def test_a_document_that_breaks_a_rule_is_not_saved(
    http: httpx.AsyncClient, wrong: dict[str, object]
) -> None:
    body = json.dumps({**DRAFT, **wrong}).encode()
    answer = await http.post("/v1/sessions", content=body, headers={"Content-Type": "application/json"})
    assert_problem(answer, 422, "invalid-request")
    assert (await http.get("/v1/sessions")).json() == {"sessions": []}


async def test_a_title_stays_in_its_header(http: httpx.AsyncClient) -> None:
    session = await begun(http, title='a\r\nNats-TTL: 1s\r\n\r\n"')
    (listed,) = (await http.get("/v1/sessions")).json()["sessions"]
    assert listed["title"] == session["title"] == 'a\r\nNats-TTL: 1s\r\n\r\n"'


@pytest.mark.parametrize("session_id", ["x", "*", ">", builders.JOB, "%2e%2e", "a.b"])
async def test_an_id_that_is_none_is_unknown(http: httpx.AsyncClient, session_id: str) -> None:
    answer = await http.get(f"/v1/sessions/{session_id}")
    assert answer.status_code == 404
