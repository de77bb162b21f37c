"""Pages of other origins: those that the operator listed may call the api and read its problems."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from headrace.local.supervisor import Stack, StackOptions, run_stack
from tests.http_client import http_client
from tests.system.conftest import User, user_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.full]

LISTED, FOREIGN = "https://one.example", "https://evil.example"
HELLO = {"language": "python", "code": "print(42)"}
ALLOWED = "access-control-allow-origin"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def alice(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[User]:
    options = StackOptions(environment={"HEADRACE_API_ORIGINS": f"{LISTED}, https://two.example"})
    async with (
        run_stack(tmp_path_factory.mktemp("origins") / "data", options) as stack,
        user_of(stack) as user,
    ):
        yield user


def page(alice: User, origin: str, **headers: str) -> httpx.AsyncClient:
    return http_client(base_url=alice.stack.address.api_url, headers={"Origin": origin, **headers})


@pytest.mark.parametrize(
    ("origin", "is_allowed"), [(LISTED, True), (FOREIGN, False), (f"{LISTED}.evil", False)]
)
async def test_who_may_ask_with_a_token(alice: User, origin: str, is_allowed: bool) -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type, idempotency-key, prefer",
    }
    async with page(alice, origin, **asked) as client:
        answer = await client.options("/v1/jobs")
    assert answer.headers.get(ALLOWED) == (origin if is_allowed else None)
    assert (answer.status_code == 200) == is_allowed
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(("origin", "is_allowed"), [(LISTED, True), (FOREIGN, False)])
async def test_who_may_read_the_answer(alice: User, origin: str, is_allowed: bool) -> None:
    async with page(alice, origin, Authorization=f"Bearer {alice.token}") as client:
        accepted = await client.post("/v1/jobs", json=HELLO)
        assert accepted.status_code == 202
        read = await client.get(accepted.headers["location"])
        nothing = await client.get("/v1/nothing")
    assert nothing.status_code == 404
    for answer in (accepted, read, nothing):
        assert answer.headers.get(ALLOWED) == (origin if is_allowed else None)
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert {"Location", "ETag", "Retry-After", "X-Request-Id"} <= set(exposed)


async def test_a_problem_may_be_read_too(alice: User) -> None:
    async with page(alice, LISTED) as client:
        answer = await client.post("/v1/jobs", json=HELLO)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert answer.headers[ALLOWED] == LISTED


@pytest.mark.full
async def test_without_a_list_there_is_nothing_for_pages_of_others(shared_stack: Stack) -> None:
    async with user_of(shared_stack) as user, page(user, LISTED) as client:
        preflight = await client.options("/v1/jobs", headers={"Access-Control-Request-Method": "POST"})
        answer = await client.get("/v1/jobs")
    assert preflight.status_code == 405
    assert ALLOWED not in preflight.headers
    assert ALLOWED not in answer.headers
