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
import base64
import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import msgspec

from shared.contract.subjects import object_chunks, object_description, objects_stream
from shared.domain.contract_struct import ContractStruct
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
from shared.jetstream.stored_message import ANSWER_TIMEOUT_S, EVENT_ID
from shared.retry import retry

CHUNK_BYTES = 128 * 1024
DIGEST_PREFIX = "SHA-256="
ROLLUP = {"Nats-Rollup": "sub"}
STORE_FAILED = 10077


class FullError(BrokerError):
    """The bucket is full."""


class DamagedError(Exception):
    """The stored bytes differ from those that were put."""


class GoneError(DamagedError):
    """The description names chunks that have expired."""


class ObjectOptions(ContractStruct, frozen=True, kw_only=True):
    """How a file was split into chunks."""

    max_chunk_size: int = CHUNK_BYTES


class ObjectDescription(ContractStruct, frozen=True, kw_only=True, omit_defaults=True):
    """The message that describes one file; field names are those of the standard layout."""

    name: str
    bucket: str
    nuid: str
    size: int
    chunks: int = 0
    mtime: str = ""
    digest: str = ""
    deleted: bool = False
    options: ObjectOptions | None = None

    @property
    def sha256(self) -> str:
        """The digest in hexadecimal. Raises DamagedError."""
        try:
            digest = self.digest.removeprefix(DIGEST_PREFIX)
            return base64.b64decode(digest, altchars=b"-_", validate=True).hex()
        except ValueError as error:
            raise DamagedError(f"{self.name}: the digest cannot be read") from error


class Objects:
    """Puts, reads and deletes the files of one bucket."""

    def __init__(self, broker: Broker, log: Log, bucket: str) -> None:
        """Use a connected broker, and `log` for reading stored messages."""
        self._broker = broker
        self._log = log
        self._bucket = bucket
        self._stream = objects_stream(bucket)

    async def put(self, name: str, content: bytes, *, patience_s: float) -> ObjectDescription:
        """Store a file; when this returns, every byte is acknowledged.

        Each message is repeated until it is acknowledged, for at most `patience_s` seconds. It carries an id,
        so a repetition is stored once. Raises BrokerError, FullError if there is no room.
        """
        token = uuid.uuid4().hex
        try:
            digest = await self._put_chunks(token, content, patience_s)
            description = ObjectDescription(
                name=name,
                bucket=self._bucket,
                nuid=token,
                size=len(content),
                chunks=-(-len(content) // CHUNK_BYTES),
                mtime=datetime.now(UTC).isoformat().replace("+00:00", "Z"),
                digest=DIGEST_PREFIX + base64.urlsafe_b64encode(digest).decode(),
                options=ObjectOptions(),
            )
            await self._store(
                object_description(self._bucket, name),
                msgspec.json.encode(description),
                {**ROLLUP, EVENT_ID: f"{token}.description"},
                patience_s,
            )
        except BrokerError:
            # Sent over the same connection, so it arrives after all chunks in nats-py's write buffer.
            with suppress(BrokerError):
                await self._purge(object_chunks(self._bucket, token))
            raise
        return description

    async def describe(self, name: str) -> ObjectDescription | None:
        """The file's description, from the stream's leader; None if there is none. Raises BrokerError."""
        entry = await self._log.last(object_description(self._bucket, name), stream=self._stream)
        if entry is None:
            return None
        try:
            found = msgspec.json.decode(entry.payload, type=ObjectDescription)
        except msgspec.MsgspecError as error:
            raise DamagedError(f"{name}: {error}") from error
        return None if found.deleted else found

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
        description = await self.describe(name)
        if description is not None:
            await self._purge(object_chunks(self._bucket, description.nuid))
            await self._purge(object_description(self._bucket, name))

    async def _put_chunks(self, token: str, content: bytes, patience_s: float) -> bytes:
        """Store the chunks in order; returns their digest, updated with each chunk."""
        digest = hashlib.sha256()
        view = memoryview(content)
        for number, start in enumerate(range(0, len(content), CHUNK_BYTES)):
            piece = bytes(view[start : start + CHUNK_BYTES])
            digest.update(piece)
            subject = object_chunks(self._bucket, token)
            await self._store(subject, piece, {EVENT_ID: f"{token}.{number}"}, patience_s)
        return digest.digest()

    async def _chunks(self, description: ObjectDescription) -> AsyncIterator[bytes]:
        """Every chunk in order; waits for a replica that lags behind the leader."""
        subject = object_chunks(self._bucket, description.nuid)
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

    async def _purge(self, subject: str) -> None:
        await self._broker.api(f"STREAM.PURGE.{self._stream}", {"filter": subject})
