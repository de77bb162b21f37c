"""Return types of the client's calls, where the contract has none; and decoding of their bytes."""

import base64
from collections.abc import Iterator
from datetime import datetime
from typing import Any, get_args

from shared.contract.codec import EventObject
from shared.domain.contract_struct import ContractStruct
from shared.domain.enumerations import Encoding
from shared.domain.events import Limits
from shared.domain.record import JobRecord, JobSummary
from shared.domain.result import Artifact, Output, OutputTail, Result, SkippedArtifact

ENCODINGS = frozenset(get_args(Encoding))
"""Encodings of output known to this version."""


class WaitingFor(ContractStruct, frozen=True, kw_only=True):
    """Why a queued job does not run yet: `earlier_jobs`, `executor` or `slot` (docs/http.md).

    `position` is how many unfinished jobs of the same user are before it.
    """

    reason: str
    position: int = 0


class JobShown(JobRecord, frozen=True, kw_only=True):
    """A job with what it waits for; None unless it is queued, and if nothing is known."""

    waiting_for: WaitingFor | None = None


class JobsPage(ContractStruct, frozen=True, kw_only=True):
    """A page of the caller's jobs, newest first, in the lists' form; `next` is the cursor of the next
    page."""

    jobs: tuple[JobSummary, ...]
    next: str | None = None


class BatchItem(ContractStruct, frozen=True, kw_only=True):
    """The result of one submission in a batch: the status that it would have had alone, its job or problem.

    `replayed` if the key had made that job before; `problem` is the document of a refusal.
    """

    status: int
    job: JobSummary | None = None
    replayed: bool = False
    problem: dict[str, Any] | None = None


class Batch(ContractStruct, frozen=True, kw_only=True):
    """One result for each submission, in their order."""

    jobs: tuple[BatchItem, ...]


class Artifacts(ContractStruct, frozen=True, kw_only=True):
    """The files that a finished job left, and those requested but not kept."""

    artifacts: tuple[Artifact, ...]
    skipped: tuple[SkippedArtifact, ...]


class History(ContractStruct, frozen=True, kw_only=True):
    """One job's events as stored."""

    events: list[EventObject]


class Language(ContractStruct, frozen=True, kw_only=True):
    """A language, with the limits of a job that asks for none.

    No live executor has it while it is `offline`; its jobs wait. `compiler_args` and `interpreter_args` are
    forms of the words that a submission may add (docs/languages.md).
    """

    name: str
    version: str
    aliases: tuple[str, ...]
    extension: str
    entrypoint: str
    stages: tuple[str, ...]
    limits: Limits
    offline: bool = False
    compiler_args: tuple[str, ...] = ()
    interpreter_args: tuple[str, ...] = ()


class Languages(ContractStruct, frozen=True, kw_only=True):
    """The languages that can be run right now."""

    languages: tuple[Language, ...]


class Index(ContractStruct, frozen=True, kw_only=True):
    """Addresses of the service's parts, as URLs or paths of the api's own origin."""

    links: dict[str, str]


class SessionCard(ContractStruct, frozen=True, kw_only=True):
    """A saved document as a list shows it."""

    session_id: str
    revision: int
    title: str
    language: str
    created_at: datetime
    saved_at: datetime


class Session(SessionCard, frozen=True, kw_only=True):
    """A saved document: `document` is a submission, with its title."""

    document: dict[str, Any]


class Sessions(ContractStruct, frozen=True, kw_only=True):
    """Last saved first."""

    sessions: tuple[SessionCard, ...]


class UploadedFile(ContractStruct, frozen=True, kw_only=True):
    """A file of the caller; `file` is the address by which submissions name it."""

    file: str
    size: int
    expires_at: datetime


class UploadedFiles(ContractStruct, frozen=True, kw_only=True):
    """Last uploaded first."""

    files: tuple[UploadedFile, ...]


class ShareUsed(ContractStruct, frozen=True, kw_only=True):
    """What a user holds, and may hold in all at present."""

    used: int
    share: int


class Usage(ContractStruct, frozen=True, kw_only=True):
    """What the caller holds of each store and place (docs/bounds/shares.md)."""

    log_bytes: ShareUsed
    sessions_bytes: ShareUsed
    artifacts_bytes: ShareUsed
    unfinished_jobs: ShareUsed
    waits: ShareUsed
    files_bytes: ShareUsed = ShareUsed(used=0, share=0)


class InputState(ContractStruct, frozen=True, kw_only=True):
    """How far a job's input goes: where its next piece begins, and whether it has ended."""

    offset: int
    ended: bool = False


class Erasure(ContractStruct, frozen=True, kw_only=True):
    """The progress of a user's erasure, and what `remains` when it `is_done`."""

    user_id: str
    is_done: bool
    expired: int
    unfinished: int
    sessions: int
    remains: tuple[str, ...]
    files: int = 0


def kind_of(event: EventObject) -> str:
    """The kind of an event without the version: ``queued``; the whole type if it has another form."""
    words = event.type.split(".")
    return words[1] if len(words) == 3 else event.type


def has_known_encoding(event: EventObject) -> bool:
    """Whether `output_bytes` can tell the bytes of a `job.output` event."""
    return event.data["encoding"] in ENCODINGS


def output_bytes(event: EventObject) -> bytes:
    """The bytes of a `job.output` event; in an encoding unknown to this version, the text itself."""
    return _bytes(event.data["content"], event.data["encoding"])


def kept_bytes(output: Output) -> bytes:
    """The bytes of a stream in a job's result; in an encoding of a later version, the text itself.

    Where the middle of a long output was not kept (`output.tail` says so), its end follows its beginning.
    """
    return b"".join(piece for _, piece in kept_parts(output))


def kept_parts(output: Output) -> Iterator[tuple[int, bytes]]:
    """The beginning of a stream and, if its middle was not kept, its end: each time the offset and bytes."""
    yield 0, _bytes(output.content, output.encoding)
    if isinstance(output.tail, OutputTail):
        yield output.tail.offset, _bytes(output.tail.content, output.tail.encoding)


def output_pieces(result: Result) -> Iterator[tuple[str, bytes]]:
    """What was kept of both streams, in the order in which it was read: each time a stream's name and bytes.

    Adjacent pieces are of different streams, as far as their order is known. What follows, and all where no
    order is known, is stdout, then stderr; then the end of each whose middle was not kept.
    """
    for stream, _, piece in placed_pieces(result):
        yield stream, piece


def placed_pieces(result: Result) -> Iterator[tuple[str, int, bytes]]:
    """The same, each piece with its offset in its stream."""
    parts = {"stdout": list(kept_parts(result.stdout)), "stderr": list(kept_parts(result.stderr))}
    given = dict.fromkeys(parts, 0)
    known = {result.stdout.encoding, result.stderr.encoding} <= ENCODINGS
    for run in result.order.runs if known and result.order is not None else ():
        if given.get(run.stream) == run.offset:
            yield run.stream, run.offset, parts[run.stream][0][1][run.offset : run.offset + run.length]
            given[run.stream] += run.length
    for stream, ((_, content), *_) in parts.items():
        if rest := content[given[stream] :]:
            yield stream, given[stream], rest
    for stream, (_, *tail) in parts.items():
        for offset, content in tail:
            yield stream, offset, content


def _bytes(content: str, encoding: str) -> bytes:
    return base64.b64decode(content) if encoding == "base64" else content.encode()
