"""Writes a job's output byte by byte: from its events as they come, and from its result what they lacked."""

from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Protocol

from headrace.client.models import (
    has_known_encoding,
    kept_parts,
    kind_of,
    output_bytes,
    placed_pieces,
)
from shared.contract.codec import EventObject
from shared.domain.result import Output, Result

OUTPUT_TYPE = "job.output.v1"
COMPILE_STAGE, PROGRAM_STAGE = "compile", "run"
BEGINNING_MISSING = "the beginning is not kept for so long; all of it comes when the job ends"
FROM_NEWER = "some of it is of a newer version than this; all of it comes when the job ends"


class Sink(Protocol):
    """Receives bytes: a binary file, or an object with the same methods."""

    def write(self, piece: bytes, /) -> object:
        """Write all of it."""

    def flush(self) -> object:
        """Flush every buffered byte."""


class Printer:
    """Writes a job's output as it arrives, and what the feed did not deliver when the job ends.

    Compiler output goes to stderr, so that stdout is only the program's, and so does the output of any other
    stage before the last. Output of a stage unknown to this version is held back until the result shows which
    stage was the last.
    """

    def __init__(
        self,
        stdout: Sink,
        stderr: Sink,
        sink_of: Callable[[str, str], Sink] | None = None,
        *,
        before: Callable[[], None] = lambda: None,
        is_live: bool = False,
        line_end: Callable[[], bytes] = lambda: b"\n",
    ) -> None:
        """Write to these or, if `sink_of` is given, to what it returns for each stage and stream.

        `before` is called before each write. With `is_live`, output after a gap is not held back until the
        end. `line_end` tells how a line of our own ends.
        """
        self._before = before
        self._is_live = is_live
        self._line_end = line_end
        self._stdout = stdout
        self._stderr = stderr
        self._sink_of = None if sink_of is None else cache(sink_of)
        self._written: Counter[tuple[str, str]] = Counter()
        self._attempt = 0
        self.held_back: str | None = None
        """Why received output is not written before the end; None if all of it was."""

    def show(self, event: EventObject) -> None:
        """Write the output in one event of the job."""
        if kind_of(event) == "running":
            self._begin(event.data.get("attempt", self._attempt + 1))
        elif event.type == OUTPUT_TYPE:
            self._show_note(event)

    def finish(self, result: Result | None) -> None:
        """Write the output of the result that was not written yet (all of it, if the feed delivered none)."""
        if result is None:
            return
        for report in result.stages[:-1]:
            self._finish_stage(report.name, report.stdout, report.stderr)
        self._finish_last(result.stages[-1].name if result.stages else PROGRAM_STAGE, result)

    def _finish_stage(self, stage: str, stdout: Output | None, stderr: Output | None) -> None:
        for stream, output in (("stdout", stdout), ("stderr", stderr)):
            for offset, piece in kept_parts(output) if output is not None else ():
                self._write_rest(stage, stream, offset, piece, is_programs=False)

    def _finish_last(self, stage: str, result: Result) -> None:
        """Write what is missing of both streams in the order in which it came."""
        # An empty stream has a sink too.
        for stream, offset, piece in (*placed_pieces(result), ("stdout", 0, b""), ("stderr", 0, b"")):
            self._write_rest(stage, stream, offset, piece, is_programs=stage != COMPILE_STAGE)

    def _write_rest(self, stage: str, stream: str, offset: int, piece: bytes, *, is_programs: bool) -> None:
        """Write what was not written of a piece and, if a gap is before it, how large that is."""
        written = self._written[stage, stream]
        if offset > written:
            self._tell_gap(stage, stream, offset)
        fresh = piece[max(0, written - offset) :]
        if fresh or not piece:
            self._write(stage, stream, fresh, is_programs=is_programs)

    def _tell_gap(self, stage: str, stream: str, until: int) -> None:
        missing = until - self._written[stage, stream]
        self._before()
        end = self._line_end()
        self._stderr.write(b"headrace: %d bytes of the output are not kept here%b" % (missing, end))
        self._stderr.flush()
        self._written[stage, stream] = until

    def _begin(self, attempt: int) -> None:
        """A later attempt writes from the beginning. Its output may come before the event that it runs."""
        if attempt > self._attempt:
            self._attempt = attempt
            self._written.clear()

    def _show_note(self, event: EventObject) -> None:
        stage, stream, offset = event.data["stage"], event.data["stream"], event.data["offset"]
        self._begin(event.data["attempt"])
        if event.data["attempt"] != self._attempt or offset < self._written[stage, stream]:
            return
        if offset > self._written[stage, stream] and self._is_live:
            self._tell_gap(stage, stream, offset)
        # Otherwise a gap is filled from the result at the end: order matters more than latency.
        if offset > self._written[stage, stream]:
            self.held_back = BEGINNING_MISSING
        elif not has_known_encoding(event) or not self._is_placed(stage, stream):
            self.held_back = FROM_NEWER
        else:
            self._write(stage, stream, output_bytes(event), is_programs=stage == PROGRAM_STAGE)

    def _is_placed(self, stage: str, stream: str) -> bool:
        """Whether the destination is known: only the program's own output goes to stdout."""
        known = {PROGRAM_STAGE, COMPILE_STAGE}
        return self._sink_of is not None or stage in known or stream not in {"stdout", "stderr"}

    def _write(self, stage: str, stream: str, piece: bytes, *, is_programs: bool) -> None:
        if self._sink_of is not None:
            sink = self._sink_of(stage, stream)
        else:
            sink = self._stdout if is_programs and stream == "stdout" else self._stderr
        if piece:
            self._before()
        sink.write(piece)
        sink.flush()
        self._written[stage, stream] += len(piece)
