"""A request that is under way when the api has to end, and is not done within the grace period."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from headrace.local.supervisor import Stack, StackOptions, run_stack
from shared.contract.problems import UNAVAILABLE
from tests.system.conftest import user_of

ONLY_API = StackOptions(executors=0, sync="fast")
"""Nothing is run."""
HEAD = (
    "POST /v1/jobs HTTP/1.1\r\nHost: headrace\r\nAuthorization: Bearer {token}\r\n"
    "Content-Type: application/json\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n"
)


@pytest.mark.full
async def test_a_request_that_is_cut_off_is_told_to_come_back(tmp_path: Path) -> None:
    """Found in a run under faults: the answer was a bare 500 of the server's library.

    The same with an executor is in the small tier, on the stack of `tests/system/test_kills.py`.
    """
    async with run_stack(tmp_path / "data", ONLY_API) as stack, user_of(stack) as alice:
        await assert_told_to_come_back(stack, alice.token)


async def assert_told_to_come_back(stack: Stack, token: str) -> None:
    """The api is told to stop meanwhile."""
    async with asyncio.timeout(60):
        head, body = await cut_off(stack, token)
    status, *fields = head.decode().split("\r\n")
    assert status.startswith("HTTP/1.1 503 ")
    headers = dict(field.lower().split(": ", 1) for field in fields if field)
    assert headers["content-type"] == "application/problem+json"
    assert int(headers["retry-after"]) > 0
    assert msgspec.json.decode(body)["type"] == UNAVAILABLE.uri
    assert headers["x-request-id"]


async def cut_off(stack: Stack, token: str) -> tuple[bytes, bytes]:
    """A request whose body never comes; its answer, after the api was told to stop."""
    address = urlsplit(stack.address.api_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(HEAD.format(token=token).encode())
    # The application waits for the body by now.
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
    stack.services["api"].process.terminate()
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.read()
    writer.close()
    return head, body
