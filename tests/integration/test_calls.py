"""HTTP calls and an api that misbehaves: what is repeated, for how long, and what is not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from headrace import AsyncClient, HeadraceError, ProblemAnswerError, ProtocolError, UnreachableError
from headrace.local.nats_server import free_port
from tests import builders

JOB: dict[str, Any] = {
    "job_id": builders.JOB,
    "user_id": "alice",
    "status": "queued",
    "language": "python",
    "entrypoint": "main.py",
    "files": [],
    "args": [],
    "limits": {},
    "labels": {},
    "session": None,
    "created_at": "2026-01-02T12:00:00Z",
    "queued_sequence": 1,
    "last_sequence": 1,
    "of a later version": True,
}
PROGRAM = {"language": "python", "code": "print(1)"}
Answer = web.Response | None


def good() -> web.Response:
    return web.json_response(JOB, status=202)


def problem(status: int, retry_after: str | None = None) -> web.Response:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return web.json_response({"title": "no", "detail": "because"}, status=status, headers=headers)


@asynccontextmanager
async def api(
    *answers: Answer, token: str | Callable[[], str] = "token", patience_s: float = 30
) -> AsyncIterator[tuple[AsyncClient, list[web.BaseRequest]]]:
    """Gives one answer after the other; None drops the connection without one."""
    left = list(answers)
    asked: list[web.BaseRequest] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        asked.append(request)
        answer = left.pop(0)
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return answer

    server = await asyncio.get_running_loop().create_server(web.Server(handle), "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with AsyncClient(url, token, patience_s=patience_s) as client:
            yield client, asked


async def test_a_submission_is_repeated_with_its_key_until_it_is_answered() -> None:
    unanswered: list[Answer] = [None, problem(503, "0"), problem(429, "0"), web.Response(status=502)]
    async with api(*unanswered, good()) as (client, asked):
        assert (await client.submit(PROGRAM)).job_id == builders.JOB
        assert len(asked) == 5
        assert len({request.headers["Idempotency-Key"] for request in asked}) == 1
        assert {request.content_type for request in asked} == {"application/json"}


async def test_each_submission_has_a_key_of_its_own() -> None:
    async with api(good(), good(), good()) as (client, asked):
        for key in (None, None, "mine"):
            await client.submit(PROGRAM, key=key)
        keys = [request.headers["Idempotency-Key"] for request in asked]
        assert len(set(keys)) == 3
        assert keys[2] == "mine"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 500])
async def test_a_refusal_is_not_repeated(status: int) -> None:
    async with api(problem(status)) as (client, asked):
        with pytest.raises(ProblemAnswerError, match="no: because") as refused:
            await client.submit(PROGRAM)
        assert refused.value.status == status
        assert len(asked) == 1


async def test_who_is_not_patient_asks_once() -> None:
    async with api(problem(503, "0"), None, patience_s=0) as (client, asked):
        with pytest.raises(ProblemAnswerError):
            await client.get(builders.JOB)
        with pytest.raises(UnreachableError):
            await client.submit(PROGRAM)
        assert len(asked) == 2


async def test_nobody_waits_longer_than_he_is_patient() -> None:
    """The test would not end in time if it were waited for what is asked for."""
    async with api(problem(503, "3600"), patience_s=5) as (client, asked):
        with pytest.raises(ProblemAnswerError) as refused:
            await client.get(builders.JOB)
        assert refused.value.retry_after_s == 3600
        assert len(asked) == 1


async def test_nobody_listens() -> None:
    async with AsyncClient(f"http://127.0.0.1:{free_port()}", "token", patience_s=0.3) as client:
        with pytest.raises(UnreachableError):
            await client.get(builders.JOB)


async def test_a_cancel_whose_answer_was_lost_is_no_error_when_it_is_repeated() -> None:
    cancelled = web.json_response({**JOB, "status": "cancelled"})
    async with api(None, problem(409), cancelled) as (client, asked):
        assert (await client.cancel(builders.JOB)).status == "cancelled"
        assert [request.method for request in asked] == ["POST", "POST", "GET"]


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(status=404, text="<html>"),
        lambda: web.Response(status=302, headers={"Location": "https://example.invalid/"}),
        lambda: web.Response(text="[]"),
        lambda: web.Response(text="no JSON"),
    ],
)
async def test_what_is_no_answer_of_this_protocol(answer: Callable[[], web.Response]) -> None:
    async with api(answer()) as (client, asked):
        with pytest.raises(ProtocolError):
            await client.get(builders.JOB)
        assert len(asked) == 1


async def test_a_refused_token_is_replaced_once() -> None:
    given = ["old", "new", "newer"]
    async with api(problem(401), good(), good(), problem(401), problem(401), token=lambda: given.pop(0)) as (
        client,
        asked,
    ):
        await client.get(builders.JOB)
        await client.get(builders.JOB)
        with pytest.raises(ProblemAnswerError) as refused:
            await client.get(builders.JOB)
        assert refused.value.status == 401
        tokens = [request.headers["Authorization"].removeprefix("Bearer ") for request in asked]
        assert tokens == ["old", "new", "new", "new", "newer"]


async def test_this_machine_is_not_reached_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with api(good(), patience_s=0) as (client, _):
        assert (await client.get(builders.JOB)).job_id == builders.JOB


async def test_an_id_stays_one_part_of_the_path() -> None:
    async with api(problem(404), problem(404)) as (client, asked):
        for job_id in ("../../v1/languages", "a?b#c"):
            with pytest.raises(HeadraceError):
                await client.get(job_id)
        assert [request.raw_path for request in asked] == [
            "/v1/jobs/..%2F..%2Fv1%2Flanguages",
            "/v1/jobs/a%3Fb%23c",
        ]
