"""Finds what submissions name: the caller's uploaded files, and files that the caller's jobs left."""

from collections.abc import Collection, Mapping

from services.api.artifacts.service import ArtifactReader
from services.api.files.service import UserFiles
from services.api.jobs.new_job import FileReference
from shared.contract.subjects import ARTIFACTS, FILES
from shared.domain.events import StoredFile


class References:
    """Turns references into places of a store, as the caller may use them."""

    def __init__(self, files: UserFiles, artifacts: ArtifactReader) -> None:
        """Look into both."""
        self._files = files
        self._artifacts = artifacts

    async def find(
        self, user_id: str, references: Collection[FileReference]
    ) -> Mapping[FileReference, StoredFile]:
        """Where each content is; every file and every job is looked up once.

        Raises ProblemError if the user has no such file, BrokerError.
        """
        paths: dict[str, list[FileReference]] = {}
        found: dict[FileReference, StoredFile] = {}
        for reference in set(references):
            if reference.file is not None:
                found[reference] = await self._uploaded(user_id, reference.file)
            else:
                assert reference.job is not None, "the request was validated"
                paths.setdefault(reference.job, []).append(reference)
        for job_id, wanted in paths.items():
            left = await self._artifacts.find_all(user_id, job_id, [one.path or "" for one in wanted])
            for reference, artifact in zip(wanted, left, strict=True):
                found[reference] = StoredFile(
                    bucket=ARTIFACTS,
                    object_name=artifact.object_name,
                    size=artifact.artifact.size,
                    sha256=artifact.artifact.sha256,
                )
        return found

    async def _uploaded(self, user_id: str, address: str) -> StoredFile:
        found = await self._files.find(user_id, address)
        return StoredFile(bucket=FILES, object_name=found.name, size=found.size, sha256=found.sha256)
