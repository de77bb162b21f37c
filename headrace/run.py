"""``headrace run FILE``: the program's own output on our output, its own exit code as ours."""

import asyncio
import base64
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from headrace.answers import Language, kept_bytes, output_bytes
from headrace.client import AsyncClient
from headrace.job_line import telling
from headrace.waiting_line import WaitingLine
from shared.contract.codec import EventObject
from shared.domain.events import Output, Result, StageName, StreamName
from shared.domain.record import JobRecord

EXIT_TIMEOUT = 124
"""As timeout(1) answers."""
EXIT_FAILED = 1
EXIT_SIGNAL = 128
EXIT_INTERRUPTED = 130

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
"""What a file is taken for where no live executor offers a language of its extension."""


class UnknownLanguageError(Exception):
    """The file's name does not tell its language."""


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
    """Where bytes go: a binary file, or what looks like one."""

    def write(self, piece: bytes, /) -> object:
        """Take all of it."""

    def flush(self) -> object:
        """Hold nothing back."""


class Printer:
    """Writes a job's output as it comes, and what the feed did not bring when the job ends.

    What a compiler prints goes to stderr, so that stdout is the program's alone.
    """

    def __init__(
        self,
        stdout: Sink,
        stderr: Sink,
        compile_stdout: Sink | None = None,
        compile_stderr: Sink | None = None,
        *,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """Write to these; a compiler's to `stderr` where it has none of its own. `before` comes first."""
        self._to: dict[tuple[StageName, StreamName], Sink] = {
            ("run", "stdout"): stdout,
            ("run", "stderr"): stderr,
            ("compile", "stdout"): compile_stdout or stderr,
            ("compile", "stderr"): compile_stderr or stderr,
        }
        self._written = dict.fromkeys(self._to, 0)
        self._attempt = 0
        self._before = before
        self.holds_back = False
        """Whether output came whose beginning was missing."""

    def show(self, event: EventObject) -> None:
        """Write what one event of the job brings."""
        kind = event.type.split(".")[1]
        if kind == "running":
            self._attempt = event.data["attempt"]
            self._written = dict.fromkeys(self._written, 0)
        elif kind == "output":
            self._show_note(event)

    def finish(self, result: Result | None) -> None:
        """Write what is in the result and was not written yet (all of it, if the feed brought nothing)."""
        if result is None:
            return
        for report in result.stages[:-1]:
            self._finish_stage(report.name, report.stdout, report.stderr)
        last = result.stages[-1].name if result.stages else "run"
        self._finish_stage(last, result.stdout, result.stderr)

    def _finish_stage(self, stage: StageName, stdout: Output | None, stderr: Output | None) -> None:
        streams: tuple[tuple[StreamName, Output | None], ...] = (("stdout", stdout), ("stderr", stderr))
        for stream, output in streams:
            if output is not None:
                self._write((stage, stream), kept_bytes(output)[self._written[stage, stream] :])

    def _show_note(self, event: EventObject) -> None:
        place, offset = (event.data["stage"], event.data["stream"]), event.data["offset"]
        # A gap in the feed is filled from the result at the end; order matters more than haste.
        if event.data["attempt"] == self._attempt and offset == self._written[place]:
            self._write(place, output_bytes(event))
        elif event.data["attempt"] == self._attempt and offset > self._written[place]:
            self.holds_back = True

    def _write(self, place: tuple[StageName, StreamName], piece: bytes) -> None:
        if piece:
            self._before()
        self._to[place].write(piece)
        self._to[place].flush()
        self._written[place] += len(piece)


async def run_program(
    client: AsyncClient,
    submission: dict[str, Any],
    *,
    key: str | None = None,
    line: WaitingLine,
    as_json: bool,
) -> JobRecord:
    """Submit, show, and return the finished job. Ctrl-C cancels it.

    `line` tells what is waited for until the first byte of output, and is closed then.
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
        async with telling(line, client, job) as told:
            async for event in client.follow(job.job_id):
                told.show(event)
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
    """What a shell would see if the program had run in it."""
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
    """One line on standard error where the exit code alone would not tell why."""
    if job.status == "completed" or job.reason == "exit_code":
        return
    detail = f" ({job.detail})" if job.detail else ""
    print(f"headrace: {job.status}: {job.reason or job.cancelled_by}{detail}", file=sys.stderr)  # noqa: T201 - the command line's own output


def content_of(content: bytes) -> dict[str, str]:
    """Bytes as a submission has them."""
    try:
        return {"content": content.decode(), "encoding": "utf-8"}
    except UnicodeDecodeError:
        return {"content": base64.b64encode(content).decode(), "encoding": "base64"}


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()
