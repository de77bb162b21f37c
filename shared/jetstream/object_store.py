"""The object store: files too large for an event, in the standard layout of NATS object stores.

A file is a sequence of chunks on its own subject, then one description that names them. Readers find a file
by its description only, so a half-written file is invisible. This module knows nothing of jobs or users.

Errors, besides those of `connection`::

    BrokerError
    └── FullError      the bucket is full; the chunks sent for this file are purged
    DamagedError       the stored bytes differ from those that were put; a retry does not help
    └── GoneError      chunks are missing
"""

import asyncio
import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import msgspec

from shared.contract.subjects import object_chunks, object_description, objects_stream
from shared.jetstream.connection import Broker
from shared.jetstream.errors import BrokerError, JetStreamError, UnreachableError
from shared.jetstream.event_log import (
    FULL,
    REPLICA_LAG_MAX_S,
    REPLICA_PAUSE_S,
    STORE_PAUSE_S,
    Log,
    is_undecided,
)
from shared.jetstream.object_description import (
    CHUNK_BYTES,
    DamagedError,
    ObjectDescription,
    ObjectOptions,
    digest_of,
)
from shared.jetstream.stored_message import ANSWER_TIMEOUT_S, EVENT_ID
from shared.retry import retry

ROLLUP = {"Nats-Rollup": "sub"}
STORE_FAILED = 10077


class FullError(BrokerError):
    """The bucket is full."""


class GoneError(DamagedError):
    """The description names chunks that have expired."""


@dataclass(frozen=True, slots=True)
class StoredDescription:
    """A description, its sequence in the stream, and when it was stored."""

    description: ObjectDescription
    sequence: int
    stored_at: datetime


class Objects:
    """Puts, reads and deletes the files of one bucket."""

    def __init__(
        self,
        broker: Broker,
        log: Log,
        bucket: str,
        *,
        describing: Callable[[str], str] | None = None,
    ) -> None:
        """Use a connected broker, and `log` for reading stored messages.

        `describing` gives the subject of a file's description by its name; by default the standard one.
        """
        self._broker = broker
        self._log = log
        self.bucket = bucket
        self._stream = objects_stream(bucket)
        self._subject_of = describing or partial(object_description, bucket)

    async def put(self, name: str, content: bytes, *, patience_s: float) -> ObjectDescription:
        """Store a file; when this returns, every byte is acknowledged.

        Each message is repeated until it is acknowledged, for at most `patience_s` seconds. It carries an id,
        so a repetition is stored once. Raises BrokerError, FullError if there is no room.
        """
        async with self.putting(patience_s=patience_s) as upload:
            await upload.write(content)
            return await upload.finish(name)

    @asynccontextmanager
    async def putting(self, *, patience_s: float) -> AsyncIterator["Upload"]:
        """A file to be written piece by piece, and named at its end; without an end nothing is left."""
        upload = Upload(self, uuid.uuid4().hex, patience_s)
        try:
            yield upload
        finally:
            if not upload.is_visible:
                # Sent over the same connection, so it arrives after all chunks in nats-py's write buffer.
                with suppress(BrokerError):
                    await self.purge_chunks(upload.token)

    async def describe(self, name: str) -> ObjectDescription | None:
        """The file's description, from the stream's leader; None if there is none. Raises BrokerError."""
        found = await self.stored_description(name)
        return None if found is None else found.description

    async def stored_description(self, name: str) -> "StoredDescription | None":
        """The description as it is stored; None if there is none. Raises BrokerError, DamagedError."""
        entry = await self._log.last(self._subject_of(name), stream=self._stream)
        if entry is None:
            return None
        try:
            found = msgspec.json.decode(entry.payload, type=ObjectDescription)
        except msgspec.MsgspecError as error:
            raise DamagedError(f"{name}: {error}") from error
        return None if found.deleted else StoredDescription(found, entry.sequence, entry.stored_at)

    async def has_chunks(self, description: ObjectDescription) -> bool:
        """Whether the bytes are there: chunks are removed together. Raises BrokerError."""
        if not description.chunks:
            return True
        chunks = object_chunks(self.bucket, description.nuid)
        return await self._log.last(chunks, stream=self._stream) is not None

    async def open(self, description: ObjectDescription) -> AsyncIterator[bytes]:
        """As `read`, but raises GoneError before anything is yielded: then another answer is possible."""
        pieces = self.read(description)
        return _with_first(await anext(pieces, b""), pieces)

    async def read(self, description: ObjectDescription) -> AsyncIterator[bytes]:
        """The file's bytes, chunk by chunk. Raises BrokerError, DamagedError.

        The last chunk is yielded only if the digest of the whole file matches, so a complete read equals the
        file that was put.
        """
        digest = hashlib.sha256()
        held: bytes | None = None
        async for piece in self._chunks(description):
            digest.update(piece)
            if held is not None:
                yield held
            held = piece
        if digest.hexdigest() != description.sha256:
            raise DamagedError(f"{description.name}: the digest is another one")
        if held is not None:
            yield held

    async def delete(self, name: str) -> None:
        """Purge a file, if there is one. The bucket has no watchers, so it needs no delete marker.

        The description goes last: after a crash in between, it still names the chunks to purge.
        """
        found = await self.stored_description(name)
        if found is not None:
            await self.purge_chunks(found.description.nuid)
            # Not one that another writer has stored meanwhile.
            await self._purge(self._subject_of(name), before=found.sequence + 1)

    async def store_chunk(self, token: str, number: int, piece: bytes, *, patience_s: float) -> None:
        """Store one chunk of a file. Raises BrokerError, FullError."""
        await self._store(
            object_chunks(self.bucket, token), piece, {EVENT_ID: f"{token}.{number}"}, patience_s
        )

    async def store_description(self, description: ObjectDescription, *, patience_s: float) -> None:
        """Make a file visible. Raises BrokerError, FullError."""
        await self._store(
            self._subject_of(description.name),
            msgspec.json.encode(description),
            {**ROLLUP, EVENT_ID: f"{description.nuid}.description"},
            patience_s,
        )

    async def purge_chunks(self, token: str) -> None:
        """Purge the chunks of one writing of a file. Raises BrokerError."""
        await self._purge(object_chunks(self.bucket, token))

    async def _chunks(self, description: ObjectDescription) -> AsyncIterator[bytes]:
        """Every chunk in order; waits for a replica that lags behind the leader."""
        subject = object_chunks(self.bucket, description.nuid)
        deadline = asyncio.get_running_loop().time() + REPLICA_LAG_MAX_S
        count, after = 0, 0
        while count < description.chunks:
            async for entry in self._log.replay(subject, after=after, stream=self._stream):
                yield entry.payload
                count, after = count + 1, entry.sequence
            if count < description.chunks:
                if asyncio.get_running_loop().time() >= deadline:
                    raise GoneError(f"{description.name}: {count} chunks of {description.chunks} are left")
                await asyncio.sleep(REPLICA_PAUSE_S)

    async def _store(
        self, subject: str, payload: bytes, headers: Mapping[str, str], patience_s: float
    ) -> None:
        publish = partial(self._try_store, subject, payload, headers)
        try:
            await retry(publish, on=UnreachableError, within_s=patience_s, pause_s=STORE_PAUSE_S)
        except UnreachableError as error:
            raise UnreachableError(f"not confirmed within {patience_s} s: {error}") from error

    async def _try_store(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
        answer = json.loads(
            (await self._broker.request(subject, payload, headers=headers, timeout_s=ANSWER_TIMEOUT_S)).data
        )
        error = answer.get("error")
        if error is None:
            return
        code, why = int(error.get("err_code", 0)), str(error.get("description"))
        if code == STORE_FAILED and FULL in why:
            raise FullError(f"{self._stream}: {why}")
        if is_undecided(error):
            raise UnreachableError(why)
        raise JetStreamError(code, f"{self._stream}: {why}")

    async def _purge(self, subject: str, *, before: int | None = None) -> None:
        until = {} if before is None else {"seq": before}
        await self._broker.api(f"STREAM.PURGE.{self._stream}", {"filter": subject, **until})


async def _with_first(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in others:
        yield piece


class Upload:
    """A file that is being written. Made by `Objects.putting`."""

    def __init__(self, objects: Objects, token: str, patience_s: float) -> None:
        """Nothing is written yet."""
        self._objects = objects
        self._patience_s = patience_s
        self._digest = hashlib.sha256()
        self._waiting = bytearray()
        self._chunks = 0
        self.token = token
        self.size = 0
        self.is_visible = False
        """Set once the description is stored: the chunks are needed from now on."""

    @property
    def sha256(self) -> str:
        """Of what was written so far, in hexadecimal."""
        return self._digest.hexdigest()

    async def write(self, piece: bytes) -> None:
        """Store the next bytes, but for the beginning of a chunk. Raises BrokerError, FullError."""
        self._digest.update(piece)
        self.size += len(piece)
        view = memoryview(piece)
        while view:
            room = CHUNK_BYTES - len(self._waiting)
            self._waiting += view[:room]
            view = view[room:]
            if len(self._waiting) == CHUNK_BYTES:
                await self._flush()

    async def finish(self, name: str) -> ObjectDescription:
        """Make the file visible, in place of an earlier one of this name. Raises BrokerError, FullError."""
        description = await self.describe(name)
        await self._objects.store_description(description, patience_s=self._patience_s)
        self.is_visible = True
        return description

    async def describe(self, name: str) -> ObjectDescription:
        """Store the last chunk; the description that would make the file visible. Raises BrokerError."""
        if self._waiting:
            await self._flush()
        return ObjectDescription(
            name=name,
            bucket=self._objects.bucket,
            nuid=self.token,
            size=self.size,
            chunks=self._chunks,
            mtime=datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            digest=digest_of(self._digest.digest()),
            options=ObjectOptions(),
        )

    async def _flush(self) -> None:
        piece, number = bytes(self._waiting), self._chunks
        self._waiting.clear()
        self._chunks += 1
        await self._objects.store_chunk(self.token, number, piece, patience_s=self._patience_s)
