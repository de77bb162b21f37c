"""Reads the files of a job: those that its result names, and no others.

The terminal event decides: an object in the store that no result names belongs to no job.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from services.api.jobs.queries import Queries
from shared.contract import problems
from shared.contract.problems import ProblemError
from shared.contract.subjects import artifact_name
from shared.domain.record import JobRecord
from shared.domain.result import Artifact, Result
from shared.jetstream.object_description import DamagedError, ObjectDescription
from shared.jetstream.object_store import GoneError, Objects


@dataclass(frozen=True, slots=True)
class Found:
    """One artifact as the result names it, and the name of its object in the store."""

    artifact: Artifact
    object_name: str


class ArtifactReader:
    """Finds and reads artifacts."""

    def __init__(self, queries: Queries, objects: Objects) -> None:
        """Read results with `queries`, and files from `objects`."""
        self._queries = queries
        self._objects = objects

    async def result(self, user_id: str, job_id: str) -> Result:
        """The job's result. Raises ProblemError if the user has no such job, or it has not ended."""
        return _result(await self._queries.job(user_id, job_id))

    async def find(self, user_id: str, job_id: str, path: str) -> Found:
        """The artifact of this path. Raises ProblemError."""
        (found,) = await self.find_all(user_id, job_id, [path])
        return found

    async def find_all(self, user_id: str, job_id: str, paths: Sequence[str]) -> list[Found]:
        """The artifacts of these paths, for which the job is read once. Raises ProblemError."""
        job = await self._queries.job(user_id, job_id)
        known = {artifact.path: number for number, artifact in enumerate(_result(job).artifacts)}
        if any(path not in known for path in paths):
            raise ProblemError(problems.UNKNOWN_ARTIFACT, "the job left no file of this path")
        artifacts = _result(job).artifacts
        return [
            Found(artifacts[known[path]], artifact_name(job_id, job.attempt, known[path])) for path in paths
        ]

    async def open(self, found: Found) -> AsyncIterator[bytes]:
        """The file's bytes, chunk by chunk. Raises ProblemError before the first if they are gone.

        Raises BrokerError or DamagedError at any time. The last chunk is yielded only if the whole file
        matches the result.
        """
        description = await self._objects.describe(found.object_name)
        if description is None:
            raise _gone()
        if not _is_the_same(description, found.artifact):
            raise DamagedError(f"{found.object_name} is not the file that the result names")
        try:
            return await self._objects.open(description)
        except GoneError as error:
            # A file's chunks expire just before its description, which was stored after them.
            raise _gone() from error


def _result(job: JobRecord) -> Result:
    if not job.is_finished:
        raise ProblemError(problems.NOT_FINISHED, "a job's files are known when it has ended")
    return job.result or Result()


def _is_the_same(description: ObjectDescription, artifact: Artifact) -> bool:
    return description.size == artifact.size and description.sha256 == artifact.sha256


def _gone() -> ProblemError:
    return ProblemError(problems.UNKNOWN_ARTIFACT, "the file is not kept any more")
