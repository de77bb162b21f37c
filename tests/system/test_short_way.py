"""The short way of a submission and the ordinary one are the same route, told apart by nothing but time.

What is sent as `application/vnd.example+json` always goes the ordinary way.
"""

import json
from typing import Any

import httpx
import pytest

from tests.http_client import http_client
from tests.system.conftest import User
from tests.system.test_http import BAD_BODIES, HELLO, file

pytestmark = pytest.mark.full

WAYS = ("application/json", "application/vnd.example+json")
BODIES: dict[str, object] = {
    **{name: body for name, (body, _, _) in BAD_BODIES.items()},
    "good": HELLO,
    "good files": file("a/b"),
    "good limits": {**HELLO, "limits": {"wall_ms": 1_000.0}, "ttl_s": 60, "stdin": "é", "args": ["x"]},
    "a number as text": {**HELLO, "limits": {"wall_ms": "1000"}},
    "a truth as number": {**HELLO, "ttl_s": True},
}
HEADERS: dict[str, dict[str, str]] = {
    "an empty key": {"Idempotency-Key": ""},
    "a long key": {"Idempotency-Key": "k" * 256},
    "a long preference": {"Prefer": "x" * 1_025},
    "a preference": {"Prefer": "handling=lenient"},
    "an id": {"X-Request-Id": "mine", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"},
    "no token": {"Authorization": ""},
    "a bad token": {"Authorization": "Bearer x.y.z"},
}
CHANGING = {"job_id", "created_at", "queued_sequence", "last_sequence", "instance", "waiting_for"}
"""What no two submissions have in common. The second waits for the first, if that has not ended meanwhile."""


def told(answer: httpx.Response) -> tuple[int, set[str], dict[str, Any]]:
    document = {name: None if name in CHANGING else value for name, value in answer.json().items()}
    return answer.status_code, set(answer.headers), document


async def both(user: User, content: bytes, headers: dict[str, str]) -> list[httpx.Response]:
    async with http_client(base_url=user.stack.address.api_url, timeout=30) as http:
        common = {"Authorization": f"Bearer {user.token}", **headers}
        return [
            await http.post("/v1/jobs", content=content, headers={**common, "Content-Type": way})
            for way in WAYS
        ]


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_is_answered_alike(alice: User, name: str) -> None:
    content = json.dumps(BODIES[name]).encode()
    short, ordinary = await both(alice, content, {})
    assert told(short) == told(ordinary)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"language": "bash", "code": NaN}', b"[" * 10_000])
async def test_what_is_no_json_is_answered_alike(alice: User, content: bytes) -> None:
    short, ordinary = await both(alice, content, {})
    assert told(short) == told(ordinary)


@pytest.mark.parametrize("name", HEADERS)
async def test_headers_are_answered_alike(alice: User, name: str) -> None:
    short, ordinary = await both(alice, json.dumps(HELLO).encode(), HEADERS[name])
    assert told(short) == told(ordinary)


async def test_a_key_that_was_used_on_one_way_is_known_on_the_other(alice: User) -> None:
    first, again = await both(alice, json.dumps(HELLO).encode(), {"Idempotency-Key": "either way"})
    assert again.json()["job_id"] == first.json()["job_id"]
    assert "idempotency-replayed" in again.headers
    other = await both(alice, json.dumps({**HELLO, "code": "x"}).encode(), {"Idempotency-Key": "either way"})
    assert [answer.status_code for answer in other] == [422, 422]
