"""The notes that an event of the log tells, because the feed does not: see `shared.domain.unsent`. Pure.

They depend on the event alone, so every client is shown the same, whether live, resumed or replayed, and a
position may lie between two of them.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from shared.contract.codec import UndecodableError, UnknownTagError
from shared.contract.subjects import feed_note
from shared.domain.events import (
    Event,
    FeedNote,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobOutput,
    JobProgress,
    JobRunning,
    JobTimeout,
    Terminal,
    kind_of,
)
from shared.domain.output_text import as_bytes, as_text
from shared.domain.result import Output, Result
from shared.domain.unsent import UnsentNote, started
from shared.jetstream.stored_message import Entry


class _Telling(msgspec.Struct):
    """What shows, without a whole event being decoded, that it tells notes."""

    unsent_notes: tuple[msgspec.Raw, ...] = ()
    stage: str | None = None


_telling_decoder = msgspec.json.Decoder(_Telling)
_encode = msgspec.json.Encoder().encode

TELLING_KINDS = frozenset({"running", "completed", "failed", "timeout", "cancelled"})


def told_notes(entry: Entry) -> tuple[list[Entry], list[Entry]]:
    """What is shown before this entry of the log, and what after it, as entries of the feed would have it.

    Nothing for events of another kind, or that this version cannot read.
    """
    if entry.subject.rpartition(".")[2] not in TELLING_KINDS:
        return [], []
    try:
        telling = _telling_decoder.decode(entry.payload)
        if not telling.unsent_notes and telling.stage is None:
            return [], []
        event = entry.event()
        return _entries(entry, notes_before(event)), _entries(entry, notes_after(event))
    except (UndecodableError, UnknownTagError, ValueError, RecursionError):
        # What is wrong with it is said where the event itself is shown.
        return [], []


def notes_before(event: Event) -> list[FeedNote]:
    """What an attempt left for its terminal event to tell."""
    if not isinstance(event, JobCompleted | JobFailed | JobTimeout | JobCancelled):
        return []
    return list(_left(event))


def notes_after(event: Event) -> list[FeedNote]:
    """The progress with which an attempt begins."""
    if not isinstance(event, JobRunning) or event.stage is None:
        return []
    return [_progress(event, event.stage, 0, started(event.stage), event.remaining_s)]


def _left(event: Terminal) -> Iterator[FeedNote]:
    kept = {} if event.result is None else _kept(event.result)
    for unsent in event.unsent_notes:
        if unsent.stream is None:
            yield _progress(event, unsent.stage, unsent.percent, unsent.message, unsent.remaining_s)
            continue
        output = kept.get((unsent.stage, unsent.stream), b"")
        piece = output[unsent.offset : unsent.offset + unsent.length]
        if piece:
            yield _output(event, unsent, piece)


def _kept(result: Result) -> dict[tuple[str, str], bytes]:
    """Each stream of each stage: a stage before the last keeps it in its report."""
    outputs: dict[tuple[str, str], Output | None] = {}
    for stage in result.stages:
        outputs |= {(stage.name, "stdout"): stage.stdout, (stage.name, "stderr"): stage.stderr}
    if result.stages:
        last = result.stages[-1].name
        outputs |= {(last, "stdout"): result.stdout, (last, "stderr"): result.stderr}
    kept = ((key, output) for key, output in outputs.items() if output is not None)
    return {key: as_bytes(output.content, output.encoding) for key, output in kept}


def _output(event: Terminal, unsent: UnsentNote, piece: bytes) -> JobOutput:
    content, encoding = as_text(piece)
    return JobOutput(
        **_about(event),
        stage=unsent.stage,
        stream=unsent.stream or "",
        offset=unsent.offset,
        content=content,
        encoding=encoding,
    )


def _progress(
    event: JobRunning | Terminal, stage: str, percent: int, message: str, remaining_s: float | None
) -> JobProgress:
    return JobProgress(
        **_about(event),
        stage=stage,
        percent=percent,
        message=message,
        remaining_s=remaining_s,
    )


def _about(event: JobRunning | Terminal) -> dict[str, Any]:
    """The fields that every note of this attempt has."""
    return {
        "job_id": event.job_id,
        "user_id": event.user_id,
        "time": event.time,
        "request_id": event.request_id,
        "trace": event.trace,
        "attempt": event.attempt or 0,
    }


def _entries(entry: Entry, notes: list[FeedNote]) -> list[Entry]:
    return [
        Entry(
            entry.sequence,
            entry.stored_at,
            feed_note(note.user_id, note.job_id, kind_of(note)),
            _encode(note),
        )
        for note in notes
    ]
