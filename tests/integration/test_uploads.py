"""Uploads at their edges: parts that are missing, writers at once, a user at the bounds."""

import asyncio
import base64
import hashlib
import os
from collections.abc import AsyncIterator

import httpx
import pytest

from shared.contract.subjects import FILES, file_description, file_name, object_chunks, objects_stream
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from shared.jetstream.object_store import Objects
from tests import builders
from tests.integration.api_in_process import asked_api

CONTENT = os.urandom(300_000)
DIGEST = hashlib.sha256(CONTENT)
ADDRESS = f"sha256:{DIGEST.hexdigest()}"
ANNOUNCED = {"Repr-Digest": f"sha-256=:{base64.b64encode(DIGEST.digest()).decode()}:"}


@pytest.fixture
async def api(broker: Broker) -> AsyncIterator[httpx.AsyncClient]:
    async with asked_api(broker) as client:
        yield client


@pytest.fixture
def objects(broker: Broker, log: Log) -> Objects:
    return Objects(broker, log, FILES, describing=file_description)


async def put(api: httpx.AsyncClient, content: bytes = CONTENT, headers: dict[str, str] | None = None) -> int:
    return (await api.put("/v1/files", content=content, headers=headers)).status_code


async def chunks_of(broker: Broker) -> int:
    """How many messages of the store hold bytes of files."""
    info = await broker.api(f"STREAM.INFO.{objects_stream(FILES)}", {"subjects_filter": f"$O.{FILES}.C.>"})
    return sum((info["state"].get("subjects") or {}).values())


@pytest.mark.full
async def test_a_file_whose_bytes_are_gone_is_unknown_until_it_is_uploaded_again(
    api: httpx.AsyncClient, broker: Broker, objects: Objects
) -> None:
    """As after an upload whose end the server did not confirm, or a removal that was cut off."""
    assert await put(api) == 201
    found = await objects.describe(file_name(builders.USER, DIGEST.hexdigest()))
    assert found is not None
    chunks = object_chunks(FILES, found.nuid)
    for headers in ({}, ANNOUNCED):
        await broker.api(f"STREAM.PURGE.{objects_stream(FILES)}", {"filter": chunks})
        gone = await api.get(f"/v1/files/{ADDRESS}")
        assert (gone.status_code, gone.json()["type"]) == (404, "urn:headrace:problem:unknown-file")
        assert await put(api, headers=headers) == 200
        assert (await api.get(f"/v1/files/{ADDRESS}")).content == CONTENT
        again = await objects.describe(found.name)
        assert again is not None
        chunks = object_chunks(FILES, again.nuid)
    assert await put(api, headers=ANNOUNCED) == 200
    assert await chunks_of(broker) == 3


@pytest.mark.full
async def test_whoever_uploads_and_removes_at_once_leaves_a_whole_file_or_none(
    api: httpx.AsyncClient, broker: Broker
) -> None:
    for _ in range(10):
        removing = [api.delete(f"/v1/files/{ADDRESS}") for _ in range(2)]
        await asyncio.gather(put(api), *removing, put(api), put(api, headers=ANNOUNCED))
        listed = (await api.get("/v1/files")).json()["files"]
        read = await api.get(f"/v1/files/{ADDRESS}")
        if read.status_code == 200:
            assert read.content == CONTENT
        # Chunks that no description names would be counted for no user.
        assert await chunks_of(broker) == (3 if read.status_code == 200 else 0)
        assert len(listed) <= 1


async def test_a_user_with_as_many_files_as_may_be_renews_them(broker: Broker) -> None:
    async with asked_api(broker, files_max=1) as api:
        assert [await put(api), await put(api), await put(api, b"another"), await put(api)] == [
            201,
            200,
            409,
            200,
        ]
        assert await chunks_of(broker) == 3


async def test_what_is_announced_and_there_needs_no_room(broker: Broker) -> None:
    async with asked_api(broker, user_files_bytes=400_000) as api:
        assert await put(api) == 201
        assert [await put(api), await put(api, headers=ANNOUNCED)] == [507, 200]
        assert await put(api, CONTENT[:-1], ANNOUNCED) == 422


async def test_a_submission_names_files_of_few_jobs(api: httpx.AsyncClient) -> None:
    files = [{"name": f"{number}", "job": builders.job_id(), "path": "out"} for number in range(9)]
    answer = await api.post("/v1/jobs", json={"language": "python", "files": files})
    assert answer.status_code == 422
    assert "at most 8 jobs" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("stdin", "fields"),
    [
        ({"fil": "sha256:x"}, {"stdin.fil"}),
        ({"file": "sha256:x"}, {"stdin.file"}),
        (7, {"stdin"}),
    ],
)
async def test_an_error_in_stdin_is_named_by_its_own_place(
    api: httpx.AsyncClient, stdin: object, fields: set[str]
) -> None:
    body = {"language": "python", "code": "", "stdin": stdin}
    errors = (await api.post("/v1/jobs", json=body)).json()["errors"]
    assert {error["field"] for error in errors} == fields
