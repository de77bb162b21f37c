"""Files that are uploaded once and named in submissions: whole, their owner's alone, within a share."""

import asyncio
import base64
import hashlib
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest

from headrace.local.supervisor import Stack
from shared.contract.subjects import FILES, objects_stream
from tests.http_client import http_client
from tests.system.conftest import User, broker_of, user_of
from tests.system.test_http import assert_problem

CONTENT = bytes(range(256)) * 4_096 + "ž".encode()
READER = (
    "import hashlib, sys\n"
    "print(hashlib.sha256(open('data/in.bin', 'rb').read()).hexdigest())\n"
    "print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())\n"
)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def address_of(content: bytes) -> str:
    return f"sha256:{sha256(content)}"


async def upload(http: httpx.AsyncClient, content: bytes, **headers: str) -> httpx.Response:
    return await http.put("/v1/files", content=content, headers=headers)


def reading(way: Mapping[str, str], stdin: object = "") -> dict[str, Any]:
    """A job that tells what it finds in its file, which is named in this way, and its standard input."""
    files = [{"name": "main.py", "content": READER}, {"name": "data/in.bin", **way}]
    return {"language": "python", "files": files, "stdin": stdin}


async def run(user: User, submission: dict[str, Any]) -> dict[str, Any]:
    """The job at its end, as JSON."""
    job = await user.client.submit(submission)
    await user.until_terminal(job.job_id)
    found: dict[str, Any] = msgspec.to_builtins(await user.client.get(job.job_id))
    return found


async def stored_bytes(stack: Stack) -> int:
    async with broker_of(stack) as broker:
        return int((await broker.api(f"STREAM.INFO.{objects_stream(FILES)}"))["state"]["bytes"])


async def test_a_file_is_stored_once_and_comes_back(http: httpx.AsyncClient, shared_stack: Stack) -> None:
    digest = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    first = await upload(http, CONTENT, **{"Repr-Digest": f"sha-256=:{digest}:"})
    assert (first.status_code, first.json()["file"], first.json()["size"]) == (
        201,
        address_of(CONTENT),
        len(CONTENT),
    )
    held = await stored_bytes(shared_stack)
    again = await upload(http, CONTENT)
    assert (again.status_code, again.json()) == (200, first.json())
    assert await stored_bytes(shared_stack) == held, "nothing is left of the second"
    assert (await http.get("/v1/files")).json() == {"files": [first.json()]}
    came = await http.get(f"/v1/files/{address_of(CONTENT)}")
    assert (came.content, came.headers["content-type"]) == (CONTENT, "application/octet-stream")
    unchanged = {"If-None-Match": came.headers["etag"]}
    assert (await http.get(f"/v1/files/{address_of(CONTENT)}", headers=unchanged)).status_code == 304
    assert (await http.delete(f"/v1/files/{address_of(CONTENT)}")).status_code == 204
    for answer in (
        await http.get(f"/v1/files/{address_of(CONTENT)}"),
        await http.delete(f"/v1/files/{address_of(CONTENT)}"),
        await http.get("/v1/files/etc-passwd"),
    ):
        assert_problem(answer, 404, "unknown-file")
    assert (await http.get("/v1/files")).json() == {"files": []}


async def test_a_program_gets_files_that_its_submission_names(alice: User, http: httpx.AsyncClient) -> None:
    await upload(http, CONTENT)
    empty = (await upload(http, b"")).json()["file"]
    whole = {"file": address_of(CONTENT)}
    job = await run(alice, reading(whole, whole))
    assert job["result"]["stdout"]["content"].split() == [sha256(CONTENT)] * 2
    queued = (await alice.client.history(job["job_id"]))[0].data
    assert (queued["files"][1]["content"], queued["files"][1]["stored"]["size"]) == ("", len(CONTENT))
    without = await run(alice, reading({"file": empty}, {"file": empty}))
    assert without["result"]["stdout"]["content"].split() == [sha256(b"")] * 2


async def test_what_a_job_left_is_an_input_of_the_next(alice: User) -> None:
    code = f"open('out.bin', 'wb').write({CONTENT[:1000]!r})"
    first = await alice.run("python", code, artifacts=["out.bin"])
    left = {"job": first["job_id"], "path": "out.bin"}
    job = await run(alice, reading(left, left))
    assert job["result"]["stdout"]["content"].split() == [sha256(CONTENT[:1000])] * 2


async def test_nobody_names_what_is_not_theirs(
    alice: User, http: httpx.AsyncClient, shared_stack: Stack
) -> None:
    await upload(http, CONTENT)
    job = await alice.run("python", "open('out', 'w').write('mine')", artifacts=["out"])
    ways: list[dict[str, Any]] = [
        {"file": address_of(CONTENT)},
        {"file": address_of(b"unknown")},
        {"job": job["job_id"], "path": "out"},
    ]
    async with user_of(shared_stack) as mallory:
        headers = {"Authorization": f"Bearer {mallory.token}"}
        async with http_client(base_url=shared_stack.address.api_url, headers=headers) as foreign:
            assert_problem(await foreign.get(f"/v1/files/{address_of(CONTENT)}"), 404, "unknown-file")
            assert_problem(await foreign.delete(f"/v1/files/{address_of(CONTENT)}"), 404, "unknown-file")
            for way in ways:
                for submission in (
                    reading(way),
                    {"language": "bash", "code": "cat", "stdin": way},
                ):
                    answer = await foreign.post("/v1/jobs", json=submission)
                    kind = "unknown-file" if "file" in way else "unknown-job"
                    assert_problem(answer, 404, kind)
    assert (await http.get(f"/v1/files/{address_of(CONTENT)}")).content == CONTENT


@pytest.mark.parametrize(
    "file",
    [
        {"file": "sha256:../../etc/passwd"},
        {"file": "md5:d41d8cd98f00b204e9800998ecf8427e"},
        {"job": "01890a5d-ac96-774b-bcce-b302099a8057"},
        {"path": "out"},
        {"job": "x", "path": "out"},
        {"job": "01890a5d-ac96-774b-bcce-b302099a8057", "path": "../out"},
        {"content": "x", "file": address_of(b"x")},
        {},
    ],
)
async def test_a_file_is_named_in_one_way(http: httpx.AsyncClient, file: dict[str, str]) -> None:
    answer = await http.post("/v1/jobs", json=reading(file))
    assert "files" in assert_problem(answer, 422, "invalid-request")["errors"][0]["field"]


async def test_a_file_that_is_gone_ends_its_job(
    alice: User, http: httpx.AsyncClient, shared_stack: Stack
) -> None:
    await upload(http, CONTENT)
    # It waits behind the first, which runs for as long as its file is needed.
    slow = await alice.client.submit({"language": "bash", "code": "sleep 60", "limits": {"wall_ms": 30_000}})
    submission = {"language": "bash", "code": "cat", "stdin": {"file": address_of(CONTENT)}}
    key = {"Idempotency-Key": "once"}
    accepted = await http.post("/v1/jobs", json=submission, headers=key)
    assert (await http.delete(f"/v1/files/{address_of(CONTENT)}")).status_code == 204
    repeated = await http.post("/v1/jobs", json=submission, headers=key)
    assert (repeated.status_code, repeated.json()["job_id"]) == (202, accepted.json()["job_id"])
    assert_problem(await http.post("/v1/jobs", json=submission), 404, "unknown-file")
    await alice.client.cancel(slow.job_id)
    await alice.until_terminal(accepted.json()["job_id"])
    failed = await alice.client.get(accepted.json()["job_id"])
    assert (failed.reason, failed.detail) == ("rejected", "stdin: the file is not kept any more")


async def test_another_content_than_was_announced_is_refused(http: httpx.AsyncClient) -> None:
    for field, why in (
        (f"sha-256=:{base64.b64encode(bytes(32)).decode()}:", "is not that of Repr-Digest"),
        ("md5=:AAAA:", "has no sha-256"),
    ):
        answer = await upload(http, CONTENT, **{"Repr-Digest": field})
        assert why in assert_problem(answer, 422, "invalid-request")["detail"]
    assert (await http.get("/v1/files")).json() == {"files": []}


async def test_a_user_has_a_share(shared_stack: Stack) -> None:
    async with user_of(shared_stack, shares={"files_bytes_max": 3_000_000}) as user:
        headers = {"Authorization": f"Bearer {user.token}"}
        async with http_client(base_url=shared_stack.address.api_url, headers=headers) as http:
            assert (await upload(http, os.urandom(2_000_000))).status_code == 201

            async def in_pieces() -> AsyncIterator[bytes]:
                for _ in range(20):
                    yield os.urandom(100_000)

            for content in (os.urandom(1_500_000), in_pieces()):
                answer = await http.put("/v1/files", content=content)
                assert "files: you hold" in assert_problem(answer, 507, "storage-full")["detail"]
            at_once = await asyncio.gather(*(upload(http, os.urandom(600_000)) for _ in range(4)))
            assert sorted(answer.status_code for answer in at_once) == [201, 507, 507, 507]


@asynccontextmanager
async def begun(user: User, length: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection with the head of an upload of so many bytes."""
    address = urlsplit(user.stack.address.api_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = f"PUT /v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n"
    writer.write(f"{head}Authorization: Bearer {user.token}\r\n\r\n".encode())
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def test_a_file_that_is_too_large_is_refused_before_it_is_sent(alice: User) -> None:
    async with begun(alice, 2**40) as (reader, _), asyncio.timeout(20):
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")


async def test_an_upload_that_breaks_off_leaves_nothing(alice: User, shared_stack: Stack) -> None:
    held = await stored_bytes(shared_stack)
    async with asyncio.timeout(20):
        async with begun(alice, 4_000_000) as (_, writer):
            writer.write(os.urandom(3_000_000))
            await writer.drain()
            while await stored_bytes(shared_stack) < held + 1_000_000:
                pass
        while await stored_bytes(shared_stack) > held:
            pass
    assert (await alice.client.usage()).files_bytes.used == 0
    assert "request_failed" not in (shared_stack.directory / "api.log").read_text()
