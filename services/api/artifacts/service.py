"""The files that a job left: what its result names, and nothing else.

The terminal event decides: an object that no result names is nobody's, whatever lies in the store.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.api.jobs.queries import Queries
from shared.contract import problems
from shared.contract.problems import ProblemError
from shared.contract.subjects import artifact_name
from shared.domain.events import Artifact, Result
from shared.domain.record import JobRecord
from shared.jetstream.object_store import DamagedError, GoneError, ObjectDescription, Objects


@dataclass(frozen=True, slots=True)
class Found:
    """One artifact as the result names it, and where its bytes are."""

    artifact: Artifact
    object_name: str


class ArtifactReader:
    """Finds and reads them."""

    def __init__(self, queries: Queries, objects: Objects) -> None:
        """Ask `queries` for results, and read files from `objects`."""
        self._queries = queries
        self._objects = objects

    async def result(self, user_id: str, job_id: str) -> Result:
        """What the job left. Raises ProblemError if the user has no such job, or it has not ended."""
        return _result(await self._queries.job(user_id, job_id))

    async def find(self, user_id: str, job_id: str, path: str) -> Found:
        """The artifact of this path. Raises ProblemError."""
        job = await self._queries.job(user_id, job_id)
        for number, artifact in enumerate(_result(job).artifacts):
            if artifact.path == path:
                return Found(artifact, artifact_name(job_id, job.attempt, number))
        raise ProblemError(problems.UNKNOWN_ARTIFACT, "the job left no file of this path")

    async def open(self, found: Found) -> AsyncIterator[bytes]:
        """Its bytes, some at a time. Raises ProblemError before the first if they are not kept any more.

        Raises BrokerError or DamagedError at any time. The last piece comes only if the whole is what the
        result names.
        """
        description = await self._objects.describe(found.object_name)
        if description is None:
            raise _gone()
        if not _is_the_same(description, found.artifact):
            raise DamagedError(f"{found.object_name} is not the file that the result names")
        pieces = self._objects.read(description)
        try:
            first = await anext(pieces, b"")
        except GoneError as error:
            # The chunks of a file are as old as its description, and expire a moment before it.
            raise _gone() from error
        return _with_first(first, pieces)


async def _with_first(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in others:
        yield piece


def _result(job: JobRecord) -> Result:
    if not job.is_finished:
        raise ProblemError(problems.NOT_FINISHED, "a job's files are known when it has ended")
    return job.result or Result()


def _is_the_same(description: ObjectDescription, artifact: Artifact) -> bool:
    return description.size == artifact.size and description.sha256 == artifact.sha256


def _gone() -> ProblemError:
    return ProblemError(problems.UNKNOWN_ARTIFACT, "the file is not kept any more")
