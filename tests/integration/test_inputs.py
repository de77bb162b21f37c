"""What an executor reads of stored files: the named bytes, of the job's own user, or nothing at all."""

import hashlib

import msgspec
import pytest

from services.executor.attempts.inputs import Inputs
from services.executor.languages.stages import program_of
from services.executor.sandbox.interface import GivenStdin, RejectedError
from shared.contract.subjects import ARTIFACTS, FILES, artifact_name, file_description, file_name
from shared.domain.events import JobQueued, SourceFile, StoredFile
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from shared.jetstream.object_description import CHUNK_BYTES
from shared.jetstream.object_store import Objects
from tests import builders

CONTENT = bytes(range(256)) * 1_024


@pytest.fixture
def uploaded(broker: Broker, log: Log) -> Objects:
    return Objects(broker, log, FILES, describing=file_description)


@pytest.fixture
def inputs(broker: Broker, log: Log) -> Inputs:
    return Inputs(broker, log)


def of_user(user: str, content: bytes = CONTENT) -> StoredFile:
    digest = hashlib.sha256(content).hexdigest()
    return StoredFile(bucket=FILES, object_name=file_name(user, digest), size=len(content), sha256=digest)


def naming(*stored: StoredFile, stdin: StoredFile | None = None) -> JobQueued:
    files = [
        SourceFile(name=f"{number}.bin", content="", encoding="stored", stored=one)
        for number, one in enumerate(stored)
    ]
    given = None if stdin is None else SourceFile(name="stdin", content="", encoding="stored", stored=stdin)
    plain = builders.queued()
    return msgspec.structs.replace(plain, files=(*plain.files, *files), stdin=given)


async def test_both_stores_are_read(inputs: Inputs, uploaded: Objects, broker: Broker, log: Log) -> None:
    await uploaded.put(of_user(builders.USER).object_name, CONTENT, patience_s=5)
    left = await Objects(broker, log, ARTIFACTS).put(artifact_name(builders.JOB, 1, 0), b"", patience_s=5)
    artifact = StoredFile(bucket=ARTIFACTS, object_name=left.name, size=0, sha256=left.sha256)
    named = naming(of_user(builders.USER), artifact, stdin=artifact)
    program = program_of(named, await inputs.read(named))
    assert [file.content for file in program.files[-2:]] == [CONTENT, b""]
    assert isinstance(program.stdin, GivenStdin)
    assert program.stdin.content == b""
    assert await inputs.read(builders.queued()) == {}


async def test_what_is_not_the_named_file_is_not_run(inputs: Inputs, uploaded: Objects) -> None:
    """Whatever the event says: an api that was deceived must not give away another user's file."""
    await uploaded.put(of_user("bob").object_name, CONTENT, patience_s=5)
    await uploaded.put(of_user(builders.USER).object_name, b"another content", patience_s=5)
    for stored, why in (
        (of_user("bob"), "0.bin: the file is of another user"),
        (of_user(builders.USER), "0.bin: the file is not the one that was named"),
        (of_user(builders.USER, b"never uploaded"), "0.bin: the file is not kept any more"),
    ):
        with pytest.raises(RejectedError, match=why):
            await inputs.read(naming(stored))


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, 2 * CHUNK_BYTES + 1])
async def test_a_file_written_in_pieces_is_whole(uploaded: Objects, log: Log, size: int) -> None:
    content = (CONTENT * 2)[:size]
    async with uploaded.putting(patience_s=5) as upload:
        for start in range(0, size, 50_000):
            await upload.write(content[start : start + 50_000])
        description = await upload.finish(file_name(builders.USER, upload.sha256))
    assert description.size == size
    assert b"".join([piece async for piece in uploaded.read(description)]) == content


async def test_a_file_without_an_end_leaves_nothing(uploaded: Objects, broker: Broker) -> None:
    async def break_off() -> None:
        async with uploaded.putting(patience_s=5) as upload:
            await upload.write(bytes(3 * CHUNK_BYTES))
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await break_off()
    info = await broker.api(f"STREAM.INFO.OBJ_{FILES}")
    assert (info["state"]["messages"], info["state"]["last_seq"]) == (0, 3)
