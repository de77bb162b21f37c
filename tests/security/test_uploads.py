"""Attacks on uploaded files: other users' files, names of files and subjects, shares, bodies that lie."""

import asyncio
import base64
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from shared.contract.subjects import FILES, objects_stream
from tests.http_client import http_client
from tests.security.conftest import StackArena
from tests.security.test_names import HOSTILE, events_of_mallory
from tests.system.conftest import User, broker_of, user_of

pytestmark = pytest.mark.asyncio(loop_scope="package")

SECRET = b"the answers of the exam"
SHARE = 1_000_000
BYTES = 300_000
"""Of a file of which a share has room for three."""


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def address_of(content: bytes) -> str:
    return f"sha256:{digest_of(content)}"


def announced(content: bytes) -> dict[str, str]:
    return {"Repr-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"}


@asynccontextmanager
async def client_of(user: User) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {user.token}"}
    async with http_client(base_url=user.stack.address.api_url, headers=headers) as client:
        yield client


@asynccontextmanager
async def held_by_alice(arena: StackArena, content: bytes) -> AsyncIterator[None]:
    """Alice has this file, and still has it afterwards."""
    async with client_of(arena.users["alice"]) as alice:
        assert (await alice.put("/v1/files", content=content)).status_code == 201
        yield
        assert (await alice.get(f"/v1/files/{address_of(content)}")).content == content
        assert (await alice.delete(f"/v1/files/{address_of(content)}")).status_code == 204


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """What it says, without the digest that was asked for."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["type"]


async def stored_bytes(arena: StackArena) -> int:
    async with broker_of(arena.stack) as broker:
        return int((await broker.api(f"STREAM.INFO.{objects_stream(FILES)}"))["state"]["bytes"])


async def files_of(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await http.get("/v1/files")).json()["files"]
    return found


def python_of(*names: str, **way: str) -> dict[str, Any]:
    files = [{"name": "main.py", "content": "print('ESCAPED')"}, *({"name": name, **way} for name in names)]
    return {"language": "python", "entrypoint": "main.py", "files": files}


# Other users' files


async def test_the_digest_of_another_users_file_is_worth_nothing(
    arena: StackArena, http: httpx.AsyncClient
) -> None:
    """Neither gets its content, nor tells whether another user has such a file."""
    async with held_by_alice(arena, SECRET):
        for body in (b"", SECRET[:-1], SECRET + b"x"):
            answers = [
                refusal(await http.put("/v1/files", content=body, headers=announced(content)))
                for content in (SECRET, b"no user has this")
            ]
            assert answers == [(422, "urn:headrace:problem:invalid-request")] * 2
        assert await files_of(http) == []
        before = await events_of_mallory(arena)
        way = {"file": address_of(SECRET)}
        job = {"language": "bash", "code": "cat", "stdin": way}
        for submission in (python_of("x", **way), job, {**job, "limits_policy": "clamp"}):
            assert refusal(await http.post("/v1/jobs", json=submission))[0] == 404
        batch = await http.post("/v1/jobs/batch", json={"jobs": [job, python_of("x", **way)]})
        assert [one["status"] for one in batch.json()["jobs"]] == [404, 404]
        assert await events_of_mallory(arena) == before


async def test_what_two_users_uploaded_is_each_ones_own(arena: StackArena, http: httpx.AsyncClient) -> None:
    async with held_by_alice(arena, SECRET):
        own = await http.put("/v1/files", content=SECRET, headers=announced(SECRET))
        assert own.status_code == 201, "as new as if alice had none"
        assert (await http.delete(f"/v1/files/{address_of(SECRET)}")).status_code == 204
        assert refusal(await http.get(f"/v1/files/{address_of(SECRET)}"))[0] == 404


async def test_a_file_that_another_users_job_left_cannot_be_named(
    arena: StackArena, http: httpx.AsyncClient
) -> None:
    alice = arena.users["alice"]
    job = await alice.run("python", "open('out', 'w').write('secret')", artifacts=["out"])
    for path in ("out", "*", "missing"):
        way = {"job": job["job_id"], "path": path}
        for submission in (python_of("x", **way), {"language": "bash", "code": "cat", "stdin": way}):
            assert refusal(await http.post("/v1/jobs", json=submission)) == (
                404,
                "urn:headrace:problem:unknown-job",
            )


# Names


def addresses() -> list[str]:
    """Strange addresses around the digest of a file that alice has."""
    digest = digest_of(SECRET)
    return [
        "sha256:*",
        "sha256:>",
        "*",
        ">",
        f"sha256:{digest.upper()}",
        f"SHA256:{digest}",
        f"sha256:{digest}%00",
        f"sha256:{digest}%0a",
        f"sha256:{digest}%20",
        f"sha256:{digest}.x",
        f"sha256:{digest[:-1]}*",
        f"sha256:alice.{digest}",
        f"sha256:alice%2f{digest}",
        f"alice%2fsha256:{digest}",
        f"..%2falice%2fsha256:{digest}",
        f"sha256:{digest}%2f..%2f..%2fjobs",
        "sha256:..%2f..%2f..%2fetc%2fpasswd",
        f"sha256:{'é' * 64}",
        f"sha256:{chr(0xFF11) * 64}",
        digest,
        "x" * 5_000,
    ]


async def test_no_address_reaches_beyond_the_users_own_files(
    arena: StackArena, http: httpx.AsyncClient
) -> None:
    async with held_by_alice(arena, SECRET):
        for address in addresses():
            for method in ("GET", "DELETE"):
                answer = await http.request(method, f"/v1/files/{address}")
                assert answer.status_code in {404, 405}, f"{method} {address}: {answer.text}"
                assert SECRET not in answer.content
    assert "request_failed" not in arena.logs()


async def test_no_address_in_a_submission_reaches_beyond_them(
    arena: StackArena, http: httpx.AsyncClient
) -> None:
    before = await events_of_mallory(arena)
    async with held_by_alice(arena, SECRET):
        for address in (*addresses(), f"sha256:{digest_of(SECRET)}\n", f"sha256:{digest_of(SECRET)}\0"):
            way = {"file": address}
            for submission in (python_of("x", **way), {"language": "bash", "code": "cat", "stdin": way}):
                assert refusal(await http.post("/v1/jobs", json=submission))[0] == 422, address
    assert await events_of_mallory(arena) == before
    assert "request_failed" not in arena.logs()


async def test_a_stored_file_gets_no_hostile_name(arena: StackArena, http: httpx.AsyncClient) -> None:
    before = await events_of_mallory(arena)
    way = {"file": (await http.put("/v1/files", content=b"x")).json()["file"]}
    encodable = {name: names for name, names in HOSTILE.items() if name != "lone surrogate"}
    for name, names in {**encodable, "the entrypoint": ["main.py"], "below it": ["main.py/x"]}.items():
        assert refusal(await http.post("/v1/jobs", json=python_of(*names, **way)))[0] == 422, name
    await http.delete(f"/v1/files/{way['file']}")
    assert await events_of_mallory(arena) == before
    assert arena.planted.tampered() is None


# Shares


async def in_pieces(size: int) -> AsyncIterator[bytes]:
    """A body whose length is not told."""
    for _ in range(0, size, 50_000):
        yield os.urandom(50_000)


async def test_uploads_at_once_do_not_exceed_a_share(arena: StackArena) -> None:
    async with user_of(arena.stack, shares={"files_bytes_max": SHARE}) as user, client_of(user) as http:
        for is_told in (True, False):
            bodies = [os.urandom(BYTES) if is_told else in_pieces(BYTES) for _ in range(12)]
            answers = await asyncio.gather(*(http.put("/v1/files", content=body) for body in bodies))
            statuses = [answer.status_code for answer in answers]
            assert {*statuses} <= {201, 507}
            files = await files_of(http)
            assert len(files) == statuses.count(201)
            assert sum(one["size"] for one in files) <= SHARE
            # Removed and uploaded at once: each counts for as long as it is there.
            await asyncio.gather(
                *(http.delete(f"/v1/files/{one['file']}") for one in files),
                *(http.put("/v1/files", content=os.urandom(BYTES)) for _ in range(6)),
            )
            files = await files_of(http)
            assert sum(one["size"] for one in files) <= SHARE
            for one in files:
                await http.delete(f"/v1/files/{one['file']}")


async def test_one_file_uploaded_many_times_at_once_is_there_once(arena: StackArena) -> None:
    content = os.urandom(BYTES)
    async with user_of(arena.stack, shares={"files_bytes_max": SHARE}) as user, client_of(user) as http:
        at_once = [http.put("/v1/files", content=content, headers=announced(content)) for _ in range(8)]
        statuses = [answer.status_code for answer in await asyncio.gather(*at_once)]
        assert {*statuses} <= {200, 201, 507}
        assert statuses.count(201) == 1
        assert [one["size"] for one in await files_of(http)] == [BYTES]
        assert (await http.put("/v1/files", content=os.urandom(2 * BYTES))).status_code == 201
        assert (await http.delete(f"/v1/files/{address_of(content)}")).status_code == 204
        assert refusal(await http.get(f"/v1/files/{address_of(content)}"))[0] == 404


# Bodies

HEADS = {
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a negative length": b"Content-Length: -5\r\n\r\nhello",
    "a signed length": b"Content-Length: +5\r\n\r\nhello",
    "a length that only looks like a number": b"Content-Length: \xb2\r\n\r\nhello",
    "a length beyond all numbers": b"Content-Length: " + b"9" * 400 + b"\r\n\r\nhello",
    "a chunk of no size": b"Transfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n",
    "a chunk of a negative size": b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
    "a chunk that is longer than it says": b"Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
}


async def answered(user: User, head: bytes, *, path: str = "/v1/files") -> bytes:
    """The status line of what is answered to these bytes, after which the connection is left."""
    address = urlsplit(user.stack.address.api_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(
            f"PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {user.token}\r\n".encode() + head
        )
        async with asyncio.timeout(20):
            return await reader.readline()
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("name", HEADS)
async def test_a_body_that_lies_about_its_length_is_not_stored(arena: StackArena, name: str) -> None:
    mallory = arena.users["mallory"]
    before = await stored_bytes(arena)
    line = await answered(mallory, HEADS[name])
    assert line.split()[1:2] in ([b"400"], [b"413"]), line
    assert await stored_bytes(arena) == before
    assert "request_failed" not in arena.logs()


@pytest.mark.parametrize("path", ["/v1/files/x", "/v1/files/../jobs", "/v1/files/%2e%2e/x", "//v1/files/"])
async def test_an_upload_has_no_path(arena: StackArena, path: str) -> None:
    before = await stored_bytes(arena)
    line = await answered(arena.users["mallory"], b"Content-Length: 5\r\n\r\nhello", path=path)
    assert line.split()[1:2] in ([b"404"], [b"405"]), line
    assert await stored_bytes(arena) == before


async def test_a_name_with_the_upload_is_no_file_name(arena: StackArena, http: httpx.AsyncClient) -> None:
    """What forms and older services say of a file's name is part of nothing."""
    headers = {
        "Content-Disposition": 'attachment; filename="../../etc/passwd"',
        "Content-Location": "/etc/passwd",
        "Slug": "../x",
        "Content-Range": "bytes 0-1/2",
    }
    stored = await http.put("/v1/files?name=../../x", content=b"named", headers=headers)
    assert stored.status_code in {200, 201, 400, 422}
    for one in await files_of(http):
        assert one["file"] == address_of(b"named")
        came = await http.get(f"/v1/files/{one['file']}")
        assert came.headers["content-disposition"] == "attachment"
        assert came.headers["x-content-type-options"] == "nosniff"
        await http.delete(f"/v1/files/{one['file']}")
