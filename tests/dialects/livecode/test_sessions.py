"""Code sessions: created, saved in part, read and run."""

import asyncio

import pytest

from shared.contract.subjects import QUEUED_SUBJECTS
from shared.jetstream.event_log import Log
from tests.dialects.livecode.client import NO_SESSION, UNKNOWN, LiveCode, run_to_end


@pytest.mark.row("livecode", "3.1", "3.4")
async def test_a_session_begins_with_or_without_a_body(live: LiveCode) -> None:
    answer = await live.http.post("/dialects/livecode/code-sessions")
    session_id = answer.json()["sessionId"]
    begun = {"session_id": session_id, "sessionId": session_id, "status": "ACTIVE"}
    assert (answer.status_code, answer.json()) == (201, begun)
    read = await live.get(f"/code-sessions/{session_id}")
    assert (read.status_code, read.json()) == (200, {**begun, "language": "python", "sourceCode": ""})
    for body in ({"language": "py", "code": "1"}, {"language": "py", "sourceCode": "1"}):
        found = (await live.get(f"/code-sessions/{await live.begin(**body)}")).json()
        assert (found["language"], found["sourceCode"]) == ("py", "1")


@pytest.mark.row("livecode", "3.4")
async def test_a_program_that_is_a_stored_file_is_not_shown_as_empty(live: LiveCode) -> None:
    stored = {"name": "main.py", "file": f"sha256:{'a1' * 32}"}
    begun = await live.http.post("/v1/sessions", json={"language": "python", "files": [stored]})
    answer = await live.get(f"/code-sessions/{begun.json()['session_id']}")
    assert (answer.status_code, answer.json()["error"]) == (400, "Bad Request")
    assert "stored file" in str(answer.json()["message"])


@pytest.mark.row("livecode", "3.2")
async def test_a_save_changes_what_it_names(live: LiveCode) -> None:
    session_id = await live.begin(language="py", code="1")
    answer = await live.save(session_id, sourceCode="2")
    begun = {"session_id": session_id, "sessionId": session_id, "status": "ACTIVE"}
    assert (answer.status_code, answer.json()) == (200, begun)

    async def stands() -> tuple[str, str]:
        found = (await live.get(f"/code-sessions/{session_id}")).json()
        return found["language"], found["sourceCode"]

    assert await stands() == ("py", "2")
    assert (await live.save(session_id, language="python")).status_code == 200
    assert await stands() == ("python", "2")
    assert (await live.save(session_id, code="3", sourceCode="")).status_code == 200
    assert await stands() == ("python", "")


@pytest.mark.row("livecode", "3.3")
async def test_saves_at_once_keep_each_other_s_fields_and_submit_nothing(live: LiveCode, log: Log) -> None:
    session_id = await live.begin(code="1")
    saves = [live.save(session_id, sourceCode=str(number)) for number in range(4)]
    answers = await asyncio.gather(live.save(session_id, language="py"), *saves)
    assert {answer.status_code for answer in answers} == {200}
    found = (await live.get(f"/code-sessions/{session_id}")).json()
    assert found["language"] == "py"
    assert found["sourceCode"] in {"0", "1", "2", "3"}
    assert await log.last(QUEUED_SUBJECTS) is None


@pytest.mark.row("livecode", "3.5", "3.6")
async def test_a_run_is_one_execution_until_it_has_ended_or_the_text_changes(
    live: LiveCode, log: Log
) -> None:
    session_id = await live.begin()

    async def run() -> dict[str, str]:
        answer = await live.post(f"/code-sessions/{session_id}/run")
        assert answer.status_code == 201, answer.text
        found: dict[str, str] = answer.json()
        return found

    first, *same = await asyncio.gather(*(run() for _ in range(5)))
    job_id = first["executionId"]
    assert first == {"execution_id": job_id, "executionId": job_id, "status": "QUEUED"}
    assert same == [first] * 4
    await live.save(session_id, sourceCode="print(1)")
    second = await run()
    assert second["executionId"] != job_id
    assert (await live.get(f"/executions/{second['executionId']}")).json()["status"] == "QUEUED"
    await run_to_end(log, second["executionId"])
    assert (await run())["executionId"] not in {job_id, second["executionId"]}


@pytest.mark.row("livecode", "3.7")
async def test_a_session_of_several_files_keeps_the_others(live: LiveCode) -> None:
    files = [{"name": "help.py", "content": "x = 1"}, {"name": "main.py", "content": "import help"}]
    document = {"language": "python", "files": files, "entrypoint": "main.py", "title": "Two"}
    session_id = (await live.http.post("/v1/sessions", json=document)).json()["session_id"]
    assert (await live.get(f"/code-sessions/{session_id}")).json()["sourceCode"] == "import help"
    await live.save(session_id, sourceCode="print(2)")
    saved = (await live.http.get(f"/v1/sessions/{session_id}")).json()
    assert saved["title"] == "Two"
    assert [file["content"] for file in saved["document"]["files"]] == ["x = 1", "print(2)"]
    del document["entrypoint"]
    session_id = (await live.http.post("/v1/sessions", json=document)).json()["session_id"]
    assert (await live.get(f"/code-sessions/{session_id}")).json()["sourceCode"] == "x = 1"


@pytest.mark.row("livecode", "3.8")
async def test_whatever_is_no_session_of_the_user_is_one_404(live: LiveCode) -> None:
    for session_id in (UNKNOWN, "nothing", "%00", "ü"):
        answers = [
            await live.get(f"/code-sessions/{session_id}"),
            await live.save(session_id, sourceCode="1"),
            await live.post(f"/code-sessions/{session_id}/run"),
        ]
        for answer in answers:
            assert (answer.status_code, answer.json()) == (404, NO_SESSION), session_id
    unknown = await live.post("/code-sessions", {"language": "klingon"})
    assert (unknown.status_code, unknown.json()["error"]) == (400, "Bad Request")
    assert (await live.save(await live.begin(), language="klingon")).status_code == 400
