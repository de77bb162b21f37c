"""Which scope opens which route: each does so alone, and no scope includes another."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from headrace.local.supervisor import Stack
from shared.auth import SCOPE_AUDIT, SCOPE_JOBS, SCOPE_OPS
from tests import builders
from tests.http_client import http_client
from tests.system.conftest import user_of
from tests.system.test_http import assert_problem

EVERY = (SCOPE_JOBS, SCOPE_AUDIT, SCOPE_OPS)
USERS = frozenset({SCOPE_JOBS})
OPERATORS = frozenset({SCOPE_OPS})
READERS = frozenset({SCOPE_JOBS, SCOPE_AUDIT})
AUDITORS = frozenset({SCOPE_AUDIT})
ANYBODY = frozenset({*EVERY, ""})

OPENED_BY = {
    "POST /v1/jobs": USERS,
    "POST /v1/jobs/batch": USERS,
    "GET /v1/jobs": USERS,
    "GET /v1/jobs/{job_id}": USERS,
    "POST /v1/jobs/{job_id}/cancel": USERS,
    "GET /v1/jobs/{job_id}/events": USERS,
    "POST /v1/jobs/{job_id}/input": USERS,
    "GET /v1/jobs/{job_id}/input": USERS,
    "POST /v1/jobs/{job_id}/terminal": USERS,
    "POST /v1/jobs/{job_id}/signal": USERS,
    "GET /v1/jobs/{job_id}/artifacts": USERS,
    "GET /v1/jobs/{job_id}/artifacts/{path}": USERS,
    "PUT /v1/files": USERS,
    "GET /v1/files": USERS,
    "GET /v1/files/{file}": USERS,
    "DELETE /v1/files/{file}": USERS,
    "POST /v1/sessions": USERS,
    "GET /v1/sessions": USERS,
    "GET /v1/sessions/{session_id}": USERS,
    "PUT /v1/sessions/{session_id}": USERS,
    "DELETE /v1/sessions/{session_id}": USERS,
    "GET /v1/sessions/{session_id}/history": USERS,
    "POST /v1/sessions/{session_id}/run": USERS,
    "GET /v1/usage": USERS,
    "GET /v1/events": READERS,
    "GET /v1/languages": ANYBODY,
    "GET /v1/dead-letters": OPERATORS,
    "GET /v1/dead-letters/messages": OPERATORS,
    "GET /v1/dead-letters/{job_id}": OPERATORS,
    "POST /v1/dead-letters/{job_id}/retry": OPERATORS,
    "DELETE /v1/users/{user_id}": OPERATORS,
}
ALSO = {
    "GET /v1/events?all=true": AUDITORS,
    "GET /v1/events?user=somebody": AUDITORS,
    "GET /v1/events?user=holder": READERS,
}
ANSWERS = {"PUT /v1/files": {200, 201}}
"""Of what needs no body: that uploads an empty file."""
PLACES = {
    "job_id": builders.JOB,
    "session_id": builders.JOB,
    "path": "x",
    "user_id": "unknown",
    "file": f"sha256:{'0' * 64}",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def holders(shared_stack: Stack) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """A client for each scope, whose token has that one alone, and one whose token has none."""
    clients = {}
    for scope in ("", *EVERY):
        async with user_of(shared_stack, "holder", scopes=frozenset({scope} - {""})) as user:
            clients[scope] = http_client(
                base_url=shared_stack.address.api_url, headers={"Authorization": f"Bearer {user.token}"}
            )
    yield clients
    await asyncio.gather(*(client.aclose() for client in clients.values()))


async def test_the_table_has_every_operation(shared_stack: Stack) -> None:
    async with http_client(base_url=shared_stack.address.api_url) as stranger:
        paths = (await stranger.get("/openapi.json")).json()["paths"]
    assert {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods} == {
        *OPENED_BY
    }


@pytest.mark.parametrize("operation", [*OPENED_BY, *ALSO])
async def test_a_route_is_open_to_its_scopes_alone(
    holders: dict[str, httpx.AsyncClient], operation: str
) -> None:
    """What an open route says of a request without a body or a thing to speak of does not matter here."""
    method, _, path = operation.partition(" ")
    for scope, client in holders.items():
        answer = await client.request(method, path.format_map(PLACES))
        if scope in {**OPENED_BY, **ALSO}[operation]:
            assert answer.status_code in ANSWERS.get(operation, {200, 404, 422}), (scope, answer.text)
        else:
            assert "scope" in assert_problem(answer, 403, "forbidden")["detail"]


@pytest.mark.parametrize("operation", OPENED_BY)
async def test_no_route_is_open_without_a_token_and_each_counts(
    shared_stack: Stack, holders: dict[str, httpx.AsyncClient], operation: str
) -> None:
    method, _, path = operation.partition(" ")
    async with http_client(base_url=shared_stack.address.api_url) as stranger:
        answer = await stranger.request(method, path.format_map(PLACES))
        assert_problem(answer, 401, "unauthenticated")
    for client in holders.values():
        answer = await client.request(method, path.format_map(PLACES))
        assert answer.headers["ratelimit"].startswith('"requests";r=')


async def test_without_its_scope_nobody_learns_what_there_is(holders: dict[str, httpx.AsyncClient]) -> None:
    """The scope is looked at before the body and the id are."""
    answer = await holders[SCOPE_OPS].post("/v1/jobs", json={"language": 7})
    assert_problem(answer, 403, "forbidden")
    assert_problem(await holders[SCOPE_JOBS].get("/v1/dead-letters?limit=0"), 403, "forbidden")
