"""Errors have the shape of NestJS, and append nothing."""

import json

import pytest

from shared.contract.subjects import QUEUED_SUBJECTS
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from tests.dialects.livecode.client import PROGRAM, LiveCode, livecode_api


@pytest.mark.row("livecode", "4.1", "4.2", "2.2", "2.3")
async def test_a_broken_body_is_400_with_a_list(live: LiveCode, log: Log) -> None:
    long = {"sessionId": "x" * 257, "language": "x" * 65, "code": ""}
    for body, message in (
        (b"", ["body should not be empty"]),
        (b"{", ["body must be JSON"]),
        (b'{"code":"\\ud800"}', ["body must be JSON"]),
        (b"[" * 10_000, ["body must be JSON"]),
        (b"\xff", ["body must be JSON"]),
        (b"[]", ["body must be an object"]),
        (b"null", ["body must be an object"]),
        (b"{}", ["language must be a string", "code must be a string"]),
        (json.dumps({**PROGRAM, "code": 7}), ["code must be a string"]),
        (json.dumps({**PROGRAM, "code": None}), ["code must be a string"]),
        (json.dumps({**PROGRAM, "sessionId": 7}), ["sessionId must be a string"]),
        (json.dumps({**PROGRAM, "sessionId": "a\0"}), ["sessionId must not contain a NUL character"]),
        (json.dumps({**PROGRAM, "language": ""}), ["language should not be empty"]),
        (
            json.dumps(long),
            [
                "sessionId must be shorter than or equal to 256 characters",
                "language must be shorter than or equal to 64 characters",
                "code should not be empty",
            ],
        ),
        (
            json.dumps({**PROGRAM, "language": "klingon"}),
            ["language: no executor offers 'klingon'; offered are: python"],
        ),
    ):
        answer = await live.http.post("/dialects/livecode/executions", content=body)
        expected = {"statusCode": 400, "message": message, "error": "Bad Request"}
        assert (answer.status_code, answer.json()) == (400, expected)
    assert await log.last(QUEUED_SUBJECTS) is None
    assert (await live.post("/executions", {**PROGRAM, "more": [1]})).status_code == 201


@pytest.mark.row("livecode", "3.1", "3.2", "4.2")
async def test_a_broken_session_is_400_and_not_saved(live: LiveCode) -> None:
    for refused in ({"language": 7}, {"code": None}, {"language": ""}):
        assert (await live.post("/code-sessions", refused)).json()["statusCode"] == 400
    session_id = await live.begin(code="1")
    path = f"/dialects/livecode/code-sessions/{session_id}"
    for body, message in (
        (b"", "body should not be empty"),
        (b"{}", "body must have sourceCode, code or language"),
        (b'{"source":"1"}', "body must have sourceCode, code or language"),
        (b'{"sourceCode":7}', "sourceCode must be a string"),
        (b'{"language":""}', "language should not be empty"),
    ):
        answer = await live.http.patch(path, content=body)
        assert (answer.status_code, answer.json()["message"]) == (400, [message])
    assert (await live.get(f"/code-sessions/{session_id}")).json()["sourceCode"] == "1"


@pytest.mark.row("livecode", "1.1", "1.2", "1.3", "4.1", "4.3")
async def test_other_errors_have_the_same_shape_with_one_sentence(live: LiveCode) -> None:
    for answer, status, error in (
        (await live.get("/nowhere"), 404, "Not Found"),
        (await live.get("/executions/"), 404, "Not Found"),
        (await live.http.put("/dialects/livecode/executions"), 405, "Method Not Allowed"),
        (await live.post("/executions", {**PROGRAM, "code": "x" * 2**20}), 413, "Payload Too Large"),
    ):
        assert (answer.status_code, answer.json()["statusCode"], answer.json()["error"]) == (
            *(status, status, error),
        )
        assert isinstance(answer.json()["message"], str)
    del live.http.headers["Authorization"]
    answer = await live.post("/executions", PROGRAM)
    assert (answer.status_code, answer.json()) == (
        401,
        {"statusCode": 401, "message": "Unauthorized", "error": "Unauthorized"},
    )
    for sent in ("Bearer ", "Bearer forged", "Basic YTpi", ""):
        live.http.headers["Authorization"] = sent
        answer = await live.post("/executions", PROGRAM)
        assert (answer.status_code, answer.json()["error"]) == (401, "Unauthorized")


@pytest.mark.row("livecode", "4.4")
async def test_what_is_over_a_quota_says_so(broker: Broker) -> None:
    for setting, status, error, has_retry in (
        ("requests_per_s", 429, "Too Many Requests", True),
        ("unfinished_jobs", 429, "Too Many Requests", True),
        ("user_log_bytes", 507, "Insufficient Storage", False),
        ("sessions_max", 409, "Conflict", False),
    ):
        path = "/code-sessions" if setting == "sessions_max" else "/executions"
        async with livecode_api(broker, **{setting: 1}) as live:
            answers = [
                await live.post(path, {**PROGRAM, "sessionId": setting, "code": str(code)})
                for code in range(6)
            ]
        refused = [answer for answer in answers if answer.status_code != 201]
        assert {(one.status_code, one.json()["error"]) for one in refused} == {(status, error)}
        assert {"retry-after" in one.headers for one in refused} == {has_retry}
