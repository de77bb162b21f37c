"""The object store on a real server: files come back as they were put, and any NATS client can read them."""

import asyncio
import hashlib
import os

import nats  # noqa: TID251 - a stock client must read what Headrace wrote
import pytest
from nats.js.errors import ObjectNotFoundError  # noqa: TID251 - see above

from headrace.local.nats_server import NatsServer
from shared.contract.subjects import ARTIFACTS, artifact_name, object_chunks, objects_stream
from shared.jetstream.connection import Broker
from shared.jetstream.errors import JetStreamError, UnreachableError
from shared.jetstream.event_log import Log
from shared.jetstream.object_description import CHUNK_BYTES, DamagedError, ObjectDescription
from shared.jetstream.object_store import FullError, GoneError, Objects
from shared.jetstream.stream_config import ProvisionSettings
from shared.provision import provision
from tests import builders

PATIENCE_S = 20.0
NAME = artifact_name(builders.JOB, 1, 0)
SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 40 * CHUNK_BYTES + 7]


@pytest.fixture
def objects(broker: Broker, log: Log) -> Objects:
    return Objects(broker, log, ARTIFACTS)


async def read(objects: Objects, name: str = NAME) -> bytes:
    description = await objects.describe(name)
    assert description is not None
    return b"".join([piece async for piece in objects.read(description)])


async def stored(broker: Broker) -> int:
    info = await broker.api(f"STREAM.INFO.{objects_stream(ARTIFACTS)}")
    return int(info["state"]["messages"])


@pytest.mark.parametrize("size", SIZES)
async def test_a_file_comes_back_as_it_was_put(objects: Objects, size: int) -> None:
    content = os.urandom(size)
    put = await objects.put(NAME, content, patience_s=PATIENCE_S)
    assert await objects.describe(NAME) == put
    assert (put.size, put.sha256) == (size, hashlib.sha256(content).hexdigest())
    assert await read(objects) == content


async def test_what_was_not_put_is_not_there(objects: Objects) -> None:
    assert await objects.describe(NAME) is None
    await objects.delete(NAME)


@pytest.mark.parametrize("size", SIZES[:1] + SIZES[-1:])
async def test_a_stock_client_reads_what_we_wrote(
    objects: Objects, nats_server: NatsServer, size: int
) -> None:
    content = os.urandom(size)
    await objects.put(NAME, content, patience_s=PATIENCE_S)
    client = await nats.connect(nats_server.url, user=nats_server.user, password=nats_server.password)
    try:
        bucket = await client.jetstream().object_store(ARTIFACTS)
        found = await bucket.get(NAME)
        assert (found.data, found.info.name, found.info.size) == (content, NAME, size)
        await objects.delete(NAME)
        with pytest.raises(ObjectNotFoundError):
            await bucket.get(NAME)
    finally:
        await client.close()


async def test_we_read_what_a_stock_client_wrote_and_deleted(
    objects: Objects, nats_server: NatsServer
) -> None:
    content = os.urandom(3 * CHUNK_BYTES)
    client = await nats.connect(nats_server.url, user=nats_server.user, password=nats_server.password)
    try:
        bucket = await client.jetstream().object_store(ARTIFACTS)
        await bucket.put(NAME, content)
        assert await read(objects) == content
        await bucket.delete(NAME)
        assert await objects.describe(NAME) is None
    finally:
        await client.close()


async def test_nothing_is_left_of_a_deleted_file(objects: Objects, broker: Broker) -> None:
    other = artifact_name(builders.JOB, 2, 0)
    await objects.put(NAME, os.urandom(3 * CHUNK_BYTES), patience_s=PATIENCE_S)
    await objects.put(other, b"other", patience_s=PATIENCE_S)
    await objects.delete(NAME)
    assert await stored(broker) == 2
    assert await read(objects, other) == b"other"


async def test_a_full_store_refuses_a_file_whole_and_keeps_the_others(
    objects: Objects, broker: Broker
) -> None:
    await provision(broker, ProvisionSettings(artifacts_bytes_max=4 * CHUNK_BYTES))
    kept = os.urandom(CHUNK_BYTES)
    await objects.put(NAME, kept, patience_s=PATIENCE_S)
    messages = await stored(broker)
    too_large = artifact_name(builders.JOB, 1, 1)
    with pytest.raises(FullError):
        await objects.put(too_large, os.urandom(4 * CHUNK_BYTES), patience_s=PATIENCE_S)
    assert await objects.describe(too_large) is None
    assert await stored(broker) == messages
    assert await read(objects) == kept


async def test_a_piece_that_was_sent_twice_is_stored_once(objects: Objects, broker: Broker) -> None:
    """As after an answer that was lost."""
    for _ in range(2):
        await objects._store("$O.ARTIFACTS.C.x", b"x", {"Nats-Msg-Id": "x.0"}, PATIENCE_S)  # noqa: SLF001 - one repeated publish is what is tested
    assert await stored(broker) == 1


async def test_a_put_outlasts_a_restart_of_the_server(objects: Objects, nats_server: NatsServer) -> None:
    content = os.urandom(40 * CHUNK_BYTES)
    await nats_server.kill()
    putting = asyncio.create_task(objects.put(NAME, content, patience_s=30))
    await nats_server.start()
    await putting
    assert await read(objects) == content


@pytest.mark.full
async def test_without_a_server_a_put_gives_up_and_nothing_of_it_is_seen(
    objects: Objects, nats_server: NatsServer
) -> None:
    await nats_server.kill()
    with pytest.raises(UnreachableError):
        await objects.put(NAME, b"content", patience_s=0)
    await nats_server.start()
    while True:
        try:
            found = await objects.describe(NAME)
        except (UnreachableError, JetStreamError):
            continue
        break
    assert found is None


async def test_a_damaged_file_is_never_given_whole(objects: Objects, broker: Broker) -> None:
    put = await objects.put(NAME, os.urandom(2 * CHUNK_BYTES), patience_s=PATIENCE_S)
    await broker.request(object_chunks(ARTIFACTS, put.nuid), b"more")
    pieces: list[bytes] = []

    async def take() -> None:
        async for piece in objects.read(put):
            pieces.append(piece)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(DamagedError):
        await take()
    assert len(b"".join(pieces)) == put.size


@pytest.mark.full
async def test_chunks_that_have_expired_are_gone(objects: Objects, broker: Broker) -> None:
    put = await objects.put(NAME, os.urandom(2 * CHUNK_BYTES), patience_s=PATIENCE_S)
    await broker.api(
        f"STREAM.PURGE.{objects_stream(ARTIFACTS)}", {"filter": object_chunks(ARTIFACTS, put.nuid)}
    )
    with pytest.raises(GoneError):
        _ = [piece async for piece in objects.read(put)]


async def test_a_description_that_cannot_be_read_is_damage(objects: Objects, broker: Broker) -> None:
    name = "x"
    await broker.request("$O.ARTIFACTS.M.eA==", b"{")
    with pytest.raises(DamagedError):
        await objects.describe(name)
    unreadable = ObjectDescription(name=name, bucket=ARTIFACTS, nuid="n", size=1, digest="SHA-256=*")
    with pytest.raises(DamagedError):
        _ = unreadable.sha256
