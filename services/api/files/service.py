"""Uploaded files: stored once by their content, found by their owner alone, removed when they are old.

An upload is written chunk by chunk while its digest is computed; its description, stored last and by
compare-and-set, makes it visible. So one that breaks off, or that another upload of the same content came
before, leaves nothing. Chunks stay unseen until they are too old where the api itself dies meanwhile, or the
server does not say whether the description was stored.
"""

import base64
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec

from services.api.files.responses import UploadedFile
from services.api.quotas.stored_bytes import Addition, Counted, Store
from services.api.settings import ApiSettings
from shared.auth import FILES_CLAIM, Caller
from shared.contract import problems
from shared.contract.problems import ProblemError
from shared.contract.subjects import FILES, file_description, file_name, objects_stream, user_files
from shared.domain.shares import file_bytes
from shared.jetstream.errors import UnreachableError
from shared.jetstream.event_log import FULL, Appended, AppendResult, Log
from shared.jetstream.object_description import DamagedError, ObjectDescription
from shared.jetstream.object_store import ROLLUP, FullError, GoneError, Objects, StoredDescription, Upload

ADDRESS_PREFIX = "sha256:"
STEP_BYTES = 1024 * 1024
"""By so much the share is taken of a body whose length is not known before."""
_ADDRESS = re.compile(r"sha256:[0-9a-f]{64}")
_DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):")
_descriptions = msgspec.json.Decoder(ObjectDescription)


class UserFiles:
    """Stores, finds, lists and removes the files of users."""

    def __init__(self, objects: Objects, log: Log, held: Store, settings: ApiSettings) -> None:
        """Use the bucket FILES, within the users' shares in `held`."""
        self._objects = objects
        self._log = log
        self._held = held
        self._settings = settings
        self._renewing: set[str] = set()

    async def put(
        self, caller: Caller, pieces: AsyncIterator[bytes], *, length: int | None, digest: str | None
    ) -> tuple[UploadedFile, bool]:
        """Store a body; whether it was not there before. Raises ProblemError, BrokerError.

        What `pieces` raises leaves nothing stored.
        """
        user_id = caller.user_id
        expected = None if digest is None else _digest_of(digest)
        if length is not None and length > self._settings.file_bytes_max:
            raise self._too_large()
        earlier = await self._earlier(user_id, expected)
        if earlier is None:
            if expected is not None:
                # Otherwise it may be one that is there.
                await self._check_number(user_id)
        elif self._is_fresh(earlier.stored_at) and await self._objects.has_chunks(earlier.description):
            await self._read_through(pieces, earlier.description.sha256)
            return self._shown(earlier.description, earlier.stored_at), False
        most = caller.share(FILES_CLAIM, self._settings.user_files_bytes, self._settings.user_files_bytes_max)
        room = _Room(self._held, user_id, most)
        if earlier is not None and user_id not in self._renewing:
            # It comes in place of the earlier one: a full share can be renewed, one file at a time.
            self._renewing.add(user_id)
            room.leave_with(
                partial(self._renewing.discard, user_id), had=file_bytes(earlier.description.size)
            )
        try:
            await room.need(file_bytes(length or 0))
            async with self._objects.putting(patience_s=self._settings.append_patience_s) as upload:
                async for piece in pieces:
                    if upload.size + len(piece) > self._settings.file_bytes_max:
                        raise self._too_large()
                    await room.need(file_bytes(upload.size + len(piece)))
                    await upload.write(piece)
                if expected is not None:
                    _check_digest(expected, upload.sha256)
                return await self._make_visible(user_id, upload, room)
        except FullError as error:
            raise ProblemError(problems.STORAGE_FULL, "the store of files is full") from error
        finally:
            room.leave()

    async def find(self, user_id: str, address: str) -> ObjectDescription:
        """The file of this address. Raises ProblemError if the user has none, BrokerError."""
        if _ADDRESS.fullmatch(address) is None:
            raise ProblemError(problems.UNKNOWN_FILE, "a file is named by sha256: and 64 hexadecimal digits")
        found = await self._objects.describe(file_name(user_id, address.removeprefix(ADDRESS_PREFIX)))
        if found is None:
            raise ProblemError(problems.UNKNOWN_FILE, f"you have no file {address}")
        return found

    async def open(self, found: ObjectDescription) -> AsyncIterator[bytes]:
        """The file's bytes, chunk by chunk. Raises ProblemError before the first if they are gone.

        Raises BrokerError or DamagedError at any time.
        """
        try:
            return await self._objects.open(found)
        except GoneError as error:
            raise ProblemError(
                problems.UNKNOWN_FILE, "the file is not kept any more: upload it again"
            ) from error

    async def delete(self, user_id: str, address: str) -> None:
        """Remove a file. Raises ProblemError if the user has none, BrokerError."""
        found = await self.find(user_id, address)
        await self._objects.delete(found.name)

    async def delete_all(self, user_id: str) -> int:
        """Remove every file of a user; how many they were. Raises BrokerError."""
        found = await _descriptions_of(self._log, user_id)
        for description, _ in found:
            await self._objects.delete(description.name)
        return len(found)

    async def list(self, user_id: str) -> tuple[UploadedFile, ...]:
        """All files of a user, the last uploaded first. Raises BrokerError."""
        found = await _descriptions_of(self._log, user_id)
        return tuple(self._shown(description, stored_at) for description, stored_at in reversed(found))

    async def _make_visible(self, user_id: str, upload: Upload, room: "_Room") -> tuple[UploadedFile, bool]:
        """Store the description, unless the file is there and stays for most of the time."""
        description = await upload.describe(file_name(user_id, upload.sha256))
        while True:
            last = await self._objects.stored_description(description.name)
            if last is None:
                await self._check_number(user_id)
            elif self._is_fresh(last.stored_at) and await self._objects.has_chunks(last.description):
                return self._shown(last.description, last.stored_at), False
            result = await self._store(upload, description, expected=0 if last is None else last.sequence)
            if isinstance(result, Appended):
                break
        upload.is_visible = True
        room.mark_stored(result.sequence)
        if last is not None:
            await self._objects.purge_chunks(last.description.nuid)
        stored_at = await self._log.stored_at(result.sequence, stream=objects_stream(FILES))
        return self._shown(description, stored_at or self._now()), last is None

    async def _earlier(self, user_id: str, digest: str | None) -> StoredDescription | None:
        """The user's file of the told digest, if there is one. Raises BrokerError."""
        if digest is None:
            return None
        return await self._objects.stored_description(file_name(user_id, digest))

    async def _read_through(self, pieces: AsyncIterator[bytes], expected: str) -> None:
        """Read a body that is stored already. Raises ProblemError if it is another one."""
        digest, size = hashlib.sha256(), 0
        async for piece in pieces:
            size += len(piece)
            if size > self._settings.file_bytes_max:
                raise self._too_large()
            digest.update(piece)
        _check_digest(expected, digest.hexdigest())

    async def _store(self, upload: Upload, description: ObjectDescription, *, expected: int) -> AppendResult:
        """Store the description after this one. Raises FullError, BrokerError: it may be stored then."""
        subject = file_description(description.name)
        try:
            return await self._log.store(
                subject,
                msgspec.json.encode(description),
                subject_filter=subject,
                expected=expected,
                patience_s=self._settings.append_patience_s,
                headers=ROLLUP,
                stream=objects_stream(FILES),
            )
        except UnreachableError as error:
            if FULL in str(error):
                raise FullError(str(error)) from error
            # It may stand, or come to stand. Then it needs its chunks.
            upload.is_visible = True
            raise

    async def _check_number(self, user_id: str) -> None:
        """Raises ProblemError if the user has as many files as a user may have."""
        most = self._settings.files_max
        if len(await _descriptions_of(self._log, user_id)) >= most:
            raise ProblemError(problems.TOO_MANY_FILES, f"a user may have {most} files: remove some")

    def _is_fresh(self, stored_at: datetime) -> bool:
        return self._now() - stored_at < timedelta(days=self._settings.files_retention_days) / 2

    def _shown(self, description: ObjectDescription, stored_at: datetime) -> UploadedFile:
        """Its chunks were stored before, and are removed as much earlier."""
        kept = timedelta(days=self._settings.files_retention_days)
        return UploadedFile(
            file=ADDRESS_PREFIX + description.sha256, size=description.size, expires_at=stored_at + kept
        )

    def _now(self) -> datetime:
        return datetime.now(UTC)

    def _too_large(self) -> ProblemError:
        most = self._settings.file_bytes_max
        return ProblemError(problems.TOO_LARGE, f"a file has at most {most} bytes")


class _Room:
    """What an upload takes of its user's share, more as it comes; given back when the store counts it."""

    def __init__(self, held: Store, user_id: str, most: int) -> None:
        self._held = held
        self._user_id = user_id
        self._most = most
        self._taken = 0
        self._additions: list[Addition] = []
        self._leave = ExitStack()

    async def need(self, size: int) -> None:
        """Have room for so many bytes in all. Raises ProblemError (507), BrokerError."""
        if size > self._taken:
            more = max(size - self._taken, 0 if self._taken == 0 else STEP_BYTES)
            addition = await self._held.take(self._user_id, self._most, more)
            self._additions.append(addition)
            self._leave.enter_context(self._held.storing(addition))
            self._taken += more

    def leave_with(self, at_end: Callable[[], None], *, had: int) -> None:
        """The upload comes in place of a file with `had` bytes, which are counted already."""
        self._taken = had
        self._leave.callback(at_end)

    def mark_stored(self, sequence: int) -> None:
        """The file is stored, and counted here until the store itself is known to count it."""
        for addition in self._additions:
            addition.sequence = sequence

    def leave(self) -> None:
        """The upload is over."""
        self._leave.close()


async def bytes_of_user(log: Log, user_id: str) -> Counted:
    """How many bytes a user's files have. Raises BrokerError."""
    found = await _descriptions_of(log, user_id)
    return Counted(sum(file_bytes(description.size) for description, _ in found))


async def _descriptions_of(log: Log, user_id: str) -> list[tuple[ObjectDescription, datetime]]:
    """The user's files with when they were stored, in that order. Raises BrokerError."""
    found = []
    async for entry in log.replay(user_files(user_id), stream=objects_stream(FILES)):
        try:
            found.append((_descriptions.decode(entry.payload), entry.stored_at))
        except msgspec.MsgspecError as error:
            raise DamagedError(f"{entry.subject}: {error}") from error
    return found


def _check_digest(expected: str, found: str) -> None:
    if expected != found:
        raise ProblemError(problems.INVALID, "the content is not that of Repr-Digest")


def _digest_of(field: str) -> str:
    """The SHA-256 of a `Repr-Digest` field, in hexadecimal. Raises ProblemError."""
    found = _DIGEST.search(field)
    if found is None:
        raise ProblemError(problems.INVALID, "Repr-Digest has no sha-256 (RFC 9530)")
    return base64.b64decode(found[1]).hex()
