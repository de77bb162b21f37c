"""Stores the files that a program leaves before the event that names them, and deletes them if it is refused.

An object is named by job, attempt and index in the result. So an older attempt's object is never mistaken for
the current one's, and a program's paths name no object. An object whose executor died before the event was
stored expires with the store's age limit.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from services.executor.attempts.artifact_quota import Allowance, Allowances
from services.executor.sandbox.interface import CellFile, Skipped, Verdict
from services.executor.scheduling.execution import Execution
from shared.contract.subjects import artifact_name
from shared.domain.events import JobQueued, Terminal
from shared.domain.result import Artifact, SkippedArtifact
from shared.domain.shares import file_bytes
from shared.jetstream.errors import BrokerError
from shared.jetstream.object_description import DamagedError, ObjectDescription
from shared.jetstream.object_store import FullError, Objects
from shared.observability import metrics
from shared.observability.logs import get_logger

logger = get_logger(__name__)

ARTIFACTS_MAX = 256
SKIPPED_MAX = 64
PATH_BYTES_MAX = 1_024
PATHS_BYTES_MAX = 128 * 1024
"""Of all artifacts' paths together: the event that names them also holds two streams of output."""

PATIENCE_S = 30.0
RETRY_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Kept:
    """The result's part about an attempt's files."""

    artifacts: tuple[Artifact, ...] = ()
    skipped: tuple[SkippedArtifact, ...] = ()


NOTHING_KEPT = Kept()


@dataclass(frozen=True, slots=True)
class Choice:
    """The files to store, and those not stored, with the reason."""

    files: tuple[CellFile, ...]
    skipped: tuple[Skipped, ...]


class Artifacts:
    """Stores and deletes the files of attempts."""

    def __init__(self, objects: Objects, allowances: Allowances) -> None:
        """Use one bucket of the object store, within each user's `allowances`."""
        self._objects = objects
        self._allowances = allowances

    async def keep(self, execution: Execution, attempt: int, verdict: Verdict) -> Kept:
        """Store a verdict's files; when this returns, every byte of them is acknowledged.

        Retries while the store cannot be reached, as an append does, because the program has already run.
        Raises BrokerError only if this process must end or another attempt has begun.
        """
        queued = execution.queued
        choice = await self._within_share(queued, choose(verdict.artifacts, verdict.skipped))
        skipped = list(choice.skipped)
        artifacts: list[Artifact] = []
        for file in choice.files:
            name = artifact_name(queued.job_id, attempt, len(artifacts))
            stored = await self._store(execution, name, file.content)
            if stored is None:
                skipped.append(Skipped(file.path, "the store of artifacts is full"))
            else:
                artifacts.append(Artifact(path=file.path, size=stored.size, sha256=stored.sha256))
                metrics.ARTIFACTS.inc()
        return Kept(tuple(artifacts), list_skipped(skipped))

    async def discard(self, outcome: Terminal) -> None:
        """Delete the files that a refused outcome names. They are not visible; if this fails, they expire."""
        if outcome.result is None or outcome.attempt is None:
            return
        try:
            for number in range(len(outcome.result.artifacts)):
                await self._objects.delete(artifact_name(outcome.job_id, outcome.attempt, number))
        except (BrokerError, DamagedError) as error:
            logger.warning("artifacts_left_behind", job_id=outcome.job_id, why=str(error))

    def mark_recorded(self, job_id: str, sequence: int) -> None:
        """The event that names the job's files is stored."""
        self._allowances.mark_recorded(job_id, sequence)

    def forget_unrecorded(self, job_id: str) -> None:
        """This executor's attempt is over and stores nothing more."""
        self._allowances.forget_unrecorded(job_id)

    async def _within_share(self, queued: JobQueued, choice: Choice) -> Choice:
        """The chosen files that fit the user's share, which are counted from now on."""
        if not choice.files:
            return choice
        within = fit(choice, await self._allowances.allowance(queued))
        self._allowances.reserve(queued, sum(file_bytes(len(file.content)) for file in within.files))
        metrics.SHARES_REFUSED.labels(store="artifacts").inc(len(choice.files) - len(within.files))
        return within

    async def _store(self, execution: Execution, name: str, content: bytes) -> ObjectDescription | None:
        """Store one file; None if there is no room for it."""
        while True:
            try:
                return await self._objects.put(name, content, patience_s=PATIENCE_S)
            except FullError as error:
                logger.error("artifacts_full", job_id=execution.queued.job_id, why=str(error))
                return None
            except BrokerError as error:
                if execution.stop_reason in {"shutdown", "superseded"}:
                    raise
                logger.warning("artifact_not_stored", job_id=execution.queued.job_id, why=str(error))
                await asyncio.sleep(RETRY_PAUSE_S)


def choose(files: Sequence[CellFile], skipped: Sequence[Skipped]) -> Choice:
    """The files that a result can name, for any number of files with any names."""
    chosen: list[CellFile] = []
    refused = list(skipped)
    room = PATHS_BYTES_MAX
    for file in files:
        why = _unnameable(file.path)
        if why is None:
            size = len(file.path.encode())
            if len(chosen) >= ARTIFACTS_MAX or size > room:
                why = f"a job has at most {ARTIFACTS_MAX} artifacts, their paths {PATHS_BYTES_MAX} bytes"
            else:
                chosen.append(file)
                room -= size
        if why is not None:
            refused.append(Skipped(file.path, why))
    return Choice(tuple(chosen), tuple(refused))


def fit(choice: Choice, allowance: Allowance) -> Choice:
    """The files that fit into the user's allowance, in order; each other one gets the reason."""
    used, files, skipped = allowance.used, list[CellFile](), list(choice.skipped)
    for file in choice.files:
        size = file_bytes(len(file.content))
        if used + size <= allowance.share:
            used += size
            files.append(file)
        else:
            why = f"over your share of the store: {used} of {allowance.share} bytes used, this needs {size}"
            skipped.append(Skipped(file.path, why))
    return Choice(tuple(files), tuple(skipped))


def list_skipped(skipped: Sequence[Skipped]) -> tuple[SkippedArtifact, ...]:
    """The result's list: the first files, and how many more there are."""
    entries = [
        SkippedArtifact(path=_printable(each.path), reason=each.reason[:200])
        for each in skipped[:SKIPPED_MAX]
    ]
    if len(skipped) > SKIPPED_MAX:
        entries.append(SkippedArtifact(path="", reason=f"and {len(skipped) - SKIPPED_MAX} more"))
    return tuple(entries)


def _unnameable(path: str) -> str | None:
    """Why a file of this path could not be requested or safely written; None if it could."""
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return "its path is not UTF-8"
    if size > PATH_BYTES_MAX:
        return f"its path is longer than {PATH_BYTES_MAX} bytes"
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in path):
        return "its path has control characters"
    if any(part in {"", ".", ".."} for part in path.split("/")):
        return "its path is not a plain relative one"
    return None


def _printable(path: str) -> str:
    """A path as JSON can hold it, at most PATH_BYTES_MAX characters of it."""
    return path.encode("utf-8", "backslashreplace").decode()[:PATH_BYTES_MAX]
