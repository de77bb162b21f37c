"""Judges what one subscription was shown, over all its connections laid together. Pure: no I/O, no clock.

The streams' own messages are the truth. Output is compared by its bytes and their offsets, never by the
pieces that it came in, because pieces that wait for a slow client may be joined.
"""

import base64
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, TypeAlias

Shown: TypeAlias = dict[str, Any]
"""An event object, as clients are sent it."""

Stream: TypeAlias = tuple[str, int, str, str]
"""Whose bytes: job, attempt, stage, stdout or stderr."""

Kind = Literal["lost", "repeated", "swapped", "foreign", "altered", "hole", "overlap", "late"]

TERMINAL = frozenset({"job.completed.v1", "job.failed.v1", "job.timeout.v1", "job.cancelled.v1"})
OUTPUT = "job.output.v1"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise, and where."""

    kind: Kind
    where: str


@dataclass(frozen=True, slots=True)
class Truth:
    """What the streams hold of a subscription, in their order. A crash may cost the feed a few notes."""

    log: Sequence[Shown]
    feed: Sequence[Shown]
    feed_is_whole: bool = True


@dataclass(slots=True)
class Laid:
    """The bytes of one stream, each where its offset says."""

    content: bytearray = field(default_factory=bytearray)
    covered: bytearray = field(default_factory=bytearray)

    def lay(self, offset: int, piece: bytes) -> None:
        end = offset + len(piece)
        missing = max(0, end - len(self.content))
        self.content += bytes(missing)
        self.covered += bytes(missing)
        self.content[offset:end] = piece
        self.covered[offset:end] = b"\1" * len(piece)

    def holds(self, other: "Laid") -> bool:
        """Whether every byte of `other` is here too, and the same."""
        size = len(other.content)
        if self.covered[:size] == other.covered and self.content[:size] == other.content:
            return True
        return all(
            not wanted or (place < len(self.covered) and self.covered[place] and self.content[place] == byte)
            for place, (byte, wanted) in enumerate(zip(other.content, other.covered, strict=True))
        )


def check(shown: Sequence[Shown], truth: Truth) -> list[Violation]:
    """Every broken promise of protocol.md 5.2 and 6.2; an empty list if all were kept."""
    return [
        *_check_log(shown, truth),
        *_check_output(shown, truth),
        *_check_progress(shown, truth),
        *_check_ends(shown),
    ]


def _check_log(shown: Sequence[Shown], truth: Truth) -> Iterator[Violation]:
    """The log's events in the order of the log, each once, as they are stored."""
    events = [event for event in shown if "seq" in event]
    stored = {event["seq"]: event for event in truth.log}
    for event in events:
        if event["seq"] not in stored:
            yield Violation("foreign", f"event {event['seq']}")
        elif _essence(event) != _essence(stored[event["seq"]]):
            yield Violation("altered", f"event {event['seq']}")
    yield from _check_sequence([event["seq"] for event in events], list(stored), "event")


def _check_progress(shown: Sequence[Shown], truth: Truth) -> Iterator[Violation]:
    """Notes of progress in the order of the feed, or of the events that tell them, each once."""
    notes = [_essence(event) for event in shown if "seq" not in event and event["type"] != OUTPUT]
    stored = [_essence(event) for event in truth.feed if event["type"] != OUTPUT]
    told = [_essence(note) for event in truth.log for note in _told_by(event)]
    if truth.feed_is_whole:
        for note in notes:
            if note not in stored and note not in told:
                yield Violation("foreign", f"note {note}")
    yield from _check_sequence(notes, stored, "note")
    yield from _check_sequence(notes, told, "note that the log tells")


def _told_by(event: Shown) -> Iterator[Shown]:
    """The progress that an event of the log says, because the feed has it not."""
    data = event["data"]
    if event["type"] == "job.running.v1" and data.get("stage") is not None:
        message = f"{data['stage']} started"
        yield _progress(event, data["stage"], 0, message, data["remaining_s"])
    if event["type"] in TERMINAL:
        for note in data.get("unsent_notes", ()):
            if "stream" not in note:
                remaining_s = note.get("remaining_s")
                yield _progress(event, note["stage"], note.get("percent", 0), note["message"], remaining_s)


def _progress(event: Shown, stage: str, percent: int, message: str, remaining_s: float | None) -> Shown:
    about = {name: event["data"][name] for name in ("user_id", "request_id", "trace", "attempt")}
    told = {"stage": stage, "percent": percent, "message": message, "remaining_s": remaining_s}
    return {**event, "seq": None, "type": "job.progress.v1", "data": {**about, **told}}


def _check_sequence(shown: Sequence[Any], stored: Sequence[Any], word: str) -> Iterator[Violation]:
    """What is stored was shown, once, in that order; what is shown beyond it is another check's."""
    counts = Counter(shown)
    for one in stored:
        if not counts[one]:
            yield Violation("lost", f"{word} {one}")
        elif counts[one] > 1:
            yield Violation("repeated", f"{word} {one}, {counts[one]} times")
    places = {one: place for place, one in enumerate(stored)}
    first = [places[one] for one in dict.fromkeys(shown) if one in places]
    for before, after in pairwise(first):
        if after < before:
            yield Violation("swapped", f"{word} {stored[after]} after {stored[before]}")


def _check_output(shown: Sequence[Shown], truth: Truth) -> Iterator[Violation]:
    """Each stream's pieces follow each other; they are the feed's bytes and the result's."""
    given: dict[Stream, Laid] = defaultdict(Laid)
    notes: set[tuple[Stream, int, str]] = set()
    for event in shown:
        if event["type"] != OUTPUT:
            continue
        stream, offset = stream_of(event), event["data"]["offset"]
        reached = len(given[stream].content)
        note = (stream, offset, event["stored_at"])
        if offset < reached:
            repeated = Laid()
            repeated.lay(offset, output_bytes(event)[: reached - offset])
            # What a crash took from the feed is stored again: its sender cannot know that it was shown.
            if truth.feed_is_whole or note in notes or not given[stream].holds(repeated):
                yield Violation("overlap", f"{stream} at {offset}, shown up to {reached}")
        elif offset > reached and truth.feed_is_whole:
            yield Violation("hole", f"{stream} from {reached} to {offset}")
        notes.add(note)
        given[stream].lay(offset, output_bytes(event))
    for stream, laid in lay_together(truth.feed).items():
        if not given[stream].holds(laid):
            yield Violation("lost", f"output of {stream} that the feed holds")
    for stream, kept in _results(truth.log):
        yield from _check_result(stream, given[stream], kept, whole=truth.feed_is_whole)


def _check_result(stream: Stream, given: Laid, kept: bytes, *, whole: bool) -> Iterator[Violation]:
    result = Laid()
    result.lay(0, kept)
    if not result.holds(given):
        yield Violation("altered", f"output of {stream} is not that of the result")
    elif whole and not given.holds(result):
        yield Violation("hole", f"{stream} ends at {len(given.content)} of {len(kept)}")


def _check_ends(shown: Sequence[Shown]) -> Iterator[Violation]:
    """Nothing of a job comes after its terminal event."""
    ended: set[str] = set()
    for event in shown:
        if event["job_id"] in ended:
            yield Violation("late", f"{event['type']} after the end of {event['job_id']}")
        if event["type"] in TERMINAL:
            ended.add(event["job_id"])


def lay_together(notes: Sequence[Shown]) -> dict[Stream, Laid]:
    """The output among these notes, by stream."""
    laid: dict[Stream, Laid] = defaultdict(Laid)
    for note in notes:
        if note["type"] == OUTPUT:
            laid[stream_of(note)].lay(note["data"]["offset"], output_bytes(note))
    return laid


def _results(log: Sequence[Shown]) -> Iterator[tuple[Stream, bytes]]:
    """What each program printed, where its result kept all of it."""
    for event in log:
        if event["type"] not in TERMINAL or event["data"].get("result") is None:
            continue
        for name in ("stdout", "stderr"):
            output = event["data"]["result"][name]
            if not output["truncated"]:
                stream = event["job_id"], event["data"]["attempt"], "run", name
                yield stream, _bytes(output["content"], output["encoding"])


def stream_of(note: Shown) -> Stream:
    """Whose output a note is."""
    fields = note["data"]
    return note["job_id"], fields["attempt"], fields["stage"], fields["stream"]


def output_bytes(note: Shown) -> bytes:
    """What a note of output holds."""
    return _bytes(note["data"]["content"], note["data"]["encoding"])


def _bytes(content: str, encoding: str) -> bytes:
    return base64.b64decode(content) if encoding == "base64" else content.encode()


def _essence(event: Shown) -> str:
    """An event without its cursor, which depends on who is shown it."""
    return repr((event.get("seq"), event["type"], event["job_id"], event["time"], event["data"]))
