"""``headrace run FILE``: forwards the program's output to ours, and its exit code."""

import asyncio
import base64
import signal
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import msgspec

from headrace.cli.job_line import show_job
from headrace.cli.waiting_line import WaitingLine
from headrace.client.client import AsyncClient
from headrace.client.models import (
    Language,
    has_known_encoding,
    kept_bytes,
    kind_of,
    output_bytes,
    output_pieces,
)
from shared.contract.codec import EventObject
from shared.domain.record import JobRecord
from shared.domain.result import Output, Result

EXIT_TIMEOUT = 124
"""The exit code of timeout(1)."""
EXIT_FAILED = 1
EXIT_SIGNAL = 128
EXIT_INTERRUPTED = 130

OUTPUT_TYPE = "job.output.v1"
COMPILE_STAGE, PROGRAM_STAGE = "compile", "run"
BEGINNING_MISSING = "the beginning is not kept for so long; all of it comes when the job ends"
FROM_NEWER = "some of it is of a newer version than this; all of it comes when the job ends"

BY_EXTENSION = {
    "py": "python",
    "js": "javascript",
    "mjs": "javascript",
    "cjs": "javascript",
    "ts": "typescript",
    "mts": "typescript",
    "sh": "bash",
    "c": "c",
    "cpp": "c++",
    "cc": "c++",
    "cxx": "c++",
    "java": "java",
    "rs": "rust",
    "go": "go",
    "rb": "ruby",
    "php": "php",
    "pl": "perl",
    "lua": "lua",
    "sql": "sqlite",
}
"""Language of a file extension that no live executor offers."""


class UnknownLanguageError(Exception):
    """The file's name does not determine its language."""


def language_of(path: Path, languages: Sequence[Language]) -> str:
    """The offered language of a file's extension. Raises UnknownLanguageError."""
    extension = path.suffix.lstrip(".")
    for language in languages:
        if extension and extension == language.extension:
            return language.name
    known = BY_EXTENSION.get(extension)
    if known is None:
        raise UnknownLanguageError(f"which language is {path.name}? Say it with --language")
    return known


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
    ) -> None:
        """Write to these or, if `sink_of` is given, to what it returns for each stage and stream.

        `before` is called before each write.
        """
        self._before = before
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
            self._attempt = event.data.get("attempt", self._attempt)
            self._written.clear()
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
            if output is not None:
                piece = kept_bytes(output)[self._written[stage, stream] :]
                self._write(stage, stream, piece, is_programs=False)

    def _finish_last(self, stage: str, result: Result) -> None:
        """Write what is missing of both streams in the order in which it came."""
        left = {stream: self._written[stage, stream] for stream in ("stdout", "stderr")}
        # An empty stream has a sink too.
        for stream, piece in (*output_pieces(result), ("stdout", b""), ("stderr", b"")):
            written = min(left[stream], len(piece))
            left[stream] -= written
            if written < len(piece) or not piece:
                self._write(stage, stream, piece[written:], is_programs=stage != COMPILE_STAGE)

    def _show_note(self, event: EventObject) -> None:
        stage, stream, offset = event.data["stage"], event.data["stream"], event.data["offset"]
        if event.data["attempt"] != self._attempt or offset < self._written[stage, stream]:
            return
        # A gap in the feed is filled from the result at the end: order matters more than latency.
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


async def run_program(
    client: AsyncClient,
    submission: dict[str, Any],
    *,
    key: str | None = None,
    line: WaitingLine,
    as_json: bool,
) -> JobRecord:
    """Submit, show, and return the finished job. Ctrl-C cancels it.

    `line` shows what is waited for until the first byte of output, and is closed then.
    """
    line.tell("submitting")
    job = await client.submit(submission, key=key)
    printer = Printer(sys.stdout.buffer, sys.stderr.buffer, before=line.close)
    loop = asyncio.get_running_loop()
    cancelling: set[asyncio.Task[Any]] = set()

    def cancel() -> None:
        cancelling.add(asyncio.create_task(client.cancel(job.job_id)))

    loop.add_signal_handler(signal.SIGINT, cancel)
    try:
        async with show_job(line, client, job) as job_line:
            async for event in client.follow(job.job_id):
                job_line.show(event)
                if not as_json:
                    printer.show(event)
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        await asyncio.gather(*cancelling, return_exceptions=True)
    ended = await client.get(job.job_id)
    line.close()
    if as_json:
        print_json(ended)
    else:
        printer.finish(ended.result)
        explain(ended)
    return ended


def exit_code(job: JobRecord) -> int:
    """The exit code that a shell would see if it had run the program."""
    result = job.result or Result()
    match job.status:
        case "completed":
            return 0
        case "timeout":
            return EXIT_TIMEOUT
        case "cancelled":
            return EXIT_INTERRUPTED
        case _ if job.reason == "exit_code" and result.exit_code is not None:
            return result.exit_code
        case _ if job.reason == "signal" and result.signal is not None:
            return EXIT_SIGNAL + result.signal
        case _:
            return EXIT_FAILED


def explain(job: JobRecord) -> None:
    """One line on standard error where the exit code does not show the reason."""
    if job.status == "completed" or job.reason == "exit_code":
        return
    detail = f" ({job.detail})" if job.detail else ""
    print(f"headrace: {job.status}: {job.reason or job.cancelled_by}{detail}", file=sys.stderr)  # noqa: T201 - the command line's own output


def content_of(content: bytes) -> dict[str, str]:
    """Encode bytes for a submission."""
    try:
        return {"content": content.decode(), "encoding": "utf-8"}
    except UnicodeDecodeError:
        return {"content": base64.b64encode(content).decode(), "encoding": "base64"}


def print_json(value: object) -> None:
    """Print one JSON document on standard output."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()
