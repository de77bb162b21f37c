"""Reads the files that a submission names instead of holding them, before anything of the job runs."""

from collections.abc import Mapping

import msgspec

from services.executor.languages.stages import NOTHING_STORED, StoredContents
from services.executor.sandbox.interface import RejectedError
from shared.contract.subjects import ARTIFACTS, FILES, escape, file_description
from shared.domain.events import JobQueued, StoredFile
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from shared.jetstream.object_description import DamagedError
from shared.jetstream.object_store import GoneError, Objects

TRIES = 2
"""A file that is uploaded again while it is read is there once more."""


class Inputs:
    """Reads stored files."""

    def __init__(self, broker: Broker, log: Log) -> None:
        """Use a connected broker."""
        self._objects: Mapping[str, Objects] = {
            FILES: Objects(broker, log, FILES, describing=file_description),
            ARTIFACTS: Objects(broker, log, ARTIFACTS),
        }

    async def read(self, queued: JobQueued) -> StoredContents:
        """The content of every stored file, each read once.

        Raises RejectedError if one is gone, BrokerError.
        """
        given = (*queued.files, *(() if queued.stdin is None else (queued.stdin,)))
        named = {one.stored: one.name for one in given if not isinstance(one.stored, msgspec.UnsetType)}
        if not named:
            return NOTHING_STORED
        return {stored: await self._read(queued.user_id, name, stored) for stored, name in named.items()}

    async def _read(self, user_id: str, name: str, stored: StoredFile) -> bytes:
        objects = self._objects[stored.bucket]
        if stored.bucket == FILES and not stored.object_name.startswith(f"{escape(user_id)}."):
            raise RejectedError(f"{name}: the file is of another user")
        for _ in range(TRIES):
            try:
                description = await objects.describe(stored.object_name)
                if description is None:
                    break
                if (description.size, description.sha256) != (stored.size, stored.sha256):
                    raise RejectedError(f"{name}: the file is not the one that was named")
                return b"".join([piece async for piece in objects.read(description)])
            except GoneError:
                continue
            except DamagedError as error:
                raise RejectedError(f"{name}: the file cannot be read: {error}") from error
        raise RejectedError(f"{name}: the file is not kept any more")
